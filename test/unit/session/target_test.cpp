// SPDX-License-Identifier: Apache-2.0
#include "session/target.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

#include "base/file.h"

namespace jtrace::session {
namespace {

constexpr std::size_t kRows = 4U << 20;

[[gnu::noinline]] void here() { asm volatile(""); }

// The process that waits to be the next one to read.
pid_t child_of(pid_t keeper) {
  const std::string path = fmt::format("/proc/{0}/task/{0}/children", keeper);
  for (int turn = 0; turn < 1000; ++turn) {
    const auto children = read_file(path, 1024);
    if (children && !children->empty()) return std::atoi(children->c_str());
    ::usleep(1000);
  }
  return 0;
}

class OwnTarget : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Target::open(::getpid(), shared_, options_);
    ASSERT_TRUE(opened) << opened.error().message;
    target_ = std::move(*opened);
    frame_ = target_->frame_at(reinterpret_cast<std::uint64_t>(&here), true);
  }
  // What the symbols of this program take.
  std::size_t own_bytes() {
    NativeSymbols native(shared_.files);
    const auto pc = reinterpret_cast<std::uint64_t>(&here);
    const auto* image = target_->place_at(pc).image;
    (void)native.locate(::getpid(), *image, pc - image->bias, true, symbols_);
    return native.bytes_of(*image->binary);
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
  NativeSymbols native(shared_.files, own_bytes() + 256);
  const auto named = [&](auto* function) {
    const auto pc = reinterpret_cast<std::uint64_t>(function);
    const auto* image = target_->place_at(pc).image;
    const auto id = native.locate(::getpid(), *image, pc - image->bias, true, symbols_);
    return !symbols_.locations()[id.value].lines.empty();
  };
  EXPECT_TRUE(named(&here));
  EXPECT_THAT(native.take_left_out(), testing::IsEmpty());
  EXPECT_FALSE(named(&::getpid)) << "of libc";
  EXPECT_FALSE(named(&::getpid)) << "of libc";
  const auto left_out = native.take_left_out();
  ASSERT_EQ(left_out.size(), 1U);
  EXPECT_THAT(left_out.front(), testing::HasSubstr("libc"));
  EXPECT_TRUE(named(&here)) << "stays";
  EXPECT_GT(native.excess(), 0U);
  native.forget(*target_->place_at(reinterpret_cast<std::uint64_t>(&here)).image->binary);
  EXPECT_EQ(native.excess(), 0U);
  EXPECT_TRUE(named(&::getpid));
  EXPECT_THAT(native.take_left_out(), testing::IsEmpty());
}

// One that is too large by itself keeps no other from being named.
TEST_F(OwnTarget, namesWhatHasRoomBesideWhatHasNone) {
  const auto named = [&](NativeSymbols& native, auto* function) {
    const auto pc = reinterpret_cast<std::uint64_t>(function);
    const auto* image = target_->place_at(pc).image;
    const auto id = native.locate(::getpid(), *image, pc - image->bias, true, symbols_);
    return symbols_.locations()[id.value];
  };
  NativeSymbols whole(shared_.files);
  EXPECT_FALSE(named(whole, &::getpid).lines.empty());
  const auto* libc = target_->place_at(reinterpret_cast<std::uint64_t>(&::getpid)).image;
  const std::size_t room = whole.bytes_of(*libc->binary) + 256;
  ASSERT_LT(2 * room, own_bytes());
  NativeSymbols native(shared_.files, room);
  const auto none = named(native, &here);
  EXPECT_TRUE(none.lines.empty());
  EXPECT_EQ(none.reason, profile::UnknownReason::NoSymbols);
  EXPECT_EQ(native.take_left_out().size(), 1U);
  EXPECT_FALSE(named(native, &::getpid).lines.empty());
  EXPECT_TRUE(named(native, &here).lines.empty());
  EXPECT_THAT(native.take_left_out(), testing::IsEmpty());
}

TEST_F(OwnTarget, whatIsForgottenWhileItIsReadIsReadAgain) {
  NativeSymbols native(shared_.files, own_bytes() + 256);
  const auto pc = reinterpret_cast<std::uint64_t>(&here);
  const auto* image = target_->place_at(pc).image;
  EXPECT_FALSE(native.is_ready(::getpid(), *image));
  native.forget(*image->binary);
  native.wait();
  EXPECT_EQ(native.excess(), 0U) << "kept for a binary that may be another one by now";
  EXPECT_FALSE(native.is_ready(::getpid(), *image));
  native.wait();
  EXPECT_TRUE(native.is_ready(::getpid(), *image));
  const auto id = native.locate(::getpid(), *image, pc - image->bias, true, symbols_);
  EXPECT_FALSE(symbols_.locations()[id.value].lines.empty());
}

// A program may have thousands of files mapped, each with megabytes of symbols.
TEST_F(OwnTarget, hasAFewFilesReadAtATime) {
  constexpr int kFiles = 20, kAtATime = 8;
  const auto pc = reinterpret_cast<std::uint64_t>(&here);
  const auto* own = target_->place_at(pc).image;
  std::deque<unwind::Binary> binaries(kFiles);
  std::vector<unwind::MappedImage> images;
  for (unwind::Binary& binary : binaries) {
    binary.serial = images.size() + 1;
    images.push_back(*own);
    images.back().binary = &binary;
  }
  NativeSymbols native(shared_.files);
  const auto ready = [&] {
    return std::ranges::count_if(
        images, [&](const auto& image) { return native.is_ready(::getpid(), image); });
  };
  const std::vector<pid_t> readers = {shared_.files.keeper(), child_of(shared_.files.keeper())};
  for (const pid_t reader : readers) ASSERT_GT(reader, 0);
  for (const pid_t reader : readers) ASSERT_EQ(::kill(reader, SIGSTOP), 0);
  EXPECT_EQ(ready(), 0);
  for (const pid_t reader : readers) ASSERT_EQ(::kill(reader, SIGCONT), 0);
  native.wait();
  EXPECT_EQ(ready(), kAtATime);
  // Who cannot wait gets the last one, too.
  const auto id = native.locate(::getpid(), images.back(), pc - own->bias, true, symbols_);
  EXPECT_FALSE(symbols_.locations()[id.value].lines.empty());
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
