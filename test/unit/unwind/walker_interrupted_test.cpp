// SPDX-License-Identifier: Apache-2.0
// Java code that was interrupted anywhere, and virtual threads whose frames lie in the heap.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unwind/walker.h"
#include "walk_image.h"

namespace jtrace::test {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t kSp = WalkImage::kStack;
constexpr std::uint32_t kPc = 0x80;  // from the blob
constexpr std::uint32_t kWords = 6;
constexpr std::uint32_t kComplete = 0x30;

jt_frame native(std::uint64_t pc) { return frame(JT_FRAME_NATIVE, pc, WalkImage::kMapping); }

class InterruptedWalk : public testing::Test {
 protected:
  InterruptedWalk() {
    image_.jvm().off_frame_complete = kCompleteField;
    image_.jvm().frame_complete_bytes = 2;
    caller_ = image_.add_blob({.segment = 64, .frame_words = 4, .compile_id = 2}) + kPc;
    // Unless a test puts another: garbage everywhere.
    for (std::uint64_t at = 0; at < 512; at += 8) image_.set(kSp + at, 0x1111);
  }
  // A method whose code begins `into` bytes before pc, with these bytes around it.
  std::uint64_t method(std::uint32_t into, const std::vector<int>& before,
                       const std::vector<int>& at) {
    const auto blob = image_.add_blob({.segment = 1, .frame_words = kWords, .compile_id = 1});
    image_.memory.put(blob + kCodeBeginField, std::uint32_t{kPc - into});
    image_.memory.put(blob + kCompleteField, std::uint16_t{kComplete});
    put(blob + kPc - before.size(), before);
    put(blob + kPc, at);
    return blob;
  }
  void put(std::uint64_t address, const std::vector<int>& code) {
    for (const int byte : code) image_.memory.put(address++, static_cast<std::uint8_t>(byte));
  }
  // The return address is the word at `at`; the caller's own frame follows.
  void expect_caller(std::uint64_t blob, std::uint64_t at, const std::string& what) {
    image_.set(kSp + at, caller_);
    image_.set(kSp + at + 8 + 24, end_);
    auto input =
        image_.input({.pc = blob + kPc, .sp = kSp, .fp = 5, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
    input.exact = true;
    const auto walk = image_.walk(input);
    EXPECT_EQ(walk.status, JT_STATUS_COMPLETE) << what;
    EXPECT_THAT(walk.frames, ElementsAre(exact(JvmImage::compiled(blob, kPc, 1)),
                                         JvmImage::compiled(caller_ - kPc, kPc, 2), native(end_)))
        << what;
    image_.set(kSp + at, 0x1111);
    image_.set(kSp + at + 8 + 24, 0x1111);
  }

  static constexpr std::uint16_t kCodeBeginField = 32;  // as JvmImage has it
  static constexpr std::uint16_t kCompleteField = 60;
  JvmImage image_;
  std::uint64_t end_ = image_.function(cfa_rule(JT_CFA_END));
  std::uint64_t caller_ = 0;
};

TEST_F(InterruptedWalk, PrologueAndEpilogue) {
  const std::vector<int> push{0x55}, sub{0x48, 0x81, 0xec, 0x20, 0, 0, 0},
      bang{0x89, 0x84, 0x24, 0, 0xc0, 0xfe, 0xff}, body{0x48, 0x8b, 0x46, 0x10},
      save{0x48, 0x89, 0x6c, 0x24, 0x20}, pop{0x5d}, ret{0xc3};
  const std::vector<int> push_mov{0x55, 0x48, 0x8b, 0xec};
  expect_caller(method(0, {}, bang), 0, "at the stack bang");
  expect_caller(method(7, bang, push), 0, "before push rbp");
  expect_caller(method(8, push, sub), 8, "behind push rbp");
  expect_caller(method(8, push, {0x48, 0x8b, 0xec, 0x48}), 8, "before mov rbp, rsp");
  expect_caller(method(11, push_mov, sub), 8, "behind mov rbp, rsp");
  expect_caller(method(0, {}, sub), 0, "first thing in a method without a bang");
  expect_caller(method(7, sub, save), 40, "allocated, rbp not saved");
  expect_caller(method(15, sub, body), 40, "behind sub, before the frame counts as complete");
  expect_caller(method(0x100, body, body), 40, "in the body");
  expect_caller(method(0x100, {0x48, 0x83, 0xc4, 0x20}, pop), 8, "before pop rbp");
  expect_caller(method(0x100, pop, ret), 0, "before ret");
}

TEST_F(InterruptedWalk, ReturnPolls) {
  const std::vector<int> pop{0x5d};
  expect_caller(method(0x100, pop, {0x85, 0x05, 1, 2, 3, 4, 0xc3}), 0, "JDK 8");
  const std::vector<int> load{0x4d, 0x8b, 0x97, 0x48, 3, 0, 0};
  expect_caller(method(0x100, pop, load), 0, "JDK 10, load");
  expect_caller(method(0x100, load, {0x41, 0x85, 0x02, 0xc3}), 0, "JDK 10, test");
  expect_caller(method(0x100, load, {0x41, 0x85, 0x02, 0x48}), 40, "the same in a loop");
  const std::vector<int> compare{0x49, 0x3b, 0xa7, 0x48, 3, 0, 0};
  expect_caller(method(0x100, pop, compare), 0, "JDK 16, compare");
  expect_caller(method(0x100, compare, {0x0f, 0x87, 1, 2, 3, 4, 0xc3}), 0, "JDK 16, jump");
}

// What is where the return address should be leads to no Java code: not a frame, but the end.
TEST_F(InterruptedWalk, NothingIsGuessed) {
  const auto blob = method(0x100, {}, {0x90});
  auto input =
      image_.input({.pc = blob + kPc, .sp = kSp, .fp = 5, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  input.exact = true;
  image_.set(kSp + 40, end_);
  EXPECT_EQ(image_.walk(input).status, JT_STATUS_BAD_FRAME);
}

// ---- virtual threads

class VirtualWalk : public InterruptedWalk {
 protected:
  static constexpr std::uint64_t kEntry = kSp + 256;    // ContinuationEntry
  static constexpr std::uint64_t kObject = kSp + 4096;  // Continuation: the "heap" is in the copy
  static constexpr std::uint64_t kChunk = kSp + 4608;
  static constexpr std::uint16_t kStackOffset = 64;

  VirtualWalk() {
    auto& vm = image_.jvm();
    vm.cont_entry_bytes = 64;
    vm.off_cont_argsize = 36;
    vm.off_cont_cont = 16;
    vm.off_tail = 24;
    vm.off_chunk_parent = 48;
    vm.off_chunk_cont = 56;
    vm.off_chunk_sp = 24;
    vm.off_chunk_bottom = 28;
    vm.off_chunk_pc = 16;
    vm.off_chunk_stack = kStackOffset;
    barrier_ = image_.add_blob({.segment = 128, .name = JvmImage::kStub}) + kPc;
    vm.cont_barrier = barrier_;
    enter_ = image_.add_blob(
                 {.segment = 192, .name = JvmImage::kNative, .frame_words = 10, .compile_id = 3}) +
             kPc;
    vm.cont_return = enter_;
    thawed_ = image_.add_blob({.segment = 1, .frame_words = 32, .compile_id = 1}) + kPc;
    frozen_ = image_.add_blob({.segment = 256, .frame_words = 8, .compile_id = 4}) + kPc;
    // The frame on the stack, behind it the entry, and enterSpecial's caller, which is call_stub's.
    image_.set(kSp + 248, barrier_);
    image_.set(kEntry + 16, kObject);
    image_.set(kEntry + 32, 0);  // flags, and no stack arguments
    image_.set(kEntry + 72, caller_);
    image_.set(kEntry + 80 + 24, end_);
    // Two frames of 8 words in the chunk.
    image_.set(kObject + 24, kChunk);
    image_.set(kChunk + 16, frozen_);
    image_.set(kChunk + 24, std::uint64_t{20} << 32 | 4);  // sp 4, bottom 20
    image_.set(kChunk + 48, 0);
    image_.set(kChunk + 56, kObject);
    image_.set(kChunk + kStackOffset + (4 + 8) * 8 - 8, frozen_);
    image_.set(kChunk + kStackOffset + (4 + 16) * 8 - 8, enter_);
  }
  [[nodiscard]] unwind::WalkResult walk() const {
    return image_.walk(
        {.pc = thawed_, .sp = kSp, .fp = kEntry + 40, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  }
  [[nodiscard]] jt_frame thawed() const { return JvmImage::compiled(thawed_ - kPc, kPc, 1); }
  [[nodiscard]] jt_frame frozen() const { return JvmImage::compiled(frozen_ - kPc, kPc, 4); }
  [[nodiscard]] jt_frame enter() const { return JvmImage::wrapper(enter_ - kPc, kPc, 3); }
  [[nodiscard]] jt_frame carrier() const { return JvmImage::compiled(caller_ - kPc, kPc, 2); }

  std::uint64_t barrier_ = 0, enter_ = 0, thawed_ = 0, frozen_ = 0;
};

TEST_F(VirtualWalk, FramesInTheHeapAreWalked) {
  const auto result = walk();
  EXPECT_EQ(result.status, JT_STATUS_COMPLETE);
  EXPECT_THAT(result.frames,
              ElementsAre(thawed(), frozen(), frozen(), enter(), carrier(), native(end_)));
}

TEST_F(VirtualWalk, AnEmptyChunkLeadsToItsParent) {
  constexpr std::uint64_t kEmpty = kSp + 6144;
  image_.set(kObject + 24, kEmpty);
  image_.set(kEmpty + 24, std::uint64_t{20} << 32 | 20);
  image_.set(kEmpty + 48, kChunk);
  image_.set(kEmpty + 56, kObject);
  EXPECT_EQ(walk().status, JT_STATUS_COMPLETE);
  EXPECT_EQ(walk().frames.size(), 6U);
}

TEST_F(VirtualWalk, WhatCannotBeReadIsAMarker) {
  const auto expect_marker = [&](const char* what) {
    const auto result = walk();
    EXPECT_EQ(result.status, JT_STATUS_FROZEN) << what;
    EXPECT_THAT(result.frames, ElementsAre(thawed(), frame(JT_FRAME_FROZEN, 0, 0), enter(),
                                           carrier(), native(end_)))
        << what;
  };
  image_.set(kChunk + 56, kObject + 8);
  expect_marker("a chunk of another continuation");
  image_.set(kChunk + 56, kObject);
  image_.set(kChunk + 16, 0x1111);
  expect_marker("a frame that is no code");
  image_.set(kChunk + 16, frozen_);
  image_.set(kChunk + kStackOffset + (4 + 8) * 8 - 8, 0x1111);
  expect_marker("a frame that is no code, further on");
  image_.set(kObject + 24, 0x1000);
  expect_marker("memory that cannot be read");
  image_.jvm().off_chunk_stack = 0;
  expect_marker("a release whose chunks are not known");
}

TEST_F(VirtualWalk, AnEntryThatIsNotThereEnds) {
  image_.set(kEntry + 72, 0x1111);
  EXPECT_EQ(walk().status, JT_STATUS_BAD_FRAME);
}

}  // namespace
}  // namespace jtrace::test
