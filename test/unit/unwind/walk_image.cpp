// SPDX-License-Identifier: Apache-2.0
#include "walk_image.h"

#include <algorithm>
#include <string>

namespace jtrace::test {
namespace {

constexpr std::uint32_t kFunctionBytes = 64;
constexpr std::uint32_t kCall = 32;  // in the function
constexpr std::uint64_t kTextBytes = 1U << 20;

// Offsets of the CodeBlob's fields, those of no JDK.
constexpr std::uint16_t kName = 8;
constexpr std::uint16_t kFrameSize = 24;
constexpr std::uint16_t kCodeBegin = 32;
constexpr std::uint16_t kCompileId = 40;
constexpr std::uint16_t kDeoptField = 48;
constexpr std::uint16_t kDeoptMhField = 52;
constexpr std::uint16_t kOrigPcField = 56;
constexpr std::uint16_t kBlockUsed = 8;
constexpr std::uint16_t kBlobBytes = JvmImage::kHeader + 64;

jt_hotspot description() {
  jt_hotspot vm{};
  vm.heaps[0] = {.low = JvmImage::kHeap,
                 .high = JvmImage::kHeap + (JvmImage::kSegments << JvmImage::kShift),
                 .segmap = JvmImage::kSegmap,
                 .shift = JvmImage::kShift,
                 .pad = 0};
  vm.heap_count = 1;
  vm.interpreter_lo = JvmImage::kInterpreter;
  vm.interpreter_hi = JvmImage::kInterpreter + 0x8000;
  vm.call_stub_return = JvmImage::kCallStub;
  vm.name_nmethod = JvmImage::kNmethod;
  vm.name_native = JvmImage::kNative;
  vm.block_header = JvmImage::kHeader;
  vm.block_used = kBlockUsed;
  vm.blob_bytes = kBlobBytes;
  vm.off_name = kName;
  vm.off_frame_size = kFrameSize;
  vm.off_code_begin = kCodeBegin;
  vm.off_compile_id = kCompileId;
  vm.off_deopt = kDeoptField;
  vm.off_deopt_mh = kDeoptMhField;
  vm.off_orig_pc = kOrigPcField;
  vm.code_is_offset = 1;
  vm.deopt_is_offset = 1;
  vm.slot_sender_sp = -1;
  vm.slot_method = -3;
  vm.slot_bcp = -8;
  return vm;
}

}  // namespace

jt_rule cfa_rule(jt_cfa_kind kind, int cfa_off, int rbp_off, int rbx_off) {
  jt_rule rule{};
  rule.cfa_kind = static_cast<std::uint8_t>(kind);
  rule.cfa_off = cfa_off;
  rule.rbp_off = static_cast<std::int16_t>(rbp_off);
  rule.rbx_off = static_cast<std::int16_t>(rbx_off);
  rule.ra_off = -8;
  return rule;
}

bool SparseMemory::read(ProcessAddr from, std::span<std::byte> into) const {
  ++reads_;
  const auto after = parts_.upper_bound(from.value);
  if (after == parts_.begin()) return false;
  const auto& [base, bytes] = *std::prev(after);
  const std::uint64_t offset = from.value - base;
  if (into.size() > bytes.size() || offset > bytes.size() - into.size()) return false;
  std::ranges::copy(std::span(bytes).subspan(offset, into.size()), into.begin());
  return true;
}

void SparseMemory::put(std::uint64_t at, std::span<const std::byte> bytes) {
  auto& [base, into] = *std::prev(parts_.upper_bound(at));
  // at() for its check: a test that writes elsewhere is wrong.
  for (std::size_t i = 0; i < bytes.size(); ++i) into.at(at - base + i) = bytes[i];
}

WalkImage::WalkImage() : stack(kStackBytes) {
  jt_range text{};
  text.start = kText;
  text.end = kText + kTextBytes;
  text.bias = kText;
  text.mapping = kMapping;
  text.kind = JT_RANGE_NATIVE;
  ranges.push_back(text);
}

std::uint64_t WalkImage::function(const jt_rule& rule) {
  const auto pc = static_cast<std::uint32_t>(rows.size()) * kFunctionBytes;
  rows.push_back({pc, static_cast<std::uint32_t>(rules.size())});
  rules.push_back(rule);
  const auto text = std::ranges::find(ranges, kText, &jt_range::start);
  text->rows = static_cast<std::uint32_t>(rows.size());
  return kText + pc + kCall;
}

void WalkImage::set(std::uint64_t address, std::uint64_t value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  for (std::size_t i = 0; i < bytes.size(); ++i) stack.at(address - kStack + i) = bytes[i];
}

unwind::WalkInput WalkImage::input(const jt_regs& regs) const {
  return {.regs = regs, .exact = false, .stack = stack, .absent_pages = 0};
}

unwind::WalkResult WalkImage::walk(const unwind::WalkInput& input, std::uint32_t max_frames) const {
  return unwind::walk({.ranges = ranges, .rows = rows, .rules = rules, .jvms = jvms}, input, memory,
                      max_frames);
}

void WalkImage::add_range(const jt_range& range) {
  ranges.push_back(range);
  std::ranges::sort(ranges, {}, &jt_range::start);
}

JvmImage::JvmImage() {
  jvms.push_back(description());
  jt_range heap{};
  heap.start = jvm().heaps[0].low;
  heap.end = jvm().heaps[0].high;
  heap.kind = JT_RANGE_HOTSPOT;
  add_range(heap);
  memory.add(kHeap, kSegments << kShift);
  memory.add(kSegmap, kSegments);
  for (std::uint32_t i = 0; i < kSegments; ++i) set_tag(i, 0xff);
  memory.add(kNames, 256);
  const auto put_text = [this](std::uint64_t at, std::string_view text) {
    memory.put(at, std::as_bytes(std::span(text)));
  };
  put_text(kNmethod, "nmethod");
  put_text(kNative, "native nmethod");
  put_text(kStub, "RuntimeStub - nmethod");
  put_text(kAdapter, "I2C/C2I adapters");
}

std::uint64_t JvmImage::add_blob(const Blob& blob) {
  // As CodeHeap::mark_segmap_as_used does: hops of at most 254 segments.
  for (std::uint32_t i = 0; i < blob.segments; ++i) {
    set_tag(blob.segment + i, i == 0 ? 0 : static_cast<int>((i - 1) % 254 + 1));
  }
  const std::uint64_t block = kHeap + (std::uint64_t{blob.segment} << kShift);
  const std::uint64_t at = block + kHeader;
  memory.put(block, std::uint64_t{blob.segments});
  memory.put(block + kBlockUsed, std::uint8_t{blob.used});
  memory.put(at + kName, blob.name);
  memory.put(at + kFrameSize, blob.frame_words);
  memory.put(at + kCompileId, blob.compile_id);
  memory.put(at + kDeoptField, kDeopt);
  memory.put(at + kDeoptMhField, kDeoptMh);
  memory.put(at + kOrigPcField, kOrigPc);
  return at;
}

void JvmImage::set_tag(std::uint32_t segment, int tag) {
  memory.put(kSegmap + segment, static_cast<std::uint8_t>(tag));
}

void JvmImage::set_interpreted(const Interpreted& f) {
  set(f.fp, f.sender_fp);
  set(f.fp + 8, f.sender_pc);
  set(f.fp - 8, f.sender_sp);
  set(f.fp - 24, f.method);
  set(f.fp - 64, f.bytecode);
}

}  // namespace jtrace::test
