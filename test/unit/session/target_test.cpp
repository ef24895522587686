// SPDX-License-Identifier: Apache-2.0
#include "session/target.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace jtrace::session {
namespace {

constexpr std::size_t kRows = 4U << 20;

[[gnu::noinline]] void here() { asm volatile(""); }

class OwnTarget : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Target::open(::getpid(), shared_, options_);
    ASSERT_TRUE(opened) << opened.error().message;
    target_ = std::move(*opened);
    frame_ = target_->frame_at(reinterpret_cast<std::uint64_t>(&here), true);
  }
  const profile::Location& location(const jt_frame& frame) {
    return symbols_.locations()[target_->locate(frame, {}, symbols_).value];
  }

  cli::Options options_;
  SharedTables shared_{kRows};
  profile::SymbolTable symbols_;
  std::unique_ptr<Target> target_;
  jt_frame frame_{};
};

TEST_F(OwnTarget, namesAFunctionOfThisProgram) {
  ASSERT_NE(frame_.info, 0U) << "in no mapping";
  ASSERT_EQ(location(frame_).lines.size(), 1U);
}

// Ids grow without end where a program loads and unloads; an address is named by its own one only.
// A file that there was no room for has names when there is.
TEST_F(OwnTarget, namesAFileOnceThereIsRoom) {
  NativeSymbols native(shared_.files, 1);
  const auto named = [&](auto* function) {
    const auto pc = reinterpret_cast<std::uint64_t>(function);
    const auto* image = target_->place_at(pc).image;
    const auto id = native.locate(::getpid(), *image, pc - image->bias, true, symbols_);
    return !symbols_.locations()[id.value].lines.empty();
  };
  EXPECT_TRUE(named(&here));
  EXPECT_FALSE(named(&::getpid)) << "of libc";
  EXPECT_GT(native.excess(), 0U);
  native.forget(*target_->place_at(reinterpret_cast<std::uint64_t>(&here)).image->binary);
  EXPECT_EQ(native.excess(), 0U);
  EXPECT_TRUE(named(&::getpid));
}

TEST_F(OwnTarget, tellsEveryMappingIdApart) {
  ASSERT_EQ(location(frame_).lines.size(), 1U);
  for (int bit = 1; bit < 32; ++bit) {
    jt_frame other = frame_;
    other.info ^= std::uint64_t{1} << bit;
    if (other.info < 64) continue;  // may be one of ours
    EXPECT_EQ(location(other).reason, profile::UnknownReason::Unmapped) << "bit " << bit;
  }
}

TEST_F(OwnTarget, tellsAReturnAddressFromAnExactOne) {
  // The first byte of a function, as a return address, is behind the one before it.
  jt_frame returned = frame_;
  returned.where &= ~(std::uint64_t{JT_FRAME_EXACT} << JT_ADDR_BITS);
  EXPECT_NE(target_->locate(frame_, {}, symbols_).value,
            target_->locate(returned, {}, symbols_).value);
}

}  // namespace
}  // namespace jtrace::session
