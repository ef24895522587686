// SPDX-License-Identifier: Apache-2.0
// Walks of real processes, done again from what was recorded of them: test/data/walks.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <span>
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

// Whether code was freed is told by a counter since JDK 20: here it is a word that no walk reads.
constexpr std::uint64_t kEpochAt = 0x1000;

void set_epoch(RecordedWalk& recorded, std::uint64_t epoch) {
  for (jt_hotspot& vm : recorded.jvms) vm.code_epoch = kEpochAt;
  recorded.code.add(kEpochAt, std::as_bytes(std::span(&epoch, 1)));
}

// Where the compile ids of the blocks lie that were found, each once.
std::set<std::uint64_t> ids_of(const RecordedWalk& recorded, std::span<const jt_known_pc> known) {
  std::set<std::uint64_t> places;
  for (const jt_known_pc& pc : known) {
    if (pc.block == 0) continue;
    const jt_hotspot& vm = recorded.jvms.front();
    places.insert(pc.block + vm.block_header + vm.off_compile_id);
  }
  return places;
}

TEST_P(Replay, findsThemAgainByWhatWasKept) {
  for (const bool has_epoch : {false, true}) {
    for (const std::size_t room : {1, 7, 1024}) {
      RecordedWalk recorded = load(GetParam());
      if (has_epoch) set_epoch(recorded, 5);
      std::vector<jt_known_pc> known(room);
      for (int turn = 0; turn < 3; ++turn) {
        const auto walk = recorded.walk(known);
        EXPECT_EQ(walk.status, recorded.status);
        EXPECT_TRUE(same(walk.frames, recorded.frames)) << turn << " of " << room;
      }
    }
  }
}

// Other code where a method was: told by its header, or, where the counter stays, not asked for.
TEST_P(Replay, seesThatCodeIsNotWhatWasKept) {
  for (const bool has_epoch : {false, true}) {
    RecordedWalk recorded = load(GetParam());
    if (has_epoch) set_epoch(recorded, 5);
    std::vector<jt_known_pc> known(1024);
    EXPECT_TRUE(same(recorded.walk(known).frames, recorded.frames));
    const auto places = ids_of(recorded, known);
    const std::uint32_t other = 0x7654321;
    for (const auto at : places) recorded.code.add(at, std::as_bytes(std::span(&other, 1)));
    const auto fresh = recorded.walk().frames;
    EXPECT_EQ(same(fresh, recorded.frames), places.empty());
    if (has_epoch) {
      // As long as the counter stays most headers are not read: some frames are those of before.
      EXPECT_EQ(same(recorded.walk(known).frames, fresh), places.empty());
      set_epoch(recorded, 6);
    }
    EXPECT_TRUE(same(recorded.walk(known).frames, fresh));
  }
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
