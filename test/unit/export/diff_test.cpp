// SPDX-License-Identifier: Apache-2.0
#include "export/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "export/formats.h"
#include "support/pprof_dump.h"
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

TEST(Diff, ColumnsAreBaseAndNew) {
  const auto diff = diff_profile(run(10, "gone", 5), run(30, "fresh", 7));
  EXPECT_EQ(diff_collapsed(diff, {}), "main;A.kept_[j] 10 30\nmain;fresh 0 7\nmain;gone 5 0\n");
  EXPECT_EQ(diff_collapsed(diff, {.plain = true}),
            "main;A.kept 10 30\nmain;fresh 0 7\nmain;gone 5 0\n");
}

TEST(Diff, NormalisedBaseHasTheTotalOfNew) {
  const auto diff = diff_profile(run(10, "gone", 10), run(30, "fresh", 10), true);
  EXPECT_EQ(diff_collapsed(diff, {}), "main;A.kept_[j] 20 30\nmain;fresh 0 10\nmain;gone 20 0\n");
}

TEST(Diff, WithItselfNothingChanged) {
  const profile::Profile profile = test::server_profile();
  for (const auto& sample : diff_profile(profile, profile).samples) {
    EXPECT_EQ(sample.values.at(0), 0);
    EXPECT_EQ(sample.values.at(1), sample.values.at(2));
  }
}

TEST(Diff, PprofHasTheDeltaFirst) {
  const auto diff = diff_profile(run(10, "gone", 5), run(30, "fresh", 7));
  const std::string text = test::pprof_dump(write_pprof(diff, {}));
  EXPECT_THAT(text, testing::HasSubstr("sample.value: 20 10 30\n"));
  EXPECT_THAT(text, testing::HasSubstr("sample.value: -5 5 0\n"));
  EXPECT_THAT(text, testing::HasSubstr("string: \nstring: delta\nstring: count\nstring: base\n"));
}

}  // namespace
}  // namespace jtrace::exporting
