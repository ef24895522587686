// SPDX-License-Identifier: Apache-2.0
#include "export/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>

#include "export/formats.h"
#include "export/reader.h"
#include "support/pprof_dump.h"
#include "support/sample_differences.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using enum profile::FrameKind;

profile::Profile run(std::int64_t kept, std::string_view other, std::int64_t value) {
  test::ProfileSketch s({});
  (void)s.frame(Native, other);  // ids differ between the two
  const auto main = s.frame(Native, "main");
  s.stack({main, s.frame(JavaC2, "A.kept")}, kept);
  s.stack({main, s.frame(Native, other)}, value);
  return std::move(s).build();
}

profile::Profile difference(const profile::Profile& base, const profile::Profile& next) {
  return diff_profile({base, "a"}, {next, "b"}).value();
}

TEST(Diff, ColumnsAreBaseAndNew) {
  const auto diff = difference(run(10, "gone", 5), run(30, "fresh", 7));
  EXPECT_TRUE(is_difference(diff));
  EXPECT_EQ(write_collapsed(diff, {}), "main;A.kept_[j] 10 30\nmain;fresh 0 7\nmain;gone 5 0\n");
  EXPECT_EQ(write_collapsed(diff, {.plain = true}),
            "main;A.kept 10 30\nmain;fresh 0 7\nmain;gone 5 0\n");
}

TEST(Diff, NormalisedBaseHasTheTotalOfNew) {
  const auto diff = difference(run(10, "gone", 10), run(30, "fresh", 10));
  EXPECT_EQ(write_collapsed(diff, {.normalise = true}),
            "main;A.kept_[j] 20 30\nmain;fresh 0 10\nmain;gone 20 0\n");
  EXPECT_THAT(test::pprof_dump(write_pprof(diff, {.normalise = true})),
              testing::HasSubstr("sample.value: -20 20 0\n"));
  EXPECT_THAT(write_json(diff, {.normalise = true}), testing::HasSubstr("\"values\":[10,20,30]"));
}

TEST(Diff, RoundingKeepsTheTotal) {
  BaseScale third(300, 100);
  std::int64_t sum = 0;
  for (int i = 0; i < 300; ++i) {
    const std::int64_t part = third(1);
    EXPECT_TRUE(part == 0 || part == 1);
    sum += part;
  }
  EXPECT_EQ(sum, 100);
  EXPECT_EQ(BaseScale(0, 5)(0), 0);
  EXPECT_EQ(BaseScale(1, INT64_MAX)(INT64_MAX), 9'200'000'000'000'000'000);
}

TEST(Diff, WithItselfNothingChanged) {
  const profile::Profile profile = test::server_profile();
  for (const auto& sample : difference(profile, profile).samples) {
    EXPECT_EQ(sample.values.at(0), 0);
    EXPECT_EQ(sample.values.at(1), sample.values.at(2));
  }
  EXPECT_THAT(write_text(difference(profile, profile), {}), testing::HasSubstr("no stack changed"));
}

// As `pprof -diff_base` has it.
TEST(Diff, PprofHasTheBaseApartAndNegative) {
  const auto diff = difference(run(10, "gone", 5), run(30, "fresh", 7));
  const std::string text = test::pprof_dump(write_pprof(diff, {}));
  for (const char* values : {"-10 10 0", "30 0 30", "-5 5 0", "7 0 7"}) {
    EXPECT_THAT(text, testing::HasSubstr("sample.value: " + std::string(values) + "\n"));
  }
  EXPECT_THAT(text, testing::HasSubstr("string: pprof::base\n"));
}

TEST(Diff, IsOfTheDefaultWeight) {
  const auto weighed = test::weighed_profile();
  const auto diff = difference(weighed, weighed);
  EXPECT_EQ(diff.sample_types[kNew].unit, "nanoseconds");
  std::int64_t total = 0;
  for (const auto& sample : diff.samples) total += sample.values.at(kNew);
  EXPECT_EQ(total, 61'704'200);
  EXPECT_THAT(write_text(diff, {}), testing::HasSubstr("\n61.7 ms before, 61.7 ms after\n"));
  EXPECT_EQ(difference(diff, weighed).sample_types[kNew].unit, "nanoseconds");
}

TEST(Diff, OtherWeightsAreRefused) {
  const auto weighed = test::weighed_profile();
  const auto refused = diff_profile({weighed, "a.html"}, {run(1, "x", 1), "b.collapsed"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::Usage);
  EXPECT_EQ(refused.error().message,
            "the two profiles have different weights: a.html has latency (nanoseconds), "
            "b.collapsed has events (count)");
  auto errors = weighed;
  errors.default_type = 3;
  EXPECT_FALSE(diff_profile({errors, "a"}, {run(1, "x", 1), "b"}).has_value());
  auto samples = run(1, "x", 1);
  samples.sample_types = {{"samples", "count"}};  // another tool's word
  EXPECT_TRUE(diff_profile({samples, "a"}, {run(1, "x", 1), "b"}).has_value());
}

TEST(Diff, BothSidesAreNamed) {
  const auto diff = test::small_differences().front().profile;
  EXPECT_THAT(diff.comments,
              testing::Contains("base: before.pb.gz, syscalls:sys_enter_openat, java (pid 4242), "
                                "build-7.example, 2026-07-25 17:20:00 UTC, 30.2 s, fired 1,000, "
                                "kept 1,000"));
}

TEST(Diff, ComesBackFromEveryFormat) {
  for (const auto& named : test::small_differences()) {
    const std::string written = write_collapsed(named.profile, {.plain = true});
    for (auto* write : {write_collapsed, write_pprof, write_json, write_html}) {
      const auto read = parse_profile(write(named.profile, {}));
      ASSERT_TRUE(read.has_value()) << named.name << ": " << read.error().message;
      EXPECT_TRUE(is_difference(*read));
      if (named.name != "difference") continue;  // hostile names may be cut
      EXPECT_EQ(write_collapsed(*read, {.plain = true}), written);
    }
  }
}

TEST(Diff, OfADifferenceTheNewSideCounts) {
  const auto first = difference(run(10, "gone", 5), run(30, "fresh", 7));
  EXPECT_EQ(write_collapsed(difference(first, run(40, "fresh", 1)), {}),
            "main;A.kept_[j] 30 40\nmain;fresh 7 1\n");
}

TEST(Diff, ThePageTakesNoCompilationForAChange) {
  const std::string page = write_html(test::small_differences().front().profile, {});
  const auto first = page.find("app/Server.loop");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(page.find("\"app/Server.loop\"", first), std::string::npos);
}

}  // namespace
}  // namespace jtrace::exporting
