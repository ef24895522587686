// SPDX-License-Identifier: Apache-2.0
#include "session/walk_check.h"

#include <fmt/format.h>

#include <cstring>

namespace jtrace::session {
namespace {

using unwind::CfiStepper;

// As many stacks as are counted apart.
constexpr std::size_t kMaxStacks = 65536;

jt_frame native_frame(std::uint64_t pc, bool exact, std::uint32_t mapping) {
  const std::uint64_t kind = JT_FRAME_NATIVE | (exact ? JT_FRAME_EXACT : 0U);
  return {.where = kind << JT_ADDR_BITS | (pc & JT_ADDR_MASK), .info = mapping};
}

bool same(const jt_frame& a, const jt_frame& b) { return a.where == b.where && a.info == b.info; }

unwind::WordReader stack_reader(const jt_deferred_record& record) {
  return [&record](std::uint64_t address) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const std::uint64_t offset = address - record.regs.sp;
    if (record.stack_bytes < sizeof(value) || offset > record.stack_bytes - sizeof(value))
      return {};
    std::memcpy(&value, record.stack + offset, sizeof(value));
    return value;
  };
}

}  // namespace

void WalkCheck::add_stack(const jt_stack_record& record) {
  if (stacks_.size() >= kMaxStacks) return;
  stacks_[stack_of(record.key)].assign(record.frame, record.frame + record.key.frames);
}

WalkCheck::Verdict WalkCheck::compare(Target& target, const jt_deferred_record& record,
                                      const std::vector<jt_frame>& frames) {
  const auto stack = stack_reader(record);
  unwind::StepRegisters regs;
  regs[unwind::kStepPc] = record.regs.pc;
  regs[unwind::kStepRsp] = record.regs.sp;
  regs[unwind::kStepRbp] = record.regs.fp;
  regs[unwind::kStepRbx] = record.regs.bx;
  regs[unwind::kStepRdi] = record.regs.di;
  bool exact = record.head.exact != 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::uint64_t pc = *regs[unwind::kStepPc];
    const std::uint64_t lookup = exact ? pc : pc - 1;
    const auto place = target.place_at(lookup);
    jt_frame found{};
    auto result = CfiStepper::Result::NoAnswer;
    if (place.java && !exact) {
      const auto step = target.java_step(
          {pc, *regs[unwind::kStepRsp], regs[unwind::kStepRbp], regs[unwind::kStepRbx]}, stack);
      if (!step) return Verdict::NoAnswer;
      found = step->frame;
      regs = {};
      regs[unwind::kStepPc] = step->sender.pc;
      regs[unwind::kStepRsp] = step->sender.sp;
      regs[unwind::kStepRbp] = step->sender.fp;
      regs[unwind::kStepRbx] = step->sender.bx;
      result = CfiStepper::Result::Caller;
    } else if (!place.java && place.image != nullptr && place.image->binary != nullptr) {
      found = native_frame(pc, exact, place.image->id);
      result = cfi_.step(*place.image->binary, lookup - place.image->bias, stack, regs);
    }
    if (result == CfiStepper::Result::NoAnswer) return Verdict::NoAnswer;
    const bool last = i + 1 == frames.size();
    if (!same(found, frames[i]) || last != (result == CfiStepper::Result::End)) {
      what_ = fmt::format("frame {} of {}: {:x} {:x}, again {:x} {:x}{}", i, frames.size(),
                          std::uint64_t{frames[i].where}, std::uint64_t{frames[i].info},
                          std::uint64_t{found.where}, std::uint64_t{found.info},
                          result == CfiStepper::Result::End ? ", the last" : "");
      return Verdict::Differing;
    }
    exact = result == CfiStepper::Result::Signal;
  }
  return Verdict::Equal;
}

void WalkCheck::check(Target& target, const jt_deferred_record& record) {
  if (record.key.status != JT_STATUS_COMPLETE) {
    ++figures_.partial;
    return;
  }
  const auto found = stacks_.find(stack_of(record.key));
  Verdict verdict = Verdict::NoAnswer;
  if (found != stacks_.end()) {
    verdict = compare(target, record, found->second);
    // Code is remembered by its address, and may have been replaced.
    if (verdict != Verdict::Equal) {
      target.forget_java_code();
      verdict = compare(target, record, found->second);
    }
  }
  if (verdict == Verdict::Equal) ++figures_.equal;
  if (verdict == Verdict::NoAnswer) ++figures_.no_answer;
  if (verdict == Verdict::Differing && figures_.differing++ == 0) example_ = what_;
}

}  // namespace jtrace::session
