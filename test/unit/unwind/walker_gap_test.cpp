// SPDX-License-Identifier: Apache-2.0
// Native code without unwind information between Java frames: jumped over by the JavaFrameAnchor
// that HotSpot kept in the JavaCallWrapper above it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "walk_image.h"

namespace jtrace::test {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t kSp = WalkImage::kStack;
constexpr std::uint64_t kEntry = kSp + 128;  // rbp of call_stub
constexpr std::uint64_t kWrapper = kSp + 512;
constexpr std::uint64_t kAnchor = kWrapper + 32;
constexpr std::uint64_t kCaller = kSp + 1024;  // sp of the Java frame that called native code
constexpr std::uint32_t kPc = 0x80;

class GapWalk : public testing::Test {
 protected:
  GapWalk() {
    jt_hotspot& vm = image_.jvm();
    vm.off_thread_anchor = 656;
    vm.off_wrapper_anchor = 32;
    vm.off_anchor_sp = 0;
    vm.off_anchor_pc = 8;
    vm.off_anchor_fp = 16;
    image_.set(kSp + 24, JvmImage::kCallStub);  // the upcalled method's frame ends at + 32
    image_.set(kSp + 16, kEntry);
    image_.set(kEntry + 8, bare_);
    image_.set(kEntry - 48, kWrapper);
    image_.set(kAnchor, kCaller);
    image_.set(kAnchor + 8, caller_ + kPc);
    image_.set(kCaller + 24, end_);
  }
  [[nodiscard]] unwind::WalkResult walk() const {
    return image_.walk(
        {.pc = upcalled_ + kPc, .sp = kSp, .fp = 1, .bx = 1, .r13 = 0, .ax = 0, .di = 0});
  }
  [[nodiscard]] jt_frame native(std::uint64_t pc) const {
    return frame(JT_FRAME_NATIVE, pc, WalkImage::kMapping);
  }
  void expect_gap() const {
    EXPECT_EQ(walk().status, JT_STATUS_GAP);
    EXPECT_THAT(walk().frames, ElementsAre(JvmImage::compiled(upcalled_, kPc, 1),
                                           frame(JT_FRAME_ENTRY, JvmImage::kCallStub, 0),
                                           native(bare_), frame(JT_FRAME_GAP, 0, 0),
                                           JvmImage::compiled(caller_, kPc, 2), native(end_)));
  }
  void expect_no_gap() const {
    EXPECT_EQ(walk().status, JT_STATUS_NO_CFI);
    EXPECT_EQ(walk().frames.size(), 3U);
  }

  JvmImage image_;
  std::uint64_t end_ = image_.function(cfa_rule(JT_CFA_END));
  std::uint64_t bare_ = image_.function(cfa_rule(JT_CFA_INVALID));
  std::uint64_t upcalled_ = image_.add_blob({.segment = 0, .frame_words = 4, .compile_id = 1});
  std::uint64_t caller_ = image_.add_blob({.segment = 100, .frame_words = 4, .compile_id = 2});
};

TEST_F(GapWalk, goesOnAtTheFrameThatCalledOut) { expect_gap(); }

// HotSpot leaves the pc out where it is the return address below sp.
TEST_F(GapWalk, anchorWithoutPc) {
  image_.set(kAnchor + 8, 0);
  image_.set(kCaller - 8, caller_ + kPc);
  expect_gap();
}

TEST_F(GapWalk, anchorsThatMakeNoSenseEndTheWalk) {
  for (const std::uint64_t sp : {std::uint64_t{0}, kSp, kCaller + 4}) {
    image_.set(kAnchor, sp);
    expect_no_gap();
  }
  image_.set(kAnchor, kCaller);
  image_.set(kAnchor + 8, bare_);  // no Java code
  expect_no_gap();
  image_.set(kEntry - 48, 0x1000);  // cannot be read
  expect_no_gap();
}

TEST_F(GapWalk, withoutAJvmThatTellsItsAnchors) {
  image_.jvm().off_thread_anchor = 0;
  expect_no_gap();
}

}  // namespace
}  // namespace jtrace::test
