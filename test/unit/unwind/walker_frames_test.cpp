// SPDX-License-Identifier: Apache-2.0
// Code of V8: rbp frames without call frame information.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "unwind/walker.h"
#include "walk_image.h"

namespace jtrace::test {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t kSp = WalkImage::kStack;
constexpr std::uint64_t kFp = kSp + 0x100;
constexpr std::uint64_t kGenerated = 0x7d0000000000;
constexpr std::uint32_t kGeneratedMapping = 9;
constexpr std::size_t kCodeBytes = 4096;

class Frames : public testing::Test {
 protected:
  Frames() {
    jt_range range{};
    range.start = kGenerated;
    range.end = kGenerated + kCodeBytes;
    range.mapping = kGeneratedMapping;
    range.kind = JT_RANGE_FRAMES;
    image_.ranges.insert(image_.ranges.begin(), range);
    image_.memory.add(kGenerated, kCodeBytes);
    end_ = image_.function(cfa_rule(JT_CFA_END));
    builtin_ = image_.function(cfa_rule(JT_CFA_FRAMES));
    // Room for the code of both; a call lies before the address behind it.
    image_.memory.add(WalkImage::kText - 64, 1024);
    image_.memory.put(end_ - 2, std::uint16_t{0xd0ff});
    image_.memory.put(builtin_ - 5, std::uint8_t{0xe8});
  }

