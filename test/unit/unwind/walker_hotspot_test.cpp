// SPDX-License-Identifier: Apache-2.0
// Java frames: a code heap, its segment map and its blobs made by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unwind/walker.h"
#include "walk_image.h"

namespace jtrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kSp = WalkImage::kStack;
constexpr std::uint32_t kPc = 0x80;  // of calls, from the blob

jt_frame native(std::uint64_t pc) { return frame(JT_FRAME_NATIVE, pc, WalkImage::kMapping); }
jt_frame interpreted(std::uint64_t method, std::uint64_t bytecode) {
  return frame(JT_FRAME_INTERPRETED, method, bytecode);
}

class JavaWalk : public testing::Test {
 protected:
  JvmImage image_;
  std::uint64_t end_ = image_.function(cfa_rule(JT_CFA_END));

  // One Java frame whose sender is the thread's entry; sp is its own, as behind a call.
  void expect_one(const jt_regs& regs, const jt_frame& expected) {
    const auto walk = image_.walk(regs);
    EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
    EXPECT_THAT(walk.frames, ElementsAre(expected, native(end_)));
  }
  void expect_end(const jt_regs& regs, jt_status status) {
    const auto walk = image_.walk(regs);
    EXPECT_EQ(walk.status, status);
    EXPECT_THAT(walk.frames, IsEmpty());
  }
};

