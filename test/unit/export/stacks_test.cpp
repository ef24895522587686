// SPDX-License-Identifier: Apache-2.0
#include "export/stacks.h"
#include "export/sequence_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "export/exporter.h"
#include "export/formats.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using enum profile::FrameKind;
using test::ProfileSketch;

profile::Header with_events(std::vector<std::string> events) {
  profile::Header header;
  header.events = std::move(events);
  return header;
}

TEST(Collapsed, RootFirstWithInlinedFramesAfterTheirCaller) {
  ProfileSketch s({});
  s.stack({s.frame(JavaInterpreted, "Root.run"),
           s.inlined({{JavaC2, "Outer.f"}, {JavaInlined, "Mid.g"}, {JavaInlined, "Inner.h"}}),
           s.frame(Kernel, "sys")},
          3);
  EXPECT_EQ(write_collapsed(std::move(s).build(), {}),
            "Root.run_[0];Outer.f_[j];Mid.g_[i];Inner.h_[i];sys_[k] 3\n");
}

TEST(Collapsed, WithoutSuffixesEqualStacksBecomeOne) {
  ProfileSketch s({});
  s.stack({s.frame(JavaC1, "A.f")}, 1);
  s.stack({s.frame(JavaC2, "A.f")}, 2);
  const profile::Profile profile = std::move(s).build();
  EXPECT_EQ(write_collapsed(profile, {}), "A.f_[1] 1\nA.f_[j] 2\n");
  EXPECT_EQ(write_collapsed(profile, {.plain = true}), "A.f 3\n");
}

TEST(Collapsed, LinesOfJavaFramesStandBeforeTheSuffix) {
  ProfileSketch s({});
  s.stack({s.frame(JavaC2, "A.f"), s.frame(JavaInterpreted, "A.g"), s.frame(Native, "open")}, 1);
  profile::Profile profile = std::move(s).build();
  for (profile::Location& location : profile.locations) {
    for (profile::Line& line : location.lines) line.line = 7;
  }
  EXPECT_EQ(write_collapsed(profile, {.lines = true}), "A.f:7_[j];A.g:7_[0];open 1\n");
  EXPECT_EQ(write_collapsed(profile, {.plain = true, .lines = true}), "A.f:7;A.g:7;open 1\n");
  EXPECT_EQ(write_collapsed(profile, {}), "A.f_[j];A.g_[0];open 1\n");
}

TEST(Collapsed, EventIsALeafFrameOnlyWhereThereAreSeveral) {
  for (const std::size_t events : {1U, 2U}) {
    ProfileSketch s(with_events(std::vector<std::string>(events, "x:y")));
    s.stack({s.frame(Native, "main")}, 1, {s.label("event", "x:y")});
    EXPECT_EQ(write_collapsed(std::move(s).build(), {}), events == 1 ? "main 1\n" : "main;x:y 1\n");
  }
}

TEST(Collapsed, FieldFramesFollowTheEvent) {
  ProfileSketch s(with_events({"x:y", "x:z"}));
  s.stack({s.frame(Native, "main"), s.frame(Event, "fd=3"), s.frame(Event, "ret=0")}, 1,
          {s.label("event", "x:y")});
  EXPECT_EQ(write_collapsed(std::move(s).build(), {}), "main;x:y;fd=3;ret=0 1\n");
}

TEST(Collapsed, ThreadIsTheRootFrame) {
  ProfileSketch s({});
  s.stack({s.frame(Native, "main")}, 1, {s.label("thread", "[main tid=12]")});
  s.stack({}, 2, {s.label("thread", "[main tid=12]")});
  EXPECT_EQ(write_collapsed(std::move(s).build(), {}),
            "[main tid=12];[unknown] 2\n[main tid=12];main 1\n");
}

TEST(Collapsed, LinesAreOneStackEachAndParseBack) {
  const std::string text = write_collapsed(test::hostile_profile(), {});
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const std::size_t end = text.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t blank = line.rfind(' ');
    ASSERT_NE(blank, std::string::npos);
    EXPECT_FALSE(line.substr(blank + 1).empty());
    EXPECT_EQ(line.find_first_not_of("0123456789", blank + 1), std::string::npos) << line;
    EXPECT_LE(std::ranges::count(line, ';'), 1) << line;
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
  }
  EXPECT_EQ(lines, 22U);
}

