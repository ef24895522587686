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
  EXPECT_EQ(windows.find({2, 2}), nullptr);
  EXPECT_NE(windows.find({3, 3}), nullptr);
  EXPECT_EQ(windows.find({3, 4}), nullptr);
  EXPECT_TRUE(windows.add({.target = "a"}, std::string(85, 'x')));
  EXPECT_EQ(windows.bytes(), 95);
  EXPECT_EQ(windows.size(), 2);
  EXPECT_FALSE(windows.add({.target = "a"}, std::string(101, 'x')));
  EXPECT_EQ(windows.size(), 2);
  EXPECT_EQ(windows.dropped(), 5);
}

TEST(Windows, OneThatGoesOnGivesWayToItsNextAndToItsEnd) {
  Windows windows(2, 10);
  const Span live{.live = true};
  EXPECT_EQ(windows.find(live), nullptr);
  windows.set_live({}, "1");
  windows.set_live({}, "22");
  ASSERT_NE(windows.find(live), nullptr);
  EXPECT_EQ(*windows.find(live), "22");
  EXPECT_EQ(nlohmann::json::parse(windows.list_json())["live"]["id"], 2);
  EXPECT_EQ(windows.size(), 0);
  EXPECT_EQ(windows.bytes(), 2);
  windows.add({}, "4");
  EXPECT_EQ(windows.find(live), nullptr);
  EXPECT_TRUE(nlohmann::json::parse(windows.list_json())["live"].is_null());
  windows.set_live({}, "3");
  EXPECT_EQ(nlohmann::json::parse(windows.list_json())["live"]["id"], 3);
  windows.set_live({}, std::string(11, 'x'));  // never fits
  EXPECT_EQ(windows.find(live), nullptr);
  windows.set_live({}, std::string(10, 'x'));  // and takes no room of others
  EXPECT_EQ(windows.size(), 1);
  EXPECT_EQ(windows.dropped(), 0);
}

TEST(Windows, SpansAreOneOrSeveral) {
  const auto span = [](std::string_view text) { return Span::parse(text); };
  EXPECT_EQ(span("12")->text(), "window 12");
  EXPECT_EQ(span("12-15")->text(), "windows 12 to 15");
  EXPECT_EQ(span("live")->text(), "the window that goes on");
  EXPECT_EQ(span("12-live")->text(), "windows from 12 to the one that goes on");
  for (const char* wrong : {"", "-", "12-", "-12", "15-12", "live-live", "live-12", "x", "1x",
                            "LIVE", "99999999999999999999", "1-live-2"}) {
    EXPECT_FALSE(span(wrong)) << wrong;
  }
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

TEST(Windows, MergedAreThoseOfTheRange) {
  Windows windows(9, 1U << 20);
  const auto profile = test::weighed_profile();
  const Span open{.from = 2, .to = UINT64_MAX, .live = true};
  for (int i = 0; i < 3; ++i) windows.add({}, json_of(profile));
  EXPECT_EQ(total(*windows.merged({1, 3})), 3 * total(profile));
  EXPECT_EQ(total(*windows.merged({2, 2})), total(profile));
  EXPECT_EQ(windows.merged({4, 9}).error().code, Errc::Usage);
  EXPECT_EQ(json_of(*windows.merged({2, 2})), json_of(profile));
  EXPECT_EQ(total(*windows.merged(open)), 2 * total(profile));
  EXPECT_EQ(windows.merged({.live = true}).error().code, Errc::Usage);
  windows.set_live({}, json_of(profile));
  EXPECT_EQ(total(*windows.merged(open)), 3 * total(profile));
  EXPECT_EQ(total(*windows.merged({.live = true})), total(profile));
  EXPECT_EQ(total(*windows.merged({1, 3})), 3 * total(profile));
}

}  // namespace
}  // namespace jtrace::serve
