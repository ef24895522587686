// SPDX-License-Identifier: Apache-2.0
// Walks over tables, registers, stacks and memory that a number source makes up. Most numbers are
// drawn from places that lead on, so that walks go further than one step.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "process/memory.h"
#include "unwind/walker.h"

namespace jtrace::test {

template <class T>
concept NumberSource = requires(T source) {
  { source() } -> std::convertible_to<std::uint64_t>;
};

// Reads of it are drawn as well; counted, since a walk must not read without end.
class HostileMemory final : public process::MemoryReader {
 public:
  using MemoryReader::read;
  explicit HostileMemory(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] bool read(ProcessAddr from, std::span<std::byte> into) const override {
    ++reads_;
    for (std::size_t i = 0; i < into.size(); ++i) {
      const std::uint64_t at = from.value + i;
      into[i] = static_cast<std::byte>(word(at / 8) >> (at % 8 * 8));
    }
    return ((from.value ^ seed_) & 127) != 0;
  }
  [[nodiscard]] std::size_t reads() const { return reads_; }

 private:
  // Mostly small: tags, sizes and names that pass their checks.
  [[nodiscard]] std::uint64_t word(std::uint64_t index) const {
    const std::uint64_t h = std::rotl((index + seed_) * 0x9e3779b97f4a7c15ULL, 32);
    const std::uint64_t how = h >> 60;
    return how == 0 ? h * h : how < 8 ? h % 16 : how == 8 ? h % 2 << 32 : 0;
  }

  std::uint64_t seed_;
  mutable std::size_t reads_ = 0;
};

template <NumberSource Source>
class HostileWalk {
 public:
  static constexpr std::uint64_t kStack = 0x7f0000000000;
  static constexpr std::uint64_t kCode = 0x7e0000000000;

  explicit HostileWalk(Source source) : next_(source), memory_(next_()) {
    jvms_.resize(odd() ? 0 : 2);
    for (jt_hotspot& vm : jvms_) fill(vm);
    rules_.resize(1 + next_() % 15);
    for (jt_rule& rule : rules_) fill(rule);
    rows_.resize(next_() % 32);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      rows_[i] = {static_cast<std::uint32_t>(odd() ? next_() : i * 64),
                  static_cast<std::uint32_t>(odd() ? next_() : next_() % rules_.size())};
    }
    ranges_.resize(1 + next_() % 6);
    for (std::size_t i = 0; i < ranges_.size(); ++i) fill(ranges_[i], i);
    stack_.resize(odd() ? next_() % 16 : 256);
    for (std::uint64_t& word : stack_) word = next_() % 4 == 0 ? value() : code();
  }

  // Of the promises that were broken, the first; nothing where all were kept.
  [[nodiscard]] std::optional<const char*> run() {
    const std::uint32_t max = odd() ? static_cast<std::uint32_t>(next_())
                                    : static_cast<std::uint32_t>(next_() % (JT_MAX_FRAMES + 2));
    unwind::WalkInput input;
    input.regs = {.pc = odd() ? value() : code(),
                  .sp = odd() ? value() : kStack,
                  .fp = odd() ? value() : kStack + next_() % 256 * 8,
                  .bx = value(),
                  .r13 = value(),
                  .ax = value(),
                  .di = value()};
    input.exact = (next_() & 1) != 0;
    input.stack = std::as_bytes(std::span(stack_));
    input.stack = input.stack.first(input.stack.size() - (odd() ? input.stack.size() % 9 : 0));
    input.absent_pages = odd() ? static_cast<std::uint32_t>(next_()) : 0;
    const auto jvm = static_cast<std::uint32_t>(jvms_.size());
    const auto walk = unwind::walk({ranges_, rows_, rules_, jvms_, jvm}, input, memory_, max);
    frames_ = walk.frames.size();
    if (frames_ > max || frames_ > JT_MAX_FRAMES) return "too many frames";
    if (walk.status >= JT_STATUS_COUNT) return "no such status";
    // 24 hops, the blob, its name.
    if (memory_.reads() > (frames_ + 1) * 26) return "too many reads";
    for (const jt_frame& frame : walk.frames) {
      const auto kind = (frame.where >> JT_ADDR_BITS) & JT_FRAME_KIND_MASK;
      if (kind == JT_FRAME_NONE || kind > JT_FRAME_GAP) return "no such kind of frame";
    }
    return std::nullopt;
  }
  [[nodiscard]] std::size_t frames() const { return frames_; }

