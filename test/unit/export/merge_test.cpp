// SPDX-License-Identifier: Apache-2.0
#include "export/merge.h"

#include <gtest/gtest.h>

#include <vector>

#include "export/exporter.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

Result<profile::Profile> merge_profiles(const std::vector<profile::Profile>& windows) {
  Merger merger;
  for (const auto& window : windows) JT_CHECK_OK(merger.add(window));
  return std::move(merger).take();
}

std::string collapsed(const profile::Profile& profile) {
  return (*exporter_by_name("collapsed"))->write(profile, {});
}

profile::Profile window(int start, std::vector<std::pair<const char*, std::int64_t>> stacks,
                        profile::Ledger ledger = {}) {
  test::ProfileSketch sketch({.title = "e",
                              .events = {"e"},
                              .target = "t",
                              .host = "h",
                              .command_line = {},
                              .start = system_clock::time_point(seconds(start)),
                              .duration = seconds(10)});
  for (const auto& [name, value] : stacks) {
    sketch.stack({sketch.frame(profile::FrameKind::Native, "main"),
                  sketch.frame(profile::FrameKind::Native, name)},
                 value);
  }
  return std::move(sketch).build(std::move(ledger));
}

TEST(Merge, EqualStacksAreAdded) {
  const std::vector windows{window(100, {{"a", 1}, {"b", 2}}), window(110, {{"c", 4}, {"a", 8}})};
  const auto merged = merge_profiles(windows);
  ASSERT_TRUE(merged);
  EXPECT_EQ(collapsed(*merged), "main;a 9\nmain;b 2\nmain;c 4\n");
  EXPECT_EQ(merged->header.start, system_clock::time_point(seconds(100)));
  EXPECT_EQ(merged->header.duration, seconds(20));
  EXPECT_EQ(merged->header.target, "t");
}

TEST(Merge, LedgersAreAddedLineByLine) {
  const std::vector windows{
      window(1, {}, {.lines = {{"fired", 5}, {"kept", 4}, {"complete", 4, 1}, {"frames", 9}}}),
      window(2, {},
             {.lines = {{"fired", 2},
                        {"kept", 2},
                        {"complete", 1, 1},
                        {"partial: cfa", 1, 1},
                        {"missed", 0, 0, false},
                        {"frames", 1},
                        {"complete", 7, 1}},
              .balanced = false})};
  const auto ledger = merge_profiles(windows)->ledger;
  std::string text;
  for (const auto& line : ledger.lines) {
    text += std::string(static_cast<std::size_t>(line.depth), ' ') + line.name + " " +
            (line.measurable ? std::to_string(line.count) : "-") + "\n";
  }
  EXPECT_EQ(text,
            "fired 7\nkept 6\n complete 5\n partial: cfa 1\nmissed -\nframes 10\n complete 7\n");
  EXPECT_FALSE(ledger.balanced);
}

TEST(Merge, OfNoneOrOfDifferentWeightsThereIsNone) {
  EXPECT_EQ(merge_profiles({}).error().code, Errc::Usage);
  const std::vector windows{window(1, {}), test::weighed_profile()};
  EXPECT_EQ(merge_profiles(windows).error().code, Errc::Usage);
}

TEST(Merge, LabelsWeightsAndSizesStay) {
  const std::vector twice{test::weighed_profile(), test::weighed_profile()};
  profile::Profile merged = *merge_profiles(twice);
  for (auto& sample : merged.samples) {
    for (auto& value : sample.values) value /= 2;
  }
  EXPECT_EQ(collapsed(merged), collapsed(twice.front()));
  EXPECT_EQ(merged.samples.size(), twice.front().samples.size());
  EXPECT_EQ(merged.sample_types, twice.front().sample_types);
}

}  // namespace
}  // namespace jtrace::exporting
