// SPDX-License-Identifier: Apache-2.0
#include "session/unnamed_stacks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <set>
#include <vector>

namespace jtrace::session {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Clock = std::chrono::steady_clock;

// Targets are told apart by where they are, and are not looked at.
class Unnamed : public ::testing::Test {
 protected:
  [[nodiscard]] Target* target(std::size_t i) { return reinterpret_cast<Target*>(&targets_[i]); }
  void add(std::size_t of, std::int32_t number, std::uint32_t window = 0) {
    jt_stack_key key{};
    key.kernel_stack = number;
    stacks_.add({.key = key, .window = window, .target = target(of), .frames = {}});
  }
  void name_ready(Clock::time_point until = Clock::time_point::max()) {
    stacks_.name_ready(
        progress_, [this](const UnnamedStack& s) { return !slow_.contains(s.key.kernel_stack); },
        name_, until);
  }

  UnnamedStacks stacks_;
  std::vector<std::int32_t> named_;
  std::set<std::int32_t> slow_;
  std::uint64_t progress_ = 0;
  const UnnamedStacks::Name name_ = [this](const UnnamedStack& stack) {
    named_.push_back(stack.key.kernel_stack);
  };

 private:
  std::array<std::uint64_t, 3> targets_{};
};

TEST_F(Unnamed, WaitForTheirOwnFilesOnly) {
  add(0, 1);
  add(1, 2);
  add(0, 3);
  add(1, 4);
  slow_ = {1};
  name_ready();
  EXPECT_THAT(named_, ElementsAre(2, 4));
  EXPECT_TRUE(stacks_.has_of(target(0)));
  EXPECT_FALSE(stacks_.has_of(target(1)));
  EXPECT_EQ(stacks_.size(), 2U);
  slow_.clear();
  name_ready();
  EXPECT_THAT(named_, ElementsAre(2, 4)) << "nothing has been read since";
  ++progress_;
  name_ready();
  EXPECT_THAT(named_, ElementsAre(2, 4, 1, 3));
  EXPECT_TRUE(stacks_.empty());
}

TEST_F(Unnamed, AllTakeTurnsWhereTheTimeIsShort) {
  for (std::int32_t number = 0; number < 9; ++number)
    add(static_cast<std::size_t>(number) % 3, number);
  std::set<std::int32_t> of;
  for (int turn = 0; turn < 3; ++turn) {
    name_ready(Clock::time_point::min());
    ASSERT_EQ(named_.size(), static_cast<std::size_t>(turn) + 1);
    of.insert(named_.back() % 3);
  }
  EXPECT_EQ(of.size(), 3U);
}

TEST_F(Unnamed, AllAreNamedWhereNothingIsWaitedFor) {
  slow_ = {1, 2};
  add(0, 1);
  add(1, 2);
  name_ready();
  EXPECT_THAT(named_, IsEmpty());
  stacks_.name_all(name_);
  EXPECT_EQ(named_.size(), 2U);
  EXPECT_TRUE(stacks_.empty());
  EXPECT_FALSE(stacks_.has_of(target(0)));
}

TEST_F(Unnamed, AreOfAWindow) {
  add(0, 1, 7);
  EXPECT_TRUE(stacks_.has_in(7));
  EXPECT_FALSE(stacks_.has_in(8));
  int visited = 0;
  stacks_.for_each([&](UnnamedStack& stack) {
    stack.window = 8;
    ++visited;
  });
  EXPECT_EQ(visited, 1);
  EXPECT_TRUE(stacks_.has_in(8));
}

}  // namespace
}  // namespace jtrace::session