  void code(std::uint64_t at, std::initializer_list<std::uint8_t> bytes) {
    const std::vector<std::uint8_t> copy(bytes);
    image_.memory.put(at, std::as_bytes(std::span(copy)));
  }
  // A whole frame at `fp`.
  void make_frame(std::uint64_t fp, std::uint64_t caller_fp, std::uint64_t back) {
    image_.set(fp, caller_fp);
    image_.set(fp + 8, back);
  }
  [[nodiscard]] unwind::WalkResult walk(std::uint64_t pc, bool exact, std::uint64_t fp = kFp) {
    auto input = image_.input({.pc = pc, .sp = kSp, .fp = fp, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
    input.exact = exact;
    return image_.walk(input);
  }
  [[nodiscard]] static jt_frame generated(std::uint64_t pc) {
    return frame(JT_FRAME_NATIVE, pc, kGeneratedMapping);
  }
  [[nodiscard]] static jt_frame native(std::uint64_t pc) {
    return frame(JT_FRAME_NATIVE, pc, WalkImage::kMapping);
  }

  WalkImage image_;
  std::uint64_t end_ = 0, builtin_ = 0;
};

TEST_F(Frames, areLeftByRbp) {
  make_frame(kFp, kFp + 0x80, builtin_);
  make_frame(kFp + 0x80, kFp + 0x200, kGenerated + 0x300);
  make_frame(kFp + 0x200, 1, end_);
  const auto result = walk(kGenerated + 0x100, false);
  EXPECT_EQ(result.status, JT_STATUS_COMPLETE);
  EXPECT_THAT(result.frames, ElementsAre(generated(kGenerated + 0x100), native(builtin_),
                                         generated(kGenerated + 0x300), native(end_)));
}

// Below sp, too far up, not aligned, not readable: no frame.
TEST_F(Frames, mustLieOnTheStack) {
  for (const std::uint64_t fp : {kSp - 8, kSp + 0x100000, std::uint64_t{0}, ~std::uint64_t{0}}) {
    EXPECT_EQ(walk(kGenerated + 0x100, false, fp).status, JT_STATUS_NO_CFI) << fp;
  }
  image_.set(kFp + 8, end_);
  EXPECT_NE(walk(kGenerated + 0x100, false, kFp + 4).status, JT_STATUS_COMPLETE);
}

// Data, code that no call is before, memory that is not executable.
TEST_F(Frames, mustHaveAReturnAddress) {
  code(end_ - 8, {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90});
  for (const std::uint64_t back : {std::uint64_t{0}, std::uint64_t{0x1234}, kSp, end_}) {
    make_frame(kFp, 1, back);
    EXPECT_EQ(walk(kGenerated + 0x100, false).status, JT_STATUS_NO_CFI) << back;
  }
}

TEST_F(Frames, everyFormOfACall) {
  for (const std::vector<std::uint8_t>& call :
       std::vector<std::vector<std::uint8_t>>{{0xe8, 1, 2, 3, 4},        // call rel32
                                              {0xff, 0xd1},              // call rcx
                                              {0xff, 0x10},              // call [rax]
                                              {0x41, 0xff, 0x55, 0x18},  // call [r13 + 24]
                                              {0xff, 0x14, 0xc8},        // call [rax + rcx * 8]
                                              {0xff, 0x54, 0x24, 0x10},  // call [rsp + 16]
                                              {0x41, 0xff, 0x95, 1, 2, 0, 0},  // call [r13 + n]
                                              {0xff, 0x15, 1, 2, 0, 0},        // call [rip + n]
                                              {0x42, 0xff, 0x94, 0xc8, 1, 2, 0,
                                               0}})  // call [rax + r9 * 8 + n]
  {
    code(end_ - 8, {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90});
    image_.memory.put(end_ - call.size(), std::as_bytes(std::span(call)));
    make_frame(kFp, 1, end_);
    EXPECT_EQ(walk(kGenerated + 0x100, false).status, JT_STATUS_COMPLETE)
        << testing::PrintToString(call);
  }
}

struct Place {
  const char* what;
  std::vector<std::uint8_t> before, at;
  std::uint64_t slot;  // where the return address is, from sp; kWhole: the frame is whole
};
constexpr std::uint64_t kWhole = 0x108;

class FramesInterrupted : public Frames {};

// Where V8's code makes and leaves its frames.
TEST_F(FramesInterrupted, ByTheCodeAroundIt) {
  const std::vector<Place> places{
      {"before push rbp", {}, {0x55, 0x48, 0x89, 0xe5}, 0},
      {"before mov rbp, rsp", {0x55}, {0x48, 0x89, 0xe5}, 8},
      {"the older encoding", {0x55}, {0x48, 0x8b, 0xec}, 8},
      {"in the body", {0x48, 0x89, 0xe5}, {0x56, 0x57}, kWhole},
      {"leave", {0x90}, {0xc9, 0xc3}, kWhole},
      {"pop rbp", {0x48, 0x89, 0xec}, {0x5d, 0xc3}, 8},
      {"ret", {0x5d}, {0xc3}, 0},
      {"ret 16", {0x5d}, {0xc2, 0x10, 0x00}, 0},
      {"after pop rbp", {0x5d}, {0x48, 0x83, 0xf9, 0x03}, 0},
      {"after leave", {0xc9}, {0x59, 0x48, 0x01, 0xdc}, 0},
      {"at the jump on the number of arguments", {0x5d, 0x48, 0x83, 0xf9, 0x03}, {0x7f, 0x03}, 0},
  };
  for (const Place& place : places) {
    const std::uint64_t pc = kGenerated + 0x100;
    code(pc - 16, {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                   0x90, 0x90, 0x90});
    code(pc, {0x90, 0x90, 0x90, 0x90});
    image_.memory.put(pc - place.before.size(), std::as_bytes(std::span(place.before)));
    image_.memory.put(pc, std::as_bytes(std::span(place.at)));
    image_.set(kSp, 1);
    image_.set(kSp + 8, 1);
    make_frame(kFp, 1, 1);
    image_.set(kSp + place.slot, end_);
    const auto result = walk(pc, true);
    EXPECT_EQ(result.status, JT_STATUS_COMPLETE) << place.what;
    EXPECT_THAT(result.frames, ElementsAre(exact(generated(pc)), native(end_))) << place.what;
  }
}

// The return address is in a register.
TEST_F(FramesInterrupted, WhileArgumentsArePopped) {
  const std::uint64_t pc = kGenerated + 0x100;
  code(pc - 2, {0xc9, 0x59, 0x48, 0x01, 0xdc});
  make_frame(kFp, 1, end_);
  EXPECT_EQ(walk(pc, true).status, JT_STATUS_NO_CFI);
  code(pc - 2, {0x90, 0x90, 0x51, 0xc3});
  EXPECT_EQ(walk(pc, true).status, JT_STATUS_NO_CFI);
}

// A word at sp that looks like a return address: of a call of this very function, of a prologue
// that follows, or nothing that proves it.
TEST_F(FramesInterrupted, WithAReturnAddressAtSp) {
  const std::uint64_t pc = kGenerated + 0x100;
  image_.set(kSp, end_);
  make_frame(kFp, 1, kGenerated + 0x800);
  const auto unproven = walk(pc, true);
  EXPECT_NE(unproven.status, JT_STATUS_COMPLETE);
  EXPECT_EQ(unproven.frames.at(1).where, generated(kGenerated + 0x800).where);

  code(pc + 20, {0x55, 0x48, 0x89, 0xe5});
  EXPECT_EQ(walk(pc, true).status, JT_STATUS_COMPLETE) << "its prologue follows";
  code(pc + 20, {0x90});

  code(end_ - 5, {0xe8});
  image_.memory.put(end_ - 4, static_cast<std::uint32_t>(pc - 32 - end_));
  EXPECT_NE(walk(pc, true).status, JT_STATUS_COMPLETE) << "further away than 32 bits";
  const std::uint64_t caller = kGenerated + 0x400;
  code(caller - 5, {0xe8});
  image_.memory.put(caller - 4, static_cast<std::uint32_t>(pc - 32 - caller));
  image_.set(kSp, caller);
  make_frame(kFp, 1, end_);
  const auto called = walk(pc, true);
  EXPECT_EQ(called.status, JT_STATUS_COMPLETE);
  EXPECT_THAT(called.frames, ElementsAre(exact(generated(pc)), generated(caller), native(end_)));
}

// A builtin has none more often than not; the status says that it was not proven.
TEST_F(FramesInterrupted, InABuiltin) {
  image_.set(kSp, end_);
  make_frame(kFp, 1, end_);
  const auto result = walk(builtin_, true);
  EXPECT_EQ(result.status, JT_STATUS_UNPROVEN);
  EXPECT_THAT(result.frames, ElementsAre(exact(native(builtin_)), native(end_)));
  // Called by the interpreter's dispatch: mov rcx, [r15 + r10 * 8]; call rcx.
  code(end_ - 6, {0x4b, 0x8b, 0x0c, 0xd7, 0xff, 0xd1});
  make_frame(kFp, 1, kGenerated + 0x300);
  EXPECT_EQ(walk(builtin_, true).status, JT_STATUS_COMPLETE) << "a handler without a frame";
  make_frame(kFp, 1, end_);
  EXPECT_EQ(walk(builtin_, true).status, JT_STATUS_COMPLETE) << "a handler with a frame";
}

}  // namespace
}  // namespace jtrace::test
