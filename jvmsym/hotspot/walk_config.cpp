// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/walk_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <unordered_set>

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::uint64_t kMaxInterpreter = 64ULL << 20;  // JDK 17 release: 256 KiB, debug: some MiB
constexpr std::size_t kMaxBlobs = 20'000;               // of one heap, looked through for a name
constexpr std::size_t kMaxNames = 4096;
constexpr std::size_t kMaxName = 64;

Status fill_interpreter(const process::MemoryReader& memory, const InterpreterLayout& layout,
                        jt_hotspot& config) {
  const auto unreadable = [] {
    return fail(Errc::Target, "read the JVM's interpreter: memory not readable");
  };
  const auto queue = memory.read<std::uint64_t>(layout.code);
  const auto call_stub = memory.read<std::uint64_t>(layout.call_stub_return);
  if (!queue || !call_stub) return unreadable();
  if (*queue == 0 || *call_stub == 0) {
    return fail(Errc::Target, "the JVM is not ready: it has no interpreter yet");
  }
  const auto buffer = memory.read<std::uint64_t>(ProcessAddr{*queue + layout.buffer});
  const auto limit = memory.read<std::uint32_t>(ProcessAddr{*queue + layout.buffer_limit});
  if (!buffer || !limit) return unreadable();
  if (*buffer == 0 || *limit == 0) {
    return fail(Errc::Target, "the JVM is not ready: its interpreter has no code yet");
  }
  if (*limit > kMaxInterpreter || *buffer > JT_ADDR_MASK - *limit) {
    return fail(Errc::Target, "the JVM's interpreter makes no sense");
  }
  config.interpreter_lo = *buffer;
  config.interpreter_hi = *buffer + *limit;
  config.call_stub_return = *call_stub;
  return {};
}

void fill_heaps(const std::vector<CodeHeapInfo>& heaps, jt_hotspot& config) {
  for (const CodeHeapInfo& heap : heaps) {
    if (config.heap_count == JT_MAX_HEAPS) return;
    config.heaps[config.heap_count++] = {
        .low = heap.low, .high = heap.high, .segmap = heap.segmap, .shift = heap.shift, .pad = 0};
  }
}

// The one member of a place that the ABI can tell: a pointer, or an offset from the blob.
std::uint16_t place_offset(const Place& place) {
  return static_cast<std::uint16_t>(place.term[0].offset);
}

Status fill_offsets(const HeapLayout& heap, const BlobLayout& blob, jt_hotspot& config) {
  const std::uint32_t bytes =
      heap.block_header + std::max({blob.name.end(), blob.frame_size.end(), blob.code_begin.end(),
                                    blob.compile_id.end(), blob.deopt.end(), blob.deopt_mh.end(),
                                    blob.orig_pc.end(), blob.frame_complete.end()});
  if (bytes > JT_BLOB_BYTES || heap.block_used.offset >= heap.block_header) {
    return fail(Errc::Target,
                fmt::format("the JVM's nmethod header is too large: {} bytes", bytes));
  }
  config.block_header = static_cast<std::uint16_t>(heap.block_header);
  config.block_used = static_cast<std::uint16_t>(heap.block_used.offset);
  config.blob_bytes = static_cast<std::uint16_t>(bytes);
  config.off_name = static_cast<std::uint16_t>(blob.name.offset);
  config.off_frame_size = static_cast<std::uint16_t>(blob.frame_size.offset);
  config.off_code_begin = place_offset(blob.code_begin);
  config.off_compile_id = static_cast<std::uint16_t>(blob.compile_id.offset);
  config.off_deopt = place_offset(blob.deopt);
  config.off_deopt_mh = place_offset(blob.deopt_mh);
  config.off_orig_pc = static_cast<std::uint16_t>(blob.orig_pc.offset);
  config.off_frame_complete = static_cast<std::uint16_t>(blob.frame_complete.offset);
  config.frame_complete_bytes = static_cast<std::uint8_t>(blob.frame_complete.size);
  config.code_is_offset = blob.code_begin.from_blob ? 1 : 0;
  config.deopt_is_offset = blob.deopt.from_blob ? 1 : 0;
  return {};
}

}  // namespace

Result<jt_hotspot> make_walk_config(const process::MemoryReader& memory, const Layout& layout,
                                    const std::vector<CodeHeapInfo>& heaps) {
  if (!layout.heap || !layout.interpreter || !layout.blob) {
    return fail(Errc::Target, fmt::format("this JVM ({}) cannot be walked: {}", layout.version,
                                          fmt::join(layout.missing, ", ")));
  }
  jt_hotspot config{};
  fill_heaps(heaps, config);
  JT_CHECK_OK(fill_interpreter(memory, *layout.interpreter, config));
  JT_CHECK_OK(fill_offsets(*layout.heap, *layout.blob, config));
  config.slot_sender_sp = layout.slot_sender_sp;
  config.slot_method = layout.slot_method;
  config.slot_bcp = layout.slot_bcp;
  return config;
}

bool learn_names(const process::MemoryReader& memory, const BlobReader& blobs,
                 const std::vector<CodeHeapInfo>& heaps, jt_hotspot& config) {
  bool learned = false;
  std::unordered_set<std::uint64_t> seen;
  const auto visit = [&](const BlobHeader& header) {
    if (seen.size() < kMaxNames && header.name != 0 && seen.insert(header.name).second) {
      const auto name = process::read_c_string(memory, ProcessAddr{header.name}, kMaxName);
      if (name == "nmethod" && config.name_nmethod == 0) {
        config.name_nmethod = header.name;
        learned = true;
      } else if (name == "native nmethod" && config.name_native == 0) {
        config.name_native = header.name;
        learned = true;
      }
    }
    return config.name_nmethod == 0 || config.name_native == 0;
  };
  for (const CodeHeapInfo& heap : heaps) {
    if (config.name_nmethod != 0 && config.name_native != 0) break;
    blobs.for_each(heap, kMaxBlobs, visit);
  }
  return learned;
}

}  // namespace jtrace::jvmsym::hotspot
