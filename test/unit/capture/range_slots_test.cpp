// SPDX-License-Identifier: Apache-2.0
#include "capture/range_slots.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>

namespace jtrace::capture {
namespace {

TEST(RangeSlots, goesRoundPastTheSlotsOfOthers) {
  RangeSlots slots(10);
  EXPECT_EQ(slots.take(1, 2), 0U);
  EXPECT_EQ(slots.take(2, 3), 2U);
  EXPECT_EQ(slots.take(2, 3), 5U);
  // 8 and 9 are too few, 0 and 1 are process 1's, and from 5 on process 2 is still read.
  EXPECT_EQ(slots.take(2, 3), 2U);
  EXPECT_EQ(slots.take(2, 3), 5U);
}

TEST(RangeSlots, fillsTheArrayToItsLastSlot) {
  RangeSlots slots(4);
  EXPECT_EQ(slots.take(1, 4), 0U);
  EXPECT_EQ(slots.take(1, 1), std::nullopt) << "all are still read";
  RangeSlots others(4);
  EXPECT_EQ(others.take(1, 2), 0U);
  EXPECT_EQ(others.take(1, 2), 2U);
  EXPECT_EQ(others.take(1, 2), 0U);
}

TEST(RangeSlots, tellsHowManyAreInUse) {
  RangeSlots slots(10);
  EXPECT_EQ(slots.used(), 0U);
  EXPECT_EQ(slots.take(1, 2), 0U);
  EXPECT_EQ(slots.take(2, 3), 2U);
  EXPECT_EQ(slots.used(), 5U);
  slots.give_back(1);
  EXPECT_EQ(slots.used(), 3U);
}

TEST(RangeSlots, refusesMoreThanThereAre) {
  RangeSlots slots(4);
  EXPECT_EQ(slots.take(1, 5), std::nullopt);
  EXPECT_EQ(slots.take(1, ~0U), std::nullopt);
  EXPECT_EQ(slots.take(1, 3), 0U);
  EXPECT_EQ(slots.take(2, 2), std::nullopt);
}

TEST(RangeSlots, aProcessWithoutRangesTakesNone) {
  RangeSlots slots(2);
  EXPECT_TRUE(slots.take(1, 0).has_value());
  EXPECT_EQ(slots.take(2, 2), 0U);
  EXPECT_TRUE(slots.take(1, 0).has_value());
}

TEST(RangeSlots, neverGivesWhatAnyProcessUses) {
  constexpr std::uint32_t kSlots = 64;
  RangeSlots slots(kSlots);
  std::mt19937 random(1);
  std::map<pid_t, std::pair<std::uint32_t, std::uint32_t>> used;
  for (int i = 0; i < 20'000; ++i) {
    const auto process = static_cast<pid_t>(random() % 5);
    const auto n = static_cast<std::uint32_t>(random() % 13);
    const auto first = slots.take(process, n);
    if (!first) continue;
    ASSERT_LE(*first + n, kSlots);
    for (const auto& [owner, run] : used) {
      ASSERT_TRUE(*first + n <= run.first || run.second <= *first || n == 0 ||
                  run.first == run.second)
          << "turn " << i << ": slots of process " << owner;
    }
    used[process] = {*first, *first + n};
  }
  EXPECT_EQ(used.size(), 5U);
}

}  // namespace
}  // namespace jtrace::capture
