// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "hostile_walk.h"

namespace jtrace::test {
namespace {

// Small state: one is made for every walk.
struct SplitMix {
  std::uint64_t state;
  std::uint64_t operator()() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
};

TEST(HostileWalk, keepsItsPromisesWhateverItIsGiven) {
  constexpr std::uint64_t kWalks = 100'000;
  std::size_t deepest = 0;
  std::size_t beyond_leaf = 0;
  for (std::uint64_t seed = 1; seed <= kWalks; ++seed) {
    HostileWalk<SplitMix> walk(SplitMix{seed << 20});
    const auto broken = walk.run();
    ASSERT_FALSE(broken) << *broken << ", seed " << seed;
    deepest = std::max(deepest, walk.frames());
    beyond_leaf += walk.frames() > 1 ? 1 : 0;
  }
  // Else the numbers were too wild to test anything.
  EXPECT_GT(deepest, 12U);
  EXPECT_GT(beyond_leaf, kWalks / 20);
}

}  // namespace
}  // namespace jtrace::test