TEST(Stacks, SameDataInAnotherOrderIsTheSame) {
  const auto sketch = [](bool reversed) {
    ProfileSketch s({});
    std::vector<std::string> names{"a", "b", "c", "d"};
    if (reversed) std::ranges::reverse(names);
    for (const std::string& name : names) {
      s.stack({s.frame(Native, "root"), s.frame(Native, name)}, static_cast<std::int64_t>(name[0]));
    }
    return std::move(s).build();
  };
  for (const Exporter& exporter : exporters()) {
    if (exporter.single_events) continue;  // the sketch's events have the order of its samples
    EXPECT_EQ(exporter.write(sketch(false), {}), exporter.write(sketch(true), {})) << exporter.name;
  }
}

struct Sequences {
  std::vector<std::vector<std::uint32_t>> all;

  [[nodiscard]] std::size_t size(std::uint32_t i) const { return all[i].size(); }
  [[nodiscard]] std::uint32_t at(std::uint32_t i, std::size_t k) const { return all[i][k]; }
  void ask_for(std::uint32_t /*i*/, std::size_t /*k*/) const {}
};

TEST(SequenceOrder, IsThatOfComparingElementByElement) {
  std::mt19937 random{5};
  for (const std::uint32_t most : {0U, 1U, 300U, 70'000U, 0xfffffffeU}) {
    Sequences sequences;
    std::vector<std::uint32_t> one;
    for (int i = 0; i < 2000; ++i) {
      one.resize(random() % (one.size() + 1));
      while (random() % 12 != 0)
        one.push_back(static_cast<std::uint32_t>(random() % (most + 1ULL)));
      sequences.all.push_back(one);
    }
    const auto [indices, again] = sequence_order(sequences, sequences.all.size(), most);
    std::vector<std::uint32_t> wanted(sequences.all.size());
    std::iota(wanted.begin(), wanted.end(), 0U);
    const auto of = [&](std::uint32_t i) -> const auto& { return sequences.all[i]; };
    std::ranges::stable_sort(wanted, {}, of);
    ASSERT_EQ(indices, wanted) << most;
    for (std::size_t i = 1; i < indices.size(); ++i) {
      ASSERT_EQ(again[i], of(indices[i]) == of(indices[i - 1])) << most;
    }
  }
}

TEST(Stacks, ValuesAddUp) {
  const Stacks stacks = make_stacks(test::large_profile(10'000, 200), Suffixes::Yes);
  std::int64_t sum = 0;
  for (const Stack& stack : stacks.stacks) {
    EXPECT_FALSE(stack.frames.empty());
    sum += stack.value;
  }
  EXPECT_EQ(sum, stacks.total);
  const auto before = [](std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
    return std::ranges::lexicographical_compare(a, b);
  };
  EXPECT_TRUE(std::ranges::is_sorted(stacks.stacks, before, &Stack::frames));
  EXPECT_TRUE(std::ranges::is_sorted(stacks.frames));
}

TEST(Stacks, ValuesWithoutWidthAreLeftOutAndSumsStayInRange) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  ProfileSketch s({});
  s.stack({s.frame(Native, "zero")}, 0);
  s.stack({s.frame(Native, "negative")}, -4);
  s.stack({s.frame(Native, "a")}, kMax);
  s.stack({s.frame(Native, "b")}, kMax);
  const Stacks stacks = make_stacks(std::move(s).build(), Suffixes::Yes);
  EXPECT_EQ(stacks.stacks.size(), 2U);
  EXPECT_EQ(stacks.total, kMax);
}

TEST(Stacks, EveryWeightIsThereWhereAllAreKept) {
  const profile::Profile profile = test::weighed_profile();
  const Stacks all = make_stacks(profile, Suffixes::No, Lines::No, Keep::Weighed);
  EXPECT_EQ(all.stacks.size(), 6U);
  EXPECT_EQ(all.total_events, 1067);
  for (std::size_t column = 0; column < profile.sample_types.size(); ++column) {
    std::int64_t sum = 0;
    std::int64_t wanted = 0;
    for (const std::int64_t weight : weights_of(all, profile, column)) sum += weight;
    for (const auto& sample : profile.samples) wanted += sample.values[column];
    EXPECT_EQ(sum, wanted);
  }
  const Stacks drawn = make_stacks(profile, Suffixes::No);
  EXPECT_EQ(drawn.stacks.size(), 5U);  // one has no latency
  EXPECT_EQ(std::ranges::count(drawn.of_sample, kNoStack), 1);
}

TEST(Stacks, ProfileWithoutSampleTypesHasNoStacks) {
  ProfileSketch s({}, {});
  s.stack({s.frame(Native, "a")}, 1);
  EXPECT_TRUE(make_stacks(std::move(s).build(), Suffixes::Yes).stacks.empty());
}

}  // namespace
}  // namespace jtrace::exporting
