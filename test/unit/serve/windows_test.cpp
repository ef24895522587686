// SPDX-License-Identifier: Apache-2.0
#include "serve/windows.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "export/exporter.h"
#include "support/sample_profiles.h"

namespace jtrace::serve {
namespace {

std::string json_of(const profile::Profile& profile) {
  return (*exporting::exporter_by_name("json"))->write(profile, {});
}

std::int64_t total(const profile::Profile& profile) {
  std::int64_t sum = 0;
  for (const auto& sample : profile.samples) sum += sample.values.front();
  return sum;
}

TEST(Windows, TheNewestThatFit) {
  Windows windows(3, 100);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(windows.add({.target = "a"}, std::string(10, 'x')));
  EXPECT_EQ(windows.size(), 3);
  EXPECT_EQ(windows.dropped(), 2);
  EXPECT_EQ(windows.find(2), nullptr);
  EXPECT_NE(windows.find(3), nullptr);
  EXPECT_TRUE(windows.add({.target = "a"}, std::string(85, 'x')));
  EXPECT_EQ(windows.bytes(), 95);
  EXPECT_EQ(windows.size(), 2);
  EXPECT_FALSE(windows.add({.target = "a"}, std::string(101, 'x')));
  EXPECT_EQ(windows.size(), 2);
  EXPECT_EQ(windows.dropped(), 5);
}

TEST(Windows, OneThatGoesOnGivesWayToItsOwnNext) {
  Windows windows(9, 1000);
  windows.add({.live = true, .target = "a"}, "1");
  windows.add({.live = true, .target = "b"}, "2");
  windows.add({.live = true, .target = "a"}, "3");
  windows.add({.target = "b"}, "4");
  windows.add({.target = "b"}, "5");
  EXPECT_EQ(windows.size(), 3);
  EXPECT_EQ(windows.bytes(), 3);
  EXPECT_EQ(windows.dropped(), 0);
  EXPECT_EQ(windows.find(1), nullptr);
  EXPECT_EQ(windows.find(2), nullptr);
}

TEST(Windows, ListIsJsonWhateverIsInIt) {
  Windows windows(9, 1000);
  windows.add({.start_ns = 5'000'000, .duration_ns = 7'000'000, .title = "\"\n\xff", .target = "t"},
              "{}");
  const auto list = nlohmann::json::parse(windows.list_json());
  EXPECT_EQ(list["windows"][0]["start_ms"], 5);
  EXPECT_EQ(list["windows"][0]["duration_ms"], 7);
  EXPECT_EQ(list["windows"][0]["bytes"], 2);
}

TEST(Windows, MergedAreThoseOfTheRangeAndTheProcess) {
  Windows windows(9, 1U << 20);
  const auto profile = test::weighed_profile();
  for (const char* target : {"a", "b", "a"}) windows.add({.target = target}, json_of(profile));
  EXPECT_EQ(total(*windows.merged(1, 3, "")), 3 * total(profile));
  EXPECT_EQ(total(*windows.merged(1, 3, "a")), 2 * total(profile));
  EXPECT_EQ(total(*windows.merged(2, 2, "")), total(profile));
  EXPECT_EQ(windows.merged(4, 9, "").error().code, Errc::Usage);
  EXPECT_EQ(windows.merged(1, 3, "c").error().code, Errc::Usage);
  EXPECT_EQ(json_of(*windows.merged(2, 2, "")), json_of(profile));
}

}  // namespace
}  // namespace jtrace::serve
