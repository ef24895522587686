// SPDX-License-Identifier: Apache-2.0
// The hash that tells stacks apart, and that is joined where the rest of one is another one's.
#include "bpf/stack_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace jtrace::test {
namespace {

using Frames = std::vector<std::uint64_t>;  // mixed

class StackHash : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kBase = 0xb504f333;
  static constexpr std::uint64_t kSeed = 0x6a09e667f3bcc908;

  static std::uint64_t frame(std::uint64_t number) {
    return jt_hash_mix(kSeed, 0x7f0000000000 + number * 16, 3);
  }
  static std::uint64_t push_all(std::uint64_t hash, std::span<const std::uint64_t> frames,
                                std::uint64_t base = kBase) {
    for (const auto mixed : frames) hash = jt_hash_push(hash, base, mixed);
    return hash;
  }
  static std::uint64_t hash_of(std::span<const std::uint64_t> frames, std::uint64_t base = kBase) {
    return jt_hash_settle(push_all(0, frames, base));
  }
  static std::uint64_t power(std::size_t n, std::uint64_t base = kBase) {
    std::uint64_t result = 1;
    for (; n > 0; --n) result = jt_hash_push(result, base, 0);
    return jt_hash_settle(result);
  }
  // Two frames in the order of Thue and Morse: which, by the parity of the place's bits.
  static Frames thue_morse(std::size_t length, std::uint64_t even, std::uint64_t odd) {
    Frames frames;
    for (std::size_t i = 0; i < length; ++i) {
      frames.push_back(std::popcount(i) % 2 == 0 ? even : odd);
    }
    return frames;
  }
  static std::size_t equal_pairs(std::vector<std::uint64_t>& hashes) {
    std::ranges::sort(hashes);
    std::size_t equal = 0;
    for (std::size_t i = 1; i < hashes.size(); ++i) equal += hashes[i] == hashes[i - 1] ? 1 : 0;
    return equal;
  }
};

TEST_F(StackHash, IsThePolynomialModuloThePrime) {
  std::mt19937_64 random(1);
  for (int turn = 0; turn < 1000; ++turn) {
    Frames frames(random() % 64);
    for (auto& mixed : frames) mixed = random() >> 3;
    const std::uint64_t base = (random() >> 32) | 1;
    __extension__ unsigned __int128 wanted = 0;
    for (const auto mixed : frames) wanted = (wanted * base + mixed) % JT_HASH_PRIME;
    EXPECT_EQ(hash_of(frames, base), static_cast<std::uint64_t>(wanted));
  }
}

TEST_F(StackHash, LargestNumbersDoNotOverflow) {
  const Frames frames(JT_MAX_FRAMES, JT_HASH_PRIME);
  const std::uint64_t base = 0xffffffff;
  __extension__ unsigned __int128 wanted = 0;
  for (const auto mixed : frames) wanted = (wanted * base + mixed) % JT_HASH_PRIME;
  EXPECT_EQ(hash_of(frames, base), static_cast<std::uint64_t>(wanted));
}

TEST_F(StackHash, ARestIsJoinedWithAnotherTop) {
  std::mt19937_64 random(2);
  const auto drawn = [&](std::size_t n) {
    Frames frames(n);
    for (auto& mixed : frames) mixed = frame(random() % 100);
    return frames;
  };
  for (int turn = 0; turn < 10'000; ++turn) {
    const Frames begin = drawn(random() % 40), top = drawn(random() % 40);
    const Frames rest = drawn(random() % 200);
    Frames whole = begin, other = top;
    whole.insert(whole.end(), rest.begin(), rest.end());
    other.insert(other.end(), rest.begin(), rest.end());
    const auto joined =
        jt_hash_join(push_all(0, top), push_all(0, begin), hash_of(whole), power(rest.size()));
    EXPECT_EQ(jt_hash_settle(joined), hash_of(other));
  }
}

// A million and a half: of drawn frames, all orders of nine, all rows of two.
TEST_F(StackHash, DifferentStacksHaveDifferentHashes) {
  std::vector<std::uint64_t> hashes;
  Frames order;
  for (std::uint64_t i = 0; i < 9; ++i) order.push_back(frame(i));
  std::ranges::sort(order);
  do {
    hashes.push_back(hash_of(order));
  } while (std::ranges::next_permutation(order).found);
  ASSERT_EQ(hashes.size(), 362'880U);
  constexpr std::uint64_t kRows = 1 << 19;
  Frames row(19);
  for (std::uint64_t bits = 0; bits < kRows; ++bits) {
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = frame(20 + ((bits >> i) & 1));
    hashes.push_back(hash_of(row));
  }
  std::mt19937_64 random(3);
  while (hashes.size() < 1'500'000) {
    Frames frames(20 + random() % 20);
    for (auto& mixed : frames) mixed = frame(30 + random() % 300);
    hashes.push_back(hash_of(frames));
  }
  EXPECT_EQ(equal_pairs(hashes), 0U);
}

// The base is drawn with the seed, and never even.
TEST_F(StackHash, BaseIsOddAndBelowTwoToThe32) {
  for (const std::uint64_t seed : {0ULL, ~0ULL, 0x123456789abcdef0ULL}) {
    EXPECT_EQ(jt_hash_base(seed) % 2, 1U);
    EXPECT_LT(jt_hash_base(seed), 1ULL << 32);
  }
}

// What every hash that is a polynomial modulo a power of two falls for.
TEST_F(StackHash, OrdersOfTwoFramesDoNotCollide) {
  const std::uint64_t a = frame(1), b = frame(2);
  std::mt19937_64 random(4);
  for (std::size_t length = 2; length <= JT_MAX_FRAMES; length *= 2) {
    const Frames one = thue_morse(length, a, b), other = thue_morse(length, b, a);
    for (int turn = 0; turn < 100; ++turn) {
      const std::uint64_t base = (random() >> 32) | (1ULL << 31);
      EXPECT_NE(hash_of(one, base), hash_of(other, base)) << length;
    }
  }
  const auto modulo_two = [](const Frames& frames) {
    std::uint64_t hash = 0;
    for (const auto mixed : frames) hash = hash * 0xd1342543de82ef95 + mixed;
    return hash;
  };
  EXPECT_EQ(modulo_two(thue_morse(1024, a, b)), modulo_two(thue_morse(1024, b, a)));
}

}  // namespace
}  // namespace jtrace::test
