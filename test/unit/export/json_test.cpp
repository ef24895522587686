// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "export/formats.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using nlohmann::json;

TEST(Speedscope, SamplesAndWeightsAreThoseOfTheStacks) {
  const json file = json::parse(write_speedscope(test::small_profiles()[1].profile, {}));
  EXPECT_EQ(file["$schema"], "https://www.speedscope.app/file-format-schema.json");
  const json& profile = file["profiles"][0];
  EXPECT_EQ(profile["type"], "sampled");
  EXPECT_EQ(profile["unit"], "none");
  EXPECT_EQ(profile["endValue"], 1234);
  ASSERT_EQ(profile["samples"].size(), profile["weights"].size());
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < profile["samples"].size(); ++i) {
    sum += profile["weights"][i].get<std::int64_t>();
    const auto root = profile["samples"][i][0].get<std::size_t>();
    EXPECT_EQ(file["shared"]["frames"].at(root)["name"], "java/lang/Thread.run");
  }
  EXPECT_EQ(sum, 1234);
}

TEST(Speedscope, UnitsItKnowsAreKept) {
  test::ProfileSketch s({}, {{"latency", "nanoseconds"}});
  s.stack({s.frame(profile::FrameKind::Native, "f")}, 5);
  EXPECT_EQ(json::parse(write_speedscope(std::move(s).build(), {}))["profiles"][0]["unit"],
            "nanoseconds");
}

TEST(Json, HostileNamesAreValidJson) {
  const profile::Profile profile = test::hostile_profile();
  EXPECT_EQ(json::parse(write_json(profile, {}))["jtrace"], 1);
  EXPECT_EQ(json::parse(write_speedscope(profile, {}))["exporter"], "jtrace");
  EXPECT_EQ(json::parse(write_json({}, {}))["stacks"].size(), 0U);
}

TEST(Json, StacksNameTheirFramesByKind) {
  const json file = json::parse(write_json(test::small_profiles()[1].profile, {}));
  EXPECT_EQ(file["ledger"]["lines"][0]["count"], 1310);
  EXPECT_TRUE(file["ledger"]["lines"][6]["count"].is_null());
  for (const json& stack : file["stacks"]) {
    const json& frame = file["frames"].at(stack["frames"][0].get<std::size_t>());
    EXPECT_EQ(frame["name"], "java/lang/Thread.run");
    EXPECT_EQ(frame["kind"], "java-interpreted");
  }
}

}  // namespace
}  // namespace jtrace::exporting