 private:
  bool odd() { return next_() % 16 == 0; }

  std::uint64_t value() {
    switch (next_() % 16) {
      case 0:
        return next_();
      case 1:
        return next_() % 4096;
      case 2:
      case 3:
      case 4:
      case 5:
        return kStack + next_() % 256 * 8;
      default:
        return code();
    }
  }
  std::uint64_t code() {
    return kCode + next_() % (ranges_.size() * 64) * 64 + (odd() ? next_() % 64 : 32);
  }

  // Any bit pattern, but for the fields that decide whether anything happens at all.
  template <class T>
  void scramble(T& object) {
    std::array<std::byte, sizeof(T)> bytes;
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(next_());
    object = std::bit_cast<T>(bytes);
  }

  void fill(jt_rule& rule) {
    if (odd()) return scramble(rule);
    constexpr std::array kKinds{JT_CFA_RSP,       JT_CFA_RSP,   JT_CFA_RSP,    JT_CFA_RSP,
                                JT_CFA_RSP,       JT_CFA_RBP,   JT_CFA_RBX,    JT_CFA_DEREF_RBP,
                                JT_CFA_DEREF_RSP, JT_CFA_PLT,   JT_CFA_SIGNAL, JT_CFA_OTHER,
                                JT_CFA_CLONE,     JT_CFA_IN_RDI};
    rule.cfa_kind = kKinds[next_() % kKinds.size()];
    rule.cfa_off = static_cast<std::int32_t>(next_() % 6 * 8);
    rule.cfa_add = static_cast<std::int32_t>(next_() % 16 * 8);
    rule.rbp_off = static_cast<std::int16_t>(2 - static_cast<std::int64_t>(next_() % 128));
    rule.rbx_off = static_cast<std::int16_t>(2 - static_cast<std::int64_t>(next_() % 128));
    rule.ra_off = static_cast<std::int16_t>(odd() ? next_() : std::uint64_t{0} - 8);
    rule.flags = static_cast<std::uint8_t>(next_() % 2);
  }

  void fill(jt_range& range, std::size_t i) {
    if (odd()) return scramble(range);
    range.start = kCode + i * 0x1000;
    range.end = range.start + 0x1000;
    range.bias = kCode;
    range.rows = static_cast<std::uint32_t>(odd() ? next_() : rows_.size());
    range.kind = static_cast<std::uint16_t>(odd() ? next_() % 4 : 1 + next_() % 2);
    range.jvm = static_cast<std::uint16_t>(odd() ? next_() % 3 : 0);
  }

  void fill(jt_hotspot& vm) {
    scramble(vm);
    if (odd()) return;
    for (jt_code_heap& heap : vm.heaps) {
      heap.low = kCode;
      heap.high = kCode + 0x6000;
      heap.shift %= 8;
    }
    vm.interpreter_lo = kCode + next_() % 0x6000;
    vm.interpreter_hi = vm.interpreter_lo + next_() % 0x1000;
    vm.call_stub_return = kCode + next_() % 64 * 64 + 32;
    vm.name_nmethod = next_() % 4;
    vm.name_native = next_() % 4;
    vm.block_used = next_() % 8 * 8;
    vm.off_deopt_mh = odd() ? next_() % 128 : 0;
    vm.blob_bytes = odd() ? next_() % 1024 : 256;
    vm.slot_sender_sp = -1;
    vm.block_header = 16;
    for (auto* offset :
         {&vm.off_name, &vm.off_frame_size, &vm.off_compile_id, &vm.off_deopt, &vm.off_orig_pc}) {
      *offset = next_() % 16 * 8;
    }
  }

  Source next_;
  HostileMemory memory_;
  std::vector<jt_hotspot> jvms_;
  std::vector<jt_rule> rules_;
  std::vector<jt_row> rows_;
  std::vector<jt_range> ranges_;
  std::vector<std::uint64_t> stack_;
  std::size_t frames_ = 0;
};

}  // namespace jtrace::test