TEST_F(JavaWalk, compiledFrameByItsSize) {
  const auto blob = image_.add_blob({.segment = 1, .frame_words = 6, .compile_id = 42});
  image_.set(kSp + 40, end_);
  expect_one({.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::compiled(blob, kPc, 42));
}

TEST_F(JavaWalk, compiledFrameRestoresTheFramePointerOfItsSender) {
  const auto blob = image_.add_blob({.frame_words = 6, .compile_id = 1});
  const auto by_rbp = image_.function(cfa_rule(JT_CFA_RBP, 16));
  image_.set(kSp + 32, kSp + 512);
  image_.set(kSp + 40, by_rbp);
  image_.set(kSp + 520, end_);
  const auto walk =
      image_.walk({.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
  EXPECT_THAT(walk.frames,
              ElementsAre(JvmImage::compiled(blob, kPc, 1), native(by_rbp), native(end_)));
}

TEST_F(JavaWalk, segmentMapIsHoppedThrough) {
  // 2 000 segments: 8 hops from its end.
  const auto blob = image_.add_blob({.segment = 7, .segments = 2000, .compile_id = 5});
  image_.set(kSp + 24, end_);
  const std::uint32_t far = (1999U << JvmImage::kShift) + 5;
  expect_one({.pc = blob + far, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::compiled(blob, far, 5));
}

// Real methods are a hop or two from their start; a stack of nothing but enormous ones ends.
TEST_F(JavaWalk, hopsOfAllFramesHaveABudget) {
  const auto blob = image_.add_blob({.segment = 7, .segments = 4080, .compile_id = 5});
  const std::uint32_t far = (4079U << JvmImage::kShift) + 5;  // 17 hops
  constexpr std::uint64_t kFrameBytes = 32;
  for (std::uint64_t at = 24; at < WalkImage::kStackBytes; at += kFrameBytes) {
    image_.set(kSp + at, blob + far);
  }
  const auto walk =
      image_.walk({.pc = blob + far, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_BUDGET);
  EXPECT_EQ(walk.frames.size(), 8192U / 17 + 1);
}

// A call as the blob's very last instruction returns to the next block.
TEST_F(JavaWalk, returnAddressBehindItsBlob) {
  const auto blob = image_.add_blob({.segment = 0, .segments = 2, .compile_id = 5});
  image_.add_blob({.segment = 2, .frame_words = 64, .compile_id = 6});
  image_.set(kSp + 24, end_);
  const std::uint32_t behind = (2U << JvmImage::kShift) - JvmImage::kHeader;
  expect_one({.pc = blob + behind, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::compiled(blob, behind, 5));
}

TEST_F(JavaWalk, secondHeap) {
  const auto blob = image_.add_blob({.segment = 2048, .compile_id = 5});
  auto& heaps = image_.jvm().heaps;
  heaps[1] = heaps[0];
  heaps[0].high = heaps[1].low = JvmImage::kHeap + (2048U << JvmImage::kShift);
  heaps[1].segmap = JvmImage::kSegmap + 2048;
  image_.set(kSp + 24, end_);
  expect_one({.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::compiled(blob, kPc, 5));
}

TEST_F(JavaWalk, lyingSegmentMapsEnd) {
  const auto blob = image_.add_blob({.segment = 100});
  const jt_regs regs{.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0};
  const std::uint32_t segment = 101;
  image_.set_tag(segment, 0xff);  // free
  expect_end(regs, JT_STATUS_NO_BLOB);
  image_.set_tag(segment, 102);  // before the heap
  expect_end(regs, JT_STATUS_NO_BLOB);
  // One segment at a time, further than any blob is long: given up, with few reads.
  for (std::uint32_t i = 1; i <= segment; ++i) image_.set_tag(i, 1);
  const auto before = image_.memory.reads();
  expect_end(regs, JT_STATUS_NO_BLOB);
  EXPECT_LE(image_.memory.reads() - before, 24U);
  // A map that cannot be read.
  image_.jvm().heaps[0].segmap = 0x1000;
  expect_end(regs, JT_STATUS_NO_BLOB);
  image_.jvm().heaps[0].segmap = 0;
  expect_end(regs, JT_STATUS_NO_BLOB);
}

TEST_F(JavaWalk, freedBlockIsNoBlob) {
  const auto blob = image_.add_blob({.used = false});
  expect_end({.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JT_STATUS_NO_BLOB);
}

TEST_F(JavaWalk, rangeOfAJvmThatIsNotThere) {
  const auto blob = image_.add_blob({});
  image_.jvms.clear();
  expect_end({.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JT_STATUS_MAPPING);
}

TEST_F(JavaWalk, nativeWrapperByItsSize) {
  const auto blob = image_.add_blob({.name = JvmImage::kNative, .frame_words = 6, .compile_id = 9});
  image_.set(kSp + 40, end_);
  expect_one({.pc = blob + kPc, .sp = kSp, .fp = kSp + 4096, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::wrapper(blob, kPc, 9));
}

// The transition realigns rsp, so that the return address is not where the size says; rbp is.
TEST_F(JavaWalk, nativeWrapperByItsFramePointer) {
  const auto blob = image_.add_blob({.name = JvmImage::kNative, .frame_words = 8, .compile_id = 9});
  image_.set(kSp + 56, 0xbad);
  image_.set(kSp + 40, end_);
  expect_one({.pc = blob + kPc, .sp = kSp, .fp = kSp + 32, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::wrapper(blob, kPc, 9));
}

TEST_F(JavaWalk, stubByItsSize) {
  const auto blob = image_.add_blob({.name = JvmImage::kStub, .frame_words = 2, .compile_id = 77});
  image_.set(kSp + 8, end_);
  expect_one({.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::stub(blob, kPc));
}

TEST_F(JavaWalk, stubWithoutASizePushesTheFramePointer) {
  for (const std::int32_t words : {0, -1}) {
    const auto blob = image_.add_blob({.name = JvmImage::kStub, .frame_words = words});
    image_.set(kSp + 136, end_);
    expect_one({.pc = blob + kPc, .sp = kSp, .fp = kSp + 128, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
               JvmImage::stub(blob, kPc));
    const auto walk = image_.walk(
        {.pc = blob + kPc, .sp = kSp, .fp = kSp - 8, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
    EXPECT_EQ(walk.status, JT_STATUS_BAD_FRAME);
    EXPECT_THAT(walk.frames, ElementsAre(JvmImage::stub(blob, kPc)));
  }
}

// The barrier at an nmethod's entry keeps a word for itself between rbp and the return address.
TEST_F(JavaWalk, entryBarrier) {
  const auto blob = image_.add_blob({.name = JvmImage::kStub, .frame_words = 0});
  image_.set(kSp + 136, ~std::uint64_t{0});
  image_.set(kSp + 144, end_);
  expect_one({.pc = blob + kPc, .sp = kSp, .fp = kSp + 128, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::stub(blob, kPc));
}

// An adapter that calls C: the FPU's state, pusha's 16 words, two more, and sp as it was.
TEST_F(JavaWalk, adapterThatCallsC) {
  for (const std::uint64_t state : {512, 2688}) {
    for (const std::uint64_t unaligned : {0, 8}) {
      JvmImage image;
      const auto end = image.function(cfa_rule(JT_CFA_END));
      const auto blob = image.add_blob({.name = JvmImage::kAdapter, .frame_words = 0});
      const std::uint64_t sender = kSp + state + 144 + unaligned;
      image.set(kSp + state + 16, sender);
      image.set(sender, end);
      const jt_regs regs{
          .pc = blob + kPc, .sp = kSp, .fp = kSp + 64, .bx = 1, .r13 = 0, .ax = 0, .di = 0};
      const auto walk = image.walk(regs);
      EXPECT_EQ(walk.status, JT_STATUS_COMPLETE) << state;
      EXPECT_THAT(walk.frames, ElementsAre(JvmImage::stub(blob, kPc), native(end)));
      // What lies there is not sp as it was.
      image.set(kSp + state + 16, sender + 16);
      EXPECT_EQ(image.walk(regs).status, JT_STATUS_BAD_FRAME);
    }
  }
}

TEST_F(JavaWalk, absurdFrameSizeEnds) {
  for (const std::int32_t words : {(1 << 17) + 1, 0x7fffffff}) {
    const auto blob = image_.add_blob({.frame_words = words});
    EXPECT_EQ(
        image_.walk({.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0})
            .status,
        JT_STATUS_BAD_FRAME);
  }
}

// Until the first blob of a kind was met, kinds are told by the text of the name.
TEST_F(JavaWalk, namesNotLearntYet) {
  image_.jvm().name_nmethod = 0;
  image_.jvm().name_native = 0;
  image_.set(kSp + 24, end_);
  const jt_regs at{.pc = JvmImage::kHeap + JvmImage::kHeader + kPc,
                   .sp = kSp,
                   .fp = 1,
                   .bx = 1,
                   .r13 = 0,
                   .ax = 0,
                   .di = 0};
  auto blob = image_.add_blob({.name = JvmImage::kNmethod, .compile_id = 5});
  expect_one(at, JvmImage::compiled(blob, kPc, 5));
  blob = image_.add_blob({.name = JvmImage::kNative, .compile_id = 5});
  expect_one(at, JvmImage::wrapper(blob, kPc, 5));
  blob = image_.add_blob({.name = JvmImage::kStub, .compile_id = 5});
  expect_one(at, JvmImage::stub(blob, kPc));
  blob = image_.add_blob({.name = 0x1000, .compile_id = 5});  // cannot be read
  expect_one(at, JvmImage::stub(blob, kPc));
}

TEST_F(JavaWalk, deoptimisedFrameIsNamedByItsOriginalPc) {
  for (const std::uint32_t handler : {JvmImage::kDeopt, JvmImage::kDeoptMh}) {
    const auto blob = image_.add_blob({.frame_words = 6, .compile_id = 8});
    image_.set(kSp + JvmImage::kOrigPc, blob + 0x44);
    image_.set(kSp + 40, end_);
    expect_one({.pc = blob + handler, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
               JvmImage::compiled(blob, 0x44, 8));
  }
}

TEST_F(JavaWalk, deoptHandlersAsPointers) {
  image_.jvm().deopt_is_offset = 0;
  image_.jvm().off_deopt_mh = 0;
  const auto blob = image_.add_blob({.frame_words = 6, .compile_id = 8});
  image_.memory.put(blob + image_.jvm().off_deopt, blob + 0x1a0);
  image_.set(kSp + JvmImage::kOrigPc, blob + 0x44);
  image_.set(kSp + 40, end_);
  expect_one({.pc = blob + 0x1a0, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::compiled(blob, 0x44, 8));
  expect_one({.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JvmImage::compiled(blob, kPc, 8));
}

TEST_F(JavaWalk, interpretedFrameByItsSlots) {
  image_.set_interpreted({.fp = kSp + 96,
                          .method = 0x7f00abc0,
                          .bytecode = 0x7f00def1,
                          .sender_pc = end_,
                          .sender_sp = kSp + 200,
                          .sender_fp = 5});
  const jt_regs regs{.pc = JvmImage::kInterpreter + 100,
                     .sp = kSp,
                     .fp = kSp + 96,
                     .bx = 1,
                     .r13 = 0,
                     .ax = 0,
                     .di = 0};
  expect_one(regs, interpreted(0x7f00abc0, 0x7f00def1));
  EXPECT_EQ(image_.walk(regs).end.sp, kSp + 200);
  EXPECT_EQ(image_.walk(regs).end.fp, 5U);
}

TEST_F(JavaWalk, interpretedFrameOutOfReach) {
  const jt_regs regs{.pc = JvmImage::kInterpreter + 100,
                     .sp = kSp + 256,
                     .fp = 0,
                     .bx = 1,
                     .r13 = 0,
                     .ax = 0,
                     .di = 0};
  for (const std::uint64_t fp : {std::uint64_t{0}, kSp, kSp + (1 << 21), ~std::uint64_t{0}}) {
    auto bad = regs;
    bad.fp = fp;
    expect_end(bad, JT_STATUS_BAD_FRAME);
  }
  // The sender's sp does not lie above.
  image_.set_interpreted({.fp = kSp + 400, .sender_pc = end_, .sender_sp = kSp + 256});
  auto stuck = regs;
  stuck.fp = kSp + 400;
  const auto walk = image_.walk(stuck);
  EXPECT_EQ(walk.status, JT_STATUS_BAD_FRAME);
  EXPECT_THAT(walk.frames, ElementsAre(interpreted(0, 0)));
}

TEST_F(JavaWalk, callStubRestoresRbx) {
  const std::uint64_t fp = kSp + 104;
  const auto by_rbx = image_.function(cfa_rule(JT_CFA_RBX, 16));
  image_.set(fp - 56, kSp + 1024);
  image_.set(fp, 1);
  image_.set(fp + 8, by_rbx);
  image_.set(kSp + 1024 + 8, end_);
  const auto walk = image_.walk(
      {.pc = JvmImage::kCallStub, .sp = kSp, .fp = fp, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
  EXPECT_THAT(walk.frames, ElementsAre(frame(JT_FRAME_ENTRY, JvmImage::kCallStub, 0),
                                       native(by_rbx), native(end_)));
  expect_end(
      {.pc = JvmImage::kCallStub, .sp = kSp, .fp = kSp - 8, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
      JT_STATUS_BAD_FRAME);
}

// Java code keeps no rbx: what a compiled frame's sender finds there is anything.
TEST_F(JavaWalk, javaCodeLosesRbx) {
  const auto blob = image_.add_blob({.frame_words = 4});
  const auto by_rbx = image_.function(cfa_rule(JT_CFA_RBX, 16));
  image_.set(kSp + 24, by_rbx);
  EXPECT_EQ(
      image_
          .walk({.pc = blob + kPc, .sp = kSp, .fp = 1, .bx = kSp + 512, .r13 = 0, .ax = 0, .di = 0})
          .status,
      JT_STATUS_CFA);
}

// Native code that lost rbp below a frame that is found by it.
TEST_F(JavaWalk, lostFramePointerEndsAsCfa) {
  const auto stub = image_.add_blob({.name = JvmImage::kStub, .frame_words = 0});
  const auto leaf = image_.function(cfa_rule(JT_CFA_RSP, 16, JT_REG_UNKNOWN));
  const jt_regs regs{.pc = leaf, .sp = kSp, .fp = kSp + 128, .bx = 1, .r13 = 0, .ax = 0, .di = 0};
  image_.set(kSp + 8, JvmImage::kInterpreter + 4);
  EXPECT_EQ(image_.walk(regs).status, JT_STATUS_CFA);
  EXPECT_THAT(image_.walk(regs).frames, ElementsAre(native(leaf)));
  image_.set(kSp + 8, JvmImage::kCallStub);
  EXPECT_EQ(image_.walk(regs).status, JT_STATUS_CFA);
  image_.set(kSp + 8, stub + kPc);
  EXPECT_EQ(image_.walk(regs).status, JT_STATUS_CFA);
  EXPECT_THAT(image_.walk(regs).frames, ElementsAre(native(leaf), JvmImage::stub(stub, kPc)));
  // A compiled frame does not need it, and finds its sender's.
  const auto blob = image_.add_blob({.segment = 64, .frame_words = 4, .compile_id = 3});
  const auto by_rbp = image_.function(cfa_rule(JT_CFA_RBP, 16));
  image_.set(kSp + 8, blob + kPc);
  image_.set(kSp + 16 + 16, kSp + 640);
  image_.set(kSp + 16 + 24, by_rbp);
  image_.set(kSp + 648, end_);
  EXPECT_EQ(image_.walk(regs).status, JT_STATUS_COMPLETE);
}

// The heap may be gone, or not resident.
TEST_F(JavaWalk, blobThatCannotBeRead) {
  image_.set_tag(8, 0);
  image_.jvm().block_used = 0;
  image_.jvm().heaps[0].high = image_.ranges.back().end = JvmImage::kHeap + (1ULL << 30);
  image_.jvm().heaps[0].segmap = JvmImage::kSegmap - (JvmImage::kSegments - 1);
  const auto pc = JvmImage::kHeap + ((JvmImage::kSegments + 7ULL) << JvmImage::kShift) + 5;
  expect_end({.pc = pc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0},
             JT_STATUS_READ_FAULT);
}

TEST_F(JavaWalk, mixedStackFromSystemCallToThreadEntry) {
  const auto leaf = image_.function(cfa_rule(JT_CFA_RSP, 16));
  const auto java_call = image_.function(cfa_rule(JT_CFA_RBP, 16, -16));
  const auto wrapper =
      image_.add_blob({.segment = 0, .name = JvmImage::kNative, .frame_words = 6, .compile_id = 1});
  const auto c2 = image_.add_blob({.segment = 300, .frame_words = 4, .compile_id = 2});
  constexpr std::uint64_t kInterp = kSp + 176;
  constexpr std::uint64_t kInterp2 = kInterp + 136;
  constexpr std::uint64_t kEntry = kInterp2 + 104;
  image_.set(kSp + 8, wrapper + 0x90);
  image_.set(kSp + 56, c2 + 0x77);  // the wrapper's frame ends at + 64
  image_.set(kSp + 80, kInterp);    // C2's at + 96
  image_.set(kSp + 88, JvmImage::kInterpreter + 0x123);
  image_.set_interpreted({.fp = kInterp,
                          .method = 0xa00,
                          .bytecode = 0xa11,
                          .sender_pc = JvmImage::kInterpreter + 0x456,
                          .sender_sp = kInterp + 24,
                          .sender_fp = kInterp2});
  image_.set_interpreted({.fp = kInterp2,
                          .method = 0xb00,
                          .bytecode = 0xb11,
                          .sender_pc = JvmImage::kCallStub,
                          .sender_sp = kInterp2 + 32,
                          .sender_fp = kEntry});
  image_.set(kEntry, kEntry + 64);
  image_.set(kEntry + 8, java_call);
  image_.set(kEntry + 72, end_);
  // rbp at the system call is no frame pointer (glibc's open64: the path).
  const auto walk = image_.walk(
      {.pc = leaf, .sp = kSp, .fp = 0x7f0011111111, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
  EXPECT_THAT(walk.frames,
              ElementsAre(native(leaf), JvmImage::wrapper(wrapper, 0x90, 1),
                          JvmImage::compiled(c2, 0x77, 2), interpreted(0xa00, 0xa11),
                          interpreted(0xb00, 0xb11), frame(JT_FRAME_ENTRY, JvmImage::kCallStub, 0),
                          native(java_call), native(end_)));
  EXPECT_EQ(walk.end.sp, kEntry + 80);
}

}  // namespace
}  // namespace jtrace::test
