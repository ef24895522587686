// SPDX-License-Identifier: Apache-2.0
// Walks of real processes, done again from what was recorded of them: test/data/walks.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "replay/recorded_walk.h"

namespace jtrace::test {
namespace {

constexpr std::size_t kMaxFile = 50'000;

std::vector<std::string> recorded() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(JTRACE_SOURCE_DIR "/test/data/walks")) {
    if (entry.path().extension() == ".walk") names.push_back(entry.path().stem());
  }
  std::ranges::sort(names);
  return names;
}

RecordedWalk load(const std::string& name) {
  const auto text = read_file(JTRACE_SOURCE_DIR "/test/data/walks/" + name + ".walk", kMaxFile);
  EXPECT_TRUE(text) << text.error().message;
  auto walk = parse_walk(text.value_or(""));
  EXPECT_TRUE(walk) << walk.error().message;
  // What is read is what was written.
  EXPECT_EQ(walk ? to_text(*walk) : "", text.value_or(""));
  return walk ? *std::move(walk) : RecordedWalk{};
}

bool same(const std::vector<jt_frame>& a, const std::vector<jt_frame>& b) {
  return std::ranges::equal(a, b, [](const jt_frame& x, const jt_frame& y) {
    return x.where == y.where && x.info == y.info;
  });
}

class Replay : public ::testing::TestWithParam<std::string> {};

TEST_P(Replay, findsTheFramesThatTheKernelFound) {
  const RecordedWalk recorded = load(GetParam());
  const auto walk = recorded.walk();
  EXPECT_EQ(walk.status, recorded.status);
  EXPECT_TRUE(same(walk.frames, recorded.frames)) << recorded.title;
  EXPECT_GE(walk.frames.size(), 4U);
}

// A recorded walk is no walk that anything would pass: each word of the stack that a frame was
// found by matters.
TEST_P(Replay, dependsOnTheStack) {
  RecordedWalk recorded = load(GetParam());
  std::size_t matter = 0;
  for (std::size_t at = 0; at + 8 <= recorded.stack.size(); at += 8) {
    recorded.stack[at + 1] ^= std::byte{0x55};
    const auto walk = recorded.walk();
    if (walk.status != recorded.status || !same(walk.frames, recorded.frames)) ++matter;
    recorded.stack[at + 1] ^= std::byte{0x55};
  }
  EXPECT_GE(matter + 2, recorded.frames.size());
}

// Of its heaps, or of a JVM that says it has more than there is room for.
TEST(ReplayFile, hasNoMoreHeapsThanAJvm) {
  const std::string heap = "heap 1000 2000 3000 7\n";
  std::string text = "jtrace walk 1\n";
  for (int i = 0; i < JT_MAX_HEAPS; ++i) text += heap;
  EXPECT_TRUE(parse_walk(text)) << "as many as there are";
  EXPECT_FALSE(parse_walk(text + heap));
  EXPECT_FALSE(parse_walk("jtrace walk 1\njvm heap_count 8\n" + heap));
}

INSTANTIATE_TEST_SUITE_P(Walks, Replay, ::testing::ValuesIn(recorded()), [](const auto& name) {
  std::string text = name.param;
  std::ranges::replace(text, '-', '_');
  return text;
});

}  // namespace
}  // namespace jtrace::test
