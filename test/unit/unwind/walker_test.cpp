// SPDX-License-Identifier: Apache-2.0
// Native code, with rules and stacks made by hand.
#include "unwind/walker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "walk_image.h"

namespace jtrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kSp = WalkImage::kStack;

jt_frame native(std::uint64_t pc) { return frame(JT_FRAME_NATIVE, pc, WalkImage::kMapping); }

// One rule between a leaf and the thread's entry: each test says what the rule is, what the
// registers are, and where the return address lies.
class Rule : public testing::Test {
 protected:
  WalkImage image_;
  std::uint64_t end_ = image_.function(cfa_rule(JT_CFA_END));

  void expect_reaches_end(const jt_regs& regs) {
    const auto walk = image_.walk(regs);
    EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
    EXPECT_THAT(walk.frames, ElementsAre(native(regs.pc), native(end_)));
  }
};

TEST_F(Rule, stackPointer) {
  const auto pc = image_.function(cfa_rule(JT_CFA_RSP, 48));
  image_.set(kSp + 40, end_);
  expect_reaches_end({.pc = pc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
}

TEST_F(Rule, framePointer) {
  const auto pc = image_.function(cfa_rule(JT_CFA_RBP, 16, -16));
  image_.set(kSp + 264, end_);
  expect_reaches_end({.pc = pc, .sp = kSp, .fp = kSp + 256, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
}

TEST_F(Rule, baseRegister) {
  const auto pc = image_.function(cfa_rule(JT_CFA_RBX, 24, JT_REG_SAME, -16));
  image_.set(kSp + 512 + 16, end_);
  expect_reaches_end({.pc = pc, .sp = kSp, .fp = 1, .bx = kSp + 512, .r13 = 0, .ax = 0, .di = 0});
}

TEST_F(Rule, throughTheFramePointer) {
  auto rule = cfa_rule(JT_CFA_DEREF_RBP, -8);
  rule.cfa_add = 16;
  const auto pc = image_.function(rule);
  image_.set(kSp + 256 - 8, kSp + 1024);
  image_.set(kSp + 1024 + 8, end_);
  expect_reaches_end({.pc = pc, .sp = kSp, .fp = kSp + 256, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
}

TEST_F(Rule, throughTheStack) {
  const auto pc = image_.function(cfa_rule(JT_CFA_DEREF_RSP, 32));
  image_.set(kSp + 32, kSp + 2048);
  image_.set(kSp + 2048 - 8, end_);
  expect_reaches_end({.pc = pc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
}

// Behind the call that makes a thread: its maker goes on below, the new one has no caller.
TEST_F(Rule, clone) {
  const auto pc = image_.function(cfa_rule(JT_CFA_CLONE, 8));
  image_.set(kSp, end_);
  for (const std::uint64_t result : {std::uint64_t{0} - 38, std::uint64_t{4711}}) {
    expect_reaches_end({.pc = pc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = result, .di = 0});
  }
  const auto walk =
      image_.walk({.pc = pc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
  EXPECT_THAT(walk.frames, ElementsAre(native(pc)));
}

// glibc's vfork has popped its return address into rdi.
TEST_F(Rule, returnAddressInRdi) {
  const auto pc = image_.function(cfa_rule(JT_CFA_IN_RDI, 0));
  expect_reaches_end({.pc = pc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = end_});
  const auto caller = image_.function(cfa_rule(JT_CFA_RSP, 8));
  image_.set(kSp, pc);
  const auto walk =
      image_.walk({.pc = caller, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = end_});
  EXPECT_EQ(walk.status, JT_STATUS_CFA) << "only a leaf's rdi is known";
}

// In ld's PLT the index is pushed from a certain byte of the entry on.
TEST_F(Rule, procedureLinkageTable) {
  const auto pc = image_.function(cfa_rule(JT_CFA_PLT, 11)) & ~15ULL;
  image_.set(kSp, end_);
  expect_reaches_end({.pc = pc + 10, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  image_.set(kSp, 1);
  image_.set(kSp + 8, end_);
  expect_reaches_end({.pc = pc + 11, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
}

TEST_F(Rule, returnAddressElsewhereThanBelowTheFrame) {
  auto rule = cfa_rule(JT_CFA_RSP, 512);
  rule.ra_off = -400;
  const auto pc = image_.function(rule);
  image_.set(kSp + 112, end_);
  expect_reaches_end({.pc = pc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
}

// The registers that a rule restores are those that the next one starts from.
TEST_F(Rule, savedRegistersComeBack) {
  for (const int off : {-16, -56, -64, -504}) {
    WalkImage image;
    const auto end = image.function(cfa_rule(JT_CFA_END));
    const auto by_rbx = image.function(cfa_rule(JT_CFA_RBX, 16));
    const auto by_rbp = image.function(cfa_rule(JT_CFA_RBP, 16, JT_REG_SAME, -24));
    const auto leaf = image.function(cfa_rule(JT_CFA_RSP, 512, off));
    image.set(kSp + 504, by_rbp);
    image.set(kSp + 512 + static_cast<std::uint64_t>(off), kSp + 1000);
    image.set(kSp + 1008, by_rbx);
    image.set(kSp + 1000 + 16 - 24, kSp + 2000);
    image.set(kSp + 2008, end);
    const auto walk =
        image.walk({.pc = leaf, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
    EXPECT_EQ(walk.status, JT_STATUS_COMPLETE) << off;
    EXPECT_THAT(walk.frames,
                ElementsAre(native(leaf), native(by_rbp), native(by_rbx), native(end)));
  }
}

// Functions that realign their stack: *rbp is the caller's rbp, rbx lies below rbp.
TEST_F(Rule, savedAtTheFramePointer) {
  auto rule = cfa_rule(JT_CFA_DEREF_RBP, -8, 0, -24);
  rule.flags = JT_RULE_SAVED_AT_RBP;
  const auto by_rbx = image_.function(cfa_rule(JT_CFA_RBX, 16));
  const auto by_rbp = image_.function(cfa_rule(JT_CFA_RBP, 16));
  const auto leaf = image_.function(rule);
  const std::uint64_t rbp = kSp + 320;
  image_.set(rbp - 8, kSp + 416);
  image_.set(kSp + 408, by_rbp);
  image_.set(rbp, kSp + 800);
  image_.set(rbp - 24, kSp + 1600);
  image_.set(kSp + 808, by_rbx);
  image_.set(kSp + 1608, end_);
  const auto walk =
      image_.walk({.pc = leaf, .sp = kSp, .fp = rbp, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
  EXPECT_THAT(walk.frames, ElementsAre(native(leaf), native(by_rbp), native(by_rbx), native(end_)));
}

// What a lost register holds by chance is no base of anything.
TEST_F(Rule, lostFramePointerEndsAsCfa) {
  auto at_rbp = cfa_rule(JT_CFA_RSP, 16, 0);
  at_rbp.flags = JT_RULE_SAVED_AT_RBP;
  for (const auto& rule : {cfa_rule(JT_CFA_RBP, 16), cfa_rule(JT_CFA_DEREF_RBP, 0), at_rbp}) {
    WalkImage image;
    const auto by_rbp = image.function(rule);
    const auto leaf = image.function(cfa_rule(JT_CFA_RSP, 16, JT_REG_UNKNOWN));
    image.set(kSp + 8, by_rbp);
    const auto walk =
        image.walk({.pc = leaf, .sp = kSp, .fp = kSp + 64, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
    EXPECT_EQ(walk.status, JT_STATUS_CFA);
    EXPECT_THAT(walk.frames, ElementsAre(native(leaf), native(by_rbp)));
  }
}

TEST_F(Rule, lostBaseRegisterEndsAsCfa) {
  const auto by_rbx = image_.function(cfa_rule(JT_CFA_RBX, 16));
  const auto leaf = image_.function(cfa_rule(JT_CFA_RSP, 16, JT_REG_SAME, JT_REG_UNKNOWN));
  image_.set(kSp + 8, by_rbx);
  const auto walk =
      image_.walk({.pc = leaf, .sp = kSp, .fp = 1, .bx = kSp + 64, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_CFA);
  EXPECT_THAT(walk.frames, ElementsAre(native(leaf), native(by_rbx)));
}

TEST_F(Rule, registerThatIsNotTrackedEndsAsCfa) {
  const auto pc = image_.function(cfa_rule(JT_CFA_OTHER));
  const auto walk =
      image_.walk({.pc = pc, .sp = kSp, .fp = kSp, .bx = kSp, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_CFA);
  EXPECT_THAT(walk.frames, ElementsAre(native(pc)));
}

TEST_F(Rule, signalFrameGivesTheInterruptedRegisters) {
  const auto restorer = image_.function(cfa_rule(JT_CFA_SIGNAL));
  const auto by_both = image_.function(cfa_rule(JT_CFA_RBP, 16, JT_REG_SAME, -24));
  const auto by_rbx = image_.function(cfa_rule(JT_CFA_RBX, 16));
  // ucontext's gregs from its 40th byte on: r8 first, rbp 10th, rbx 11th, rsp 15th, rip 16th.
  const auto gregs = kSp + 40;
  image_.set(gregs + 80, kSp + 2048);
  image_.set(gregs + 88, 1);
  image_.set(gregs + 120, kSp + 1024);
  image_.set(gregs + 128, by_both);
  image_.set(kSp + 2048 + 8, by_rbx);
  image_.set(kSp + 2048 + 16 - 24, kSp + 4096);
  image_.set(kSp + 4096 + 8, end_);
  const auto walk =
      image_.walk({.pc = restorer, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
  EXPECT_THAT(walk.frames,
              ElementsAre(native(restorer), exact(native(by_both)), native(by_rbx), native(end_)));
}

// The return address of a call that does not return may be the next function's first byte.
TEST_F(Rule, returnAddressBehindItsFunction) {
  const auto caller = image_.function(cfa_rule(JT_CFA_RSP, 16));
  const auto next = image_.function(cfa_rule(JT_CFA_OTHER));
  const auto behind = next - 32;
  ASSERT_EQ(behind, caller + 32);
  image_.set(kSp + 8, end_);
  const jt_regs regs{.pc = behind, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0};
  expect_reaches_end(regs);
  // Where the thread was interrupted right there, it is in the next one.
  auto input = image_.input(regs);
  input.exact = true;
  const auto walk = image_.walk(input);
  EXPECT_EQ(walk.status, JT_STATUS_CFA);
  EXPECT_THAT(walk.frames, ElementsAre(exact(native(behind))));
}

class WalkEnds : public testing::Test {
 protected:
  // `n` frames of 64 bytes, then the thread's entry.
  jt_regs chain(std::size_t n) {
    const auto end = image_.function(cfa_rule(JT_CFA_END));
    const auto pc = image_.function(cfa_rule(JT_CFA_RSP, 64));
    for (std::size_t i = 0; i < n; ++i) image_.set(kSp + 64 * i + 56, i + 1 < n ? pc : end);
    return {.pc = pc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0};
  }
  WalkImage image_;
};

TEST_F(WalkEnds, whereTheCopyIsCut) {
  auto input = image_.input(chain(200));
  EXPECT_EQ(image_.walk(input).status, JT_STATUS_COMPLETE);
  input.stack = input.stack.first(10 * 64);
  const auto walk = image_.walk(input);
  EXPECT_EQ(walk.status, JT_STATUS_DEFER_CUT);
  EXPECT_THAT(walk.frames, SizeIs(11));
  EXPECT_EQ(walk.end.sp, kSp + 640);
  input.stack = {};
  EXPECT_EQ(image_.walk(input).status, JT_STATUS_DEFER_CUT);
  EXPECT_THAT(image_.walk(input).frames, SizeIs(1));
}

TEST_F(WalkEnds, whereAPageNeededIsAbsent) {
  auto input = image_.input(chain(200));
  input.absent_pages = 1U << 2;
  const auto walk = image_.walk(input);
  EXPECT_EQ(walk.status, JT_STATUS_READ_FAULT);
  EXPECT_THAT(walk.frames, SizeIs(2 * 4096 / 64 + 1));
}

TEST_F(WalkEnds, notWhereAnAbsentPageIsNotNeeded) {
  const auto end = image_.function(cfa_rule(JT_CFA_END));
  const auto large = image_.function(cfa_rule(JT_CFA_RSP, 9000));
  image_.set(kSp + 8992, end);
  auto input = image_.input({.pc = large, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  input.absent_pages = 1U << 1;
  EXPECT_EQ(image_.walk(input).status, JT_STATUS_COMPLETE);
}

// sp in the middle of a page: bit 0 is the rest of that page.
TEST_F(WalkEnds, absentPagesCountFromThatOfTheStackPointer) {
  const auto end = image_.function(cfa_rule(JT_CFA_END));
  const auto leaf = image_.function(cfa_rule(JT_CFA_RSP, 512));
  image_.set(kSp + 0xf00 + 504, end);
  auto input =
      image_.input({.pc = leaf, .sp = kSp + 0xf00, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  input.stack = input.stack.subspan(0xf00);
  input.absent_pages = 1U << 0;
  EXPECT_EQ(image_.walk(input).status, JT_STATUS_COMPLETE);
  input.absent_pages = 1U << 1;
  EXPECT_EQ(image_.walk(input).status, JT_STATUS_READ_FAULT);
}

// What a step takes at once may begin below sp. The copy serves the rest: what the process has
// there now is another stack.
TEST_F(WalkEnds, theStackIsNeverReadFromTheLiveProcess) {
  const auto end = image_.function(cfa_rule(JT_CFA_END));
  const auto leaf = image_.function(cfa_rule(JT_CFA_RSP, 16, -16, JT_REG_UNKNOWN));
  image_.set(kSp + 8, end);
  image_.memory.add(kSp - 4096, 8192);
  image_.memory.put(kSp + 8, leaf);
  const auto walk =
      image_.walk({.pc = leaf, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
  EXPECT_EQ(image_.memory.reads(), 0U);
}

// A signal on an alternate stack: the interrupted one, below or above, is not in the copy.
TEST_F(WalkEnds, whereAnotherStackGoesOn) {
  for (const std::uint64_t other : {kSp - 4096, kSp + (std::uint64_t{1} << 33)}) {
    WalkImage image;
    const auto restorer = image.function(cfa_rule(JT_CFA_SIGNAL));
    const auto caller = image.function(cfa_rule(JT_CFA_RSP, 16));
    image.memory.add(other, 4096);
    image.memory.put(other + 8, caller);
    image.set(kSp + 160, other);
    image.set(kSp + 168, caller);
    const auto walk =
        image.walk({.pc = restorer, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
    EXPECT_EQ(walk.status, JT_STATUS_DEFER_CUT);
    EXPECT_THAT(walk.frames, ElementsAre(native(restorer), exact(native(caller))));
    EXPECT_EQ(image.memory.reads(), 0U);
  }
}

TEST_F(WalkEnds, atTheDepthAskedFor) {
  const auto input = image_.input(chain(200));
  for (const std::uint32_t max : {1U, 2U, 200U}) {
    const auto walk = image_.walk(input, max);
    EXPECT_EQ(walk.status, JT_STATUS_DEPTH);
    EXPECT_THAT(walk.frames, SizeIs(max));
  }
  // 200 frames and the entry: nothing was left out.
  EXPECT_EQ(image_.walk(input, 201).status, JT_STATUS_COMPLETE);
  EXPECT_THAT(image_.walk(input, 0).frames, IsEmpty());
  EXPECT_EQ(image_.walk(input, 0).status, JT_STATUS_DEPTH);
}

TEST_F(WalkEnds, atTheMostFramesThereCanBe) {
  const auto pc = image_.function(cfa_rule(JT_CFA_RSP, 8));
  image_.stack.resize(8 * (JT_MAX_FRAMES + 100));
  for (std::size_t i = 0; i * 8 < image_.stack.size(); ++i) image_.set(kSp + 8 * i, pc);
  const auto input =
      image_.input({.pc = pc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  for (const std::uint32_t max : {std::uint32_t{JT_MAX_FRAMES}, 0xffffffffU}) {
    const auto walk = image_.walk(input, max);
    EXPECT_EQ(walk.status, JT_STATUS_DEPTH);
    EXPECT_THAT(walk.frames, SizeIs(JT_MAX_FRAMES));
  }
}

// A rule that saves nothing below the CFA asks for no bytes, here at address 0: once a loop over
// all pages.
TEST_F(WalkEnds, atARuleWithoutAnythingBelowTheFrame) {
  auto rule = cfa_rule(JT_CFA_RSP);
  rule.ra_off = 0;
  const auto pc = image_.function(rule);
  auto input = image_.input({.pc = pc, .sp = 0, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(image_.walk(input).status, JT_STATUS_BAD_FRAME);
  input.stack = {};
  EXPECT_EQ(image_.walk(input).status, JT_STATUS_DEFER_CUT);
}

TEST_F(WalkEnds, outsideOfAllRanges) {
  const auto leaf = image_.function(cfa_rule(JT_CFA_RSP, 8));
  image_.set(kSp, 0xdead0000);
  const auto walk =
      image_.walk({.pc = leaf, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_MAPPING);
  EXPECT_THAT(walk.frames, ElementsAre(native(leaf)));
  EXPECT_EQ(walk.end.pc, 0xdead0000U);
  EXPECT_THAT(
      image_.walk({.pc = 0, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0}).frames,
      IsEmpty());
}

TEST_F(WalkEnds, inARangeWithoutCfi) {
  jt_range blank{};
  blank.start = 0x1000;
  blank.end = 0x2000;
  blank.mapping = 9;
  blank.kind = JT_RANGE_NO_CFI;
  image_.ranges.insert(image_.ranges.begin(), blank);
  auto input =
      image_.input({.pc = 0x1000, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  input.exact = true;
  const auto walk = image_.walk(input);
  EXPECT_EQ(walk.status, JT_STATUS_NO_CFI);
  EXPECT_THAT(walk.frames, ElementsAre(exact(frame(JT_FRAME_NATIVE, 0x1000, 9))));
  // As a return address it is one of the byte below.
  input.exact = false;
  EXPECT_EQ(image_.walk(input).status, JT_STATUS_MAPPING);
}

TEST_F(WalkEnds, atCodeWithoutARule) {
  const auto gap = image_.function(jt_rule{});
  const auto walk =
      image_.walk({.pc = gap, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_NO_CFI);
  EXPECT_THAT(walk.frames, ElementsAre(native(gap)));
  // A row that names a rule that is not there.
  image_.rows.front().rule = 77;
  EXPECT_EQ(
      image_.walk({.pc = gap, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0}).status,
      JT_STATUS_NO_CFI);
}

TEST_F(WalkEnds, beforeTheFirstRow) {
  const auto first = image_.function(cfa_rule(JT_CFA_RSP, 8));
  image_.rows.front().pc = 16;
  const auto walk =
      image_.walk({.pc = first - 32 + 10, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_NO_CFI);
}

TEST_F(WalkEnds, whereTheStackDoesNotGrow) {
  const auto back = image_.function(cfa_rule(JT_CFA_RBP, 16));
  for (const std::uint64_t fp : {kSp - 16, kSp - 4096, kSp + 3}) {
    const auto walk =
        image_.walk({.pc = back, .sp = kSp, .fp = fp, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
    EXPECT_THAT(walk.status, testing::AnyOf(JT_STATUS_BAD_FRAME, JT_STATUS_DEFER_CUT)) << fp;
    EXPECT_THAT(walk.frames, SizeIs(1));
  }
}

}  // namespace
}  // namespace jtrace::test
