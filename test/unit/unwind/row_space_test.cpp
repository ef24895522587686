// SPDX-License-Identifier: Apache-2.0
#include "unwind/row_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace jtrace::unwind {
namespace {

TEST(RowSpace, givesRowsOneBehindTheOther) {
  RowSpace space(10);
  EXPECT_EQ(space.take(3), 0U);
  EXPECT_EQ(space.take(7), 3U);
  EXPECT_EQ(space.take(1), std::nullopt);
  EXPECT_EQ(space.take(0), 0U);
  EXPECT_EQ(space.used(), 10U);
}

TEST(RowSpace, takesTheSmallestGapThatWillDo) {
  RowSpace space(100);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(space.take(10), 10U * i);
  space.give_back(10, 10);
  space.give_back(20, 10);
  space.give_back(50, 10);
  EXPECT_EQ(space.take(10), 50U);
  EXPECT_EQ(space.take(20), 10U) << "neighbours are one gap";
  EXPECT_EQ(space.take(1), std::nullopt);
}

TEST(RowSpace, joinsGapsOnBothSides) {
  for (const auto& order : std::vector<std::vector<std::uint32_t>>{
           {0, 10, 20}, {20, 10, 0}, {0, 20, 10}, {10, 0, 20}}) {
    RowSpace space(30);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(space.take(10));
    for (const std::uint32_t first : order) {
      const std::uint32_t gap = space.give_back(first, 10);
      EXPECT_EQ(gap, space.largest_gap());
    }
    EXPECT_EQ(space.used(), 0U);
    EXPECT_EQ(space.take(30), 0U);
  }
}

// Whatever comes and goes: no row is given out twice, and all of them are there in the end.
TEST(RowSpace, givesNoRowOutTwice) {
  constexpr std::uint32_t kRows = 1000;
  RowSpace space(kRows);
  std::vector<bool> taken(kRows);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> spans;
  std::minstd_rand random(7);
  std::uint32_t used = 0;
  for (int round = 0; round < 20'000; ++round) {
    if (random() % 2 == 0) {
      const auto n = static_cast<std::uint32_t>(1 + random() % 60);
      const auto first = space.take(n);
      if (!first) continue;
      ASSERT_LE(*first + n, kRows);
      for (std::uint32_t row = *first; row < *first + n; ++row) {
        ASSERT_FALSE(taken[row]) << row;
        taken[row] = true;
      }
      spans.emplace_back(*first, n);
      used += n;
    } else if (!spans.empty()) {
      std::swap(spans[random() % spans.size()], spans.back());
      const auto [first, n] = spans.back();
      spans.pop_back();
      std::fill_n(taken.begin() + first, n, false);
      space.give_back(first, n);
      used -= n;
    }
    ASSERT_EQ(space.used(), used);
    std::uint32_t run = 0, longest = 0;
    for (const bool is_taken : taken) longest = std::max(longest, run = is_taken ? 0 : run + 1);
    ASSERT_EQ(space.largest_gap(), longest);
  }
  for (const auto& [first, n] : spans) space.give_back(first, n);
  EXPECT_EQ(space.take(kRows), 0U);
}

}  // namespace
}  // namespace jtrace::unwind
