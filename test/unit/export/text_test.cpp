// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "export/exporter.h"
#include "export/formats.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::system_clock;
using testing::HasSubstr;
using testing::Not;

TEST(Units, Counts) {
  EXPECT_EQ(count_text(std::uint64_t{0}), "0");
  EXPECT_EQ(count_text(std::uint64_t{999}), "999");
  EXPECT_EQ(count_text(std::uint64_t{1000}), "1,000");
  EXPECT_EQ(count_text(std::int64_t{-1234567}), "-1,234,567");
  EXPECT_EQ(count_text(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
  EXPECT_EQ(count_text(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Units, Durations) {
  EXPECT_EQ(duration_text(nanoseconds{250'000'000}), "250 ms");
  EXPECT_EQ(duration_text(seconds{30}), "30.0 s");
  EXPECT_EQ(duration_text(seconds{125}), "2 min 5 s");
  EXPECT_EQ(duration_text(seconds{3603}), "1 h 0 min 3 s");
}

TEST(Units, ValuesInTheirUnits) {
  EXPECT_EQ(value_text(0, "nanoseconds"), "0 ns");
  EXPECT_EQ(value_text(999, "nanoseconds"), "999 ns");
  EXPECT_EQ(value_text(1'500'000, "nanoseconds"), "1.5 ms");
  EXPECT_EQ(value_text(-2'000, "nanoseconds"), "-2 µs");
  EXPECT_EQ(value_text(12'345'600'000'000, "nanoseconds"), "12,346 s");
  EXPECT_EQ(value_text(1023, "bytes"), "1,023 B");
  EXPECT_EQ(value_text(3'407'872, "bytes"), "3.25 MiB");
  EXPECT_EQ(value_text(std::numeric_limits<std::int64_t>::max(), "bytes"), "8,388,608 TiB");
  EXPECT_EQ(value_text(1234, "count"), "1,234");
  EXPECT_EQ(weight_text(1234, {"errors", "count"}), "1,234 errors");
  EXPECT_EQ(weight_text(1, {"errors", "count"}), "1 error");
  EXPECT_EQ(weight_text(1, {"pages", "count"}), "1 pages") << "a field's own name";
  EXPECT_EQ(events_text(1), "1 event");
  EXPECT_EQ(events_text(0), "0 events");
  EXPECT_EQ(weight_text(1234, {"bytes", "bytes"}), "1.21 KiB");
}

TEST(Units, Times) {
  EXPECT_EQ(time_text(system_clock::time_point{}), "");
  EXPECT_EQ(time_text(system_clock::time_point{seconds{1'785'000'000}}), "2026-07-25 17:20:00 UTC");
  // The clock's own ends lie inside the years that have four digits; they must not fail.
  EXPECT_FALSE(time_text(system_clock::time_point::max()).empty());
  EXPECT_FALSE(time_text(system_clock::time_point::min()).empty());
}

// Each event is there, whether it has any of the weight or not.
TEST(Text, CountsEventsWithoutWeight) {
  test::ProfileSketch s({}, {{"events", "count"}, {"bytes", "bytes"}}, 1);
  const auto read = s.frame(profile::FrameKind::Native, "read");
  s.weighed({read}, {10, 4096});
  s.weighed({read}, {5, 0});
  s.weighed({s.frame(profile::FrameKind::Native, "poll")}, {3, 0});
  const std::string text = write_text(std::move(s).build(), {});
  EXPECT_THAT(text, HasSubstr("weight    bytes: 4 KiB in 18 events\n"));
  EXPECT_THAT(text, HasSubstr("hottest stacks (2 of 2)\n\n  4 KiB  100.0 %  15 events\n"));
  EXPECT_THAT(text, HasSubstr("  0 B  0.0 %  3 events\n"));
}

TEST(Text, NothingHasAnyOfTheWeight) {
  test::ProfileSketch s({}, {{"events", "count"}, {"errors", "count"}}, 1);
  s.weighed({s.frame(profile::FrameKind::Native, "open")}, {2, 0});
  EXPECT_THAT(write_text(std::move(s).build(), {}), HasSubstr("  0 errors  0.0 %  2 events\n"));
}

TEST(Text, TotalsOfValues) {
  test::ProfileSketch s({}, {{"events", "count"}, {"latency", "nanoseconds"}}, 1);
  const auto open = s.frame(profile::FrameKind::Native, "open");
  const auto stat = s.frame(profile::FrameKind::Native, "stat");
  s.weighed({open}, {3, 1'500}, {s.label("filename", "/a"), s.label("event", "e")});
  s.weighed({stat}, {1, 500}, {s.label("filename", "/a"), s.label("thread", "[t tid=1]")});
  s.weighed({stat}, {1, 2'000}, {s.label("filename", "/b\x1b[2J")});
  s.weighed({stat}, {9, 0}, {s.label("filename", "/c"), s.label("latency", 4, "nanoseconds")});
  EXPECT_THAT(write_text(std::move(s).build(), {}),
              HasSubstr("\nfilename, 3 values\n"
                        "  2 µs  50.0 %  4 events  /a\n"
                        "  2 µs  50.0 %   1 event  /b\\x1b[2J\n"
                        "  0 ns   0.0 %  9 events  /c\n"));
}

TEST(Text, TotalsSayWhatTheyLeaveOut) {
  test::ProfileSketch s({});
  for (int i = 0; i < 23; ++i) {
    s.stack({s.frame(profile::FrameKind::Native, "f")}, 10, {s.label("fd", std::to_string(i))});
  }
  const auto profile = std::move(s).build();
  const std::string text = write_text(profile, {});
  EXPECT_THAT(text, HasSubstr("\nfd, 23 values\n"));
  EXPECT_THAT(text, HasSubstr("\n  30 events  13.0 %  (3 more values)\n"));
  const std::string json = write_json(profile, {});
  EXPECT_THAT(json, HasSubstr(R"({"field":"fd","values":[)"));
  EXPECT_THAT(json, HasSubstr(R"({"value":"22","sums":[10]})")) << "json has all";
}

TEST(Text, HistogramsDrawNoBarOfNothing) {
  test::ProfileSketch s({});
  const auto f = s.frame(profile::FrameKind::Native, "f");
  s.stack({f}, 9'997, {s.label("latency", 8, "nanoseconds")});
  s.stack({f}, 3, {s.label("latency", 16, "nanoseconds")});
  s.stack({f}, 40, {s.label("latency", 32, "nanoseconds")});
  const std::string text = write_text(std::move(s).build(), {});
  EXPECT_THAT(text, HasSubstr("      3   0.0 %                            f"));
  EXPECT_THAT(text, HasSubstr("     40   0.4 %  #"));
}

TEST(Text, SaysWhenTheLedgerDoesNotAddUp) {
  test::ProfileSketch good({});
  EXPECT_THAT(write_text(std::move(good).build(), {}), Not(HasSubstr("does not add up")));
  test::ProfileSketch bad({});
  EXPECT_THAT(write_text(std::move(bad).build({{{"fired", 1, 0, true}}, false}), {}),
              HasSubstr("ledger does not add up"));
}

TEST(Text, DeepStacksShowBothEnds) {
  test::ProfileSketch s({});
  std::vector<profile::LocationId> stack;
  for (int i = 0; i < 3000; ++i) {
    stack.push_back(s.frame(profile::FrameKind::Native, "f" + std::to_string(i)));
  }
  s.stack(std::move(stack), 1);
  const std::string text = write_text(std::move(s).build(), {});
  EXPECT_THAT(text, HasSubstr("    f2999\n    f2998\n"));
  EXPECT_THAT(text, HasSubstr("    ... 2952 frames ...\n    f7\n"));
  EXPECT_THAT(text, HasSubstr("    f0\n"));
}

TEST(Text, ShowsTenStacksHottestFirst) {
  test::ProfileSketch s({});
  for (int i = 1; i <= 12; ++i) {
    s.stack({s.frame(profile::FrameKind::Native, "f" + std::to_string(i))}, i);
  }
  const std::string text = write_text(std::move(s).build(), {});
  EXPECT_THAT(text, HasSubstr("hottest stacks (10 of 12)\n\n  12 events  15.4 %\n    f12\n"));
  EXPECT_THAT(text, Not(HasSubstr("    f2\n")));
}

TEST(Text, StacksAreThoseOfTheDefaultWeightWithTheirEvents) {
  const std::string text = write_text(test::weighed_profile(), {});
  EXPECT_THAT(text, HasSubstr("weight    latency: 61.7 ms in 1,067 events\n"));
  EXPECT_THAT(text, HasSubstr("(6 of 6)\n\n  41 ms  66.4 %  3 events\n    filename=/data/cold\n"));
}

TEST(Text, HistogramsNameTheHottestStackOfABucket) {
  const std::string text = write_text(test::weighed_profile(), {});
  EXPECT_THAT(text, HasSubstr("\nlatency of syscalls:sys_exit_read, 1,002 events\n"));
  EXPECT_THAT(text, HasSubstr("  1.02 µs - 2.05 µs  900  89.8 %  ########################  "
                              "filename=/data/hot < read < app/Disk.load_[i] < app/Store.get_[j]"));
  EXPECT_THAT(text, HasSubstr("\n      ...\n  1.05 ms - 2.1 ms    12   1.2 %  # "));
}

TEST(Text, HasNoEscapeCodes) {
  for (const char c : write_text(test::hostile_profile(), {})) {
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
  }
}

}  // namespace
}  // namespace jtrace::exporting
