// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/code_heap.h"

#include <fmt/format.h>

#include <algorithm>

#include "bpf/jtrace_abi.h"

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::uint32_t kMaxHeaps = 8;              // JDK 26 has 4
constexpr std::uint64_t kMaxReserved = 2ULL << 30;  // HotSpot's own limit of a code cache
constexpr std::uint32_t kMinShift = 4, kMaxShift = 16;
constexpr std::uint64_t kMaxSegmap = 64ULL << 20;
constexpr std::uint8_t kFreeSegment = 0xff;
// A hop covers up to 254 segments; joined free blocks leave further ones behind (longest seen: 9).
constexpr int kMaxHops = 24;

Result<CodeHeapInfo> read_heap(const process::MemoryReader& memory, const HeapLayout& layout,
                               std::uint64_t address) {
  const auto bytes =
      Bytes::read(memory, ProcessAddr{address}, layout.heap_bytes, layout.heap_bytes);
  if (!bytes) return fail(Errc::Target, "read the JVM's code heap: memory not readable");
  const auto word = [&](std::uint32_t offset) {
    return bytes->get<std::uint64_t>(offset).value_or(0);
  };
  CodeHeapInfo heap{.low = word(layout.memory_low_boundary),
                    .high = word(layout.memory_high_boundary),
                    .committed = word(layout.memory_high),
                    .segmap = word(layout.segmap_low),
                    .segmap_end = word(layout.segmap_high),
                    .shift = bytes->get<std::uint32_t>(layout.log2_segment_size).value_or(0)};
  if (heap.low == 0 || heap.segmap == 0 || heap.committed == heap.low) {
    return fail(Errc::Target, "the JVM is not ready: a code heap has no memory yet");
  }
  const bool sane = heap.low < heap.high && heap.high - heap.low <= kMaxReserved &&
                    heap.high <= JT_ADDR_MASK && heap.committed >= heap.low &&
                    heap.committed <= heap.high && heap.segmap_end >= heap.segmap &&
                    heap.segmap_end - heap.segmap <= kMaxReserved && heap.shift >= kMinShift &&
                    heap.shift <= kMaxShift;
  if (!sane) return fail(Errc::Target, "the JVM's code heap makes no sense");
  return heap;
}

}  // namespace

Result<std::vector<CodeHeapInfo>> read_code_heaps(const process::MemoryReader& memory,
                                                  const HeapLayout& layout) {
  const auto not_ready = [] {
    return fail(Errc::Target, "the JVM is not ready: it has no code cache yet");
  };
  const auto pointer = memory.read<std::uint64_t>(layout.heaps);
  if (!pointer) return fail(Errc::Target, "read the JVM's code cache: memory not readable");
  if (*pointer == 0) return not_ready();
  std::vector<std::uint64_t> addresses = {*pointer};
  if (!layout.single_heap) {
    const auto count = memory.read<std::uint32_t>(ProcessAddr{*pointer + layout.array_length});
    const auto data = memory.read<std::uint64_t>(ProcessAddr{*pointer + layout.array_data});
    if (!count || !data)
      return fail(Errc::Target, "read the JVM's code cache: memory not readable");
    if (*count == 0 || *data == 0) return not_ready();
    if (*count > kMaxHeaps) {
      return fail(Errc::Target, fmt::format("the JVM says it has {} code heaps", *count));
    }
    addresses.resize(*count);
    if (!memory.read(ProcessAddr{*data}, std::as_writable_bytes(std::span(addresses)))) {
      return fail(Errc::Target, "read the JVM's code cache: memory not readable");
    }
  }
  std::vector<CodeHeapInfo> heaps;
  for (const std::uint64_t address : addresses) {
    if (address == 0) return not_ready();
    JT_TRY(const CodeHeapInfo heap, read_heap(memory, layout, address));
    heaps.push_back(heap);
  }
  return heaps;
}

std::optional<BlobHeader> BlobReader::read(ProcessAddr blob, BlobState& state) const {
  state = BlobState::Unreadable;
  if (blob.value < heap_.block_header) return std::nullopt;
  const auto block = Bytes::read(memory_, ProcessAddr{blob.value - heap_.block_header},
                                 heap_.block_header + header_bytes_, 2 * JT_BLOB_BYTES);
  if (!block) return std::nullopt;
  state = BlobState::Free;
  if (heap_.block_used.get(*block).value_or(0) == 0) return std::nullopt;
  const auto tail = block->span().subspan(heap_.block_header);
  BlobHeader header;
  header.blob = blob;
  header.bytes = Bytes(std::vector<std::byte>(tail.begin(), tail.end()));
  header.code_begin = blob_.code_begin.get(header.bytes, blob).value_or(0);
  header.code_end = blob_.code_end.get(header.bytes, blob).value_or(0);
  header.name = blob_.name.get(header.bytes).value_or(0);
  header.method = blob_.method.get(header.bytes).value_or(0);
  header.compile_id = static_cast<std::uint32_t>(blob_.compile_id.get(header.bytes).value_or(0));
  header.comp_level = static_cast<int>(blob_.comp_level.get(header.bytes).value_or(0));
  state = BlobState::Live;
  return header;
}

std::optional<ProcessAddr> BlobReader::find(const CodeHeapInfo& heap, std::uint64_t pc) const {
  if (pc < heap.low || pc >= heap.committed) return std::nullopt;
  std::uint64_t index = (pc - heap.low) >> heap.shift;
  for (int hop = 0; hop < kMaxHops; ++hop) {
    const auto tag = memory_.read<std::uint8_t>(ProcessAddr{heap.segmap + index});
    if (!tag || *tag == kFreeSegment || *tag > index) return std::nullopt;
    if (*tag == 0) return ProcessAddr{heap.low + (index << heap.shift) + heap_.block_header};
    index -= *tag;
  }
  return std::nullopt;
}

std::vector<std::uint64_t> BlobReader::block_starts(const CodeHeapInfo& heap) const {
  const std::uint64_t segments =
      std::min((heap.committed - heap.low) >> heap.shift, heap.segmap_end - heap.segmap);
  const auto map = Bytes::read(memory_, ProcessAddr{heap.segmap}, segments, kMaxSegmap);
  std::vector<std::uint64_t> starts;
  if (!map) return starts;
  for (std::uint64_t i = 0; i < map->size(); ++i) {
    if (map->span()[i] == std::byte{0}) starts.push_back(heap.low + (i << heap.shift));
  }
  return starts;
}

}  // namespace jtrace::jvmsym::hotspot
