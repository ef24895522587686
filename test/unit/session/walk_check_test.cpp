// SPDX-License-Identifier: Apache-2.0
// A walk of ourselves, compared with its second walk: equal as it is, differing once it is spoilt.
#include "session/walk_check.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>

namespace jtrace::session {
namespace {

class WalkCheckTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kMaxRows = 2U << 20;
  static constexpr std::size_t kBytes = 32768;

  void SetUp() override {
    auto opened = Target::open(::getpid(), shared_, options_);
    ASSERT_TRUE(opened) << opened.error().message;
    target_ = *std::move(opened);
    record();
    walk_ = target_->walk(*record_, JT_MAX_FRAMES);
    ASSERT_EQ(walk_.status, JT_STATUS_COMPLETE);
    ASSERT_GE(walk_.frames.size(), 8U);
  }

  // As if an event had interrupted this function; rbp and rbx are its own.
  [[gnu::noinline]] void record() {
    jt_regs& regs = record_->regs;
    std::uint64_t pc = 0, sp = 0, fp = 0, bx = 0;
    asm volatile("lea 0(%%rip), %0; mov %%rsp, %1; mov %%rbp, %2; mov %%rbx, %3"
                 : "=&r"(pc), "=&r"(sp), "=&r"(fp), "=&r"(bx));
    regs = {.pc = pc, .sp = sp, .fp = fp, .bx = bx, .r13 = 0, .ax = 0, .di = 0};
    record_->head.exact = 1;
    record_->stack_bytes = kBytes;
    const auto from = target_->memory().read(
        ProcessAddr{sp}, std::as_writable_bytes(std::span(record_->stack, kBytes)));
    // Less where the stack ends sooner.
    if (!from) shrink(sp);
  }
  void shrink(std::uint64_t sp) {
    std::uint32_t bytes = 0;
    for (; bytes < kBytes; bytes += 8) {
      const auto word = target_->memory().read<std::uint64_t>(ProcessAddr{sp + bytes});
      if (!word) break;
      std::memcpy(record_->stack + bytes, &*word, sizeof(*word));
    }
    record_->stack_bytes = bytes;
  }

  // What is counted for these frames.
  WalkCheck::Figures check(const std::vector<jt_frame>& frames) {
    WalkCheck check;
    auto stack = std::make_unique<jt_stack_record>();
    stack->key.frames = static_cast<std::uint32_t>(frames.size());
    std::ranges::copy(frames, stack->frame);
    record_->key = stack->key;
    check.add_stack(*stack);
    check.check(*target_, *record_);
    EXPECT_EQ(check.example().empty(), check.figures().differing == 0);
    return check.figures();
  }

  cli::Options options_;
  SharedTables shared_{kMaxRows};
  std::unique_ptr<Target> target_;
  std::unique_ptr<jt_deferred_record> record_ = std::make_unique<jt_deferred_record>();
  unwind::WalkResult walk_;
};

TEST_F(WalkCheckTest, whatIsRightIsEqual) { EXPECT_EQ(check(walk_.frames).equal, 1U); }

TEST_F(WalkCheckTest, aFrameThatIsAnotherDiffers) {
  for (std::size_t i = 0; i < walk_.frames.size(); ++i) {
    auto frames = walk_.frames;
    frames[i].where += 1;
    EXPECT_EQ(check(frames).differing, 1U) << i;
    frames = walk_.frames;
    frames[i].info += 1;
    EXPECT_EQ(check(frames).differing, 1U) << i;
  }
}

TEST_F(WalkCheckTest, aFrameThatIsMissingDiffers) {
  auto frames = walk_.frames;
  frames.pop_back();
  EXPECT_EQ(check(frames).differing, 1U);
  frames = walk_.frames;
  frames.erase(frames.begin() + 1);
  EXPECT_EQ(check(frames).differing, 1U);
}

TEST_F(WalkCheckTest, withoutItsStackThereIsNoAnswer) {
  record_->stack_bytes = 0;
  EXPECT_EQ(check(walk_.frames).no_answer, 1U);
}

}  // namespace
}  // namespace jtrace::session
