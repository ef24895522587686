// SPDX-License-Identifier: Apache-2.0
#include "profile/profile_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>

namespace jtrace::profile {
namespace {

using testing::ElementsAre;

constexpr LocationId kA{1};
constexpr LocationId kB{2};

ProfileBuilder two_values() {
  Header header;
  header.title = std::string("t");
  return ProfileBuilder(std::move(header), {{"events", "count"}, {"bytes", "bytes"}});
}

TEST(ProfileBuilder, AddsUpEqualStacks) {
  ProfileBuilder builder = two_values();
  builder.add({{kA, kB}, {1, 10}, {}});
  builder.add({{kB, kA}, {5, 50}, {}});
  builder.add({{kA, kB}, {2, 20}, {}});
  const Profile profile = std::move(builder).build(SymbolTable(), {});
  ASSERT_EQ(profile.samples.size(), 2U);
  EXPECT_THAT(profile.samples[0].locations, ElementsAre(kA, kB));
  EXPECT_THAT(profile.samples[0].values, ElementsAre(3, 30));
  EXPECT_THAT(profile.samples[1].values, ElementsAre(5, 50));
}

TEST(ProfileBuilder, KeepsStacksWithOtherLabelsApart) {
  ProfileBuilder builder = two_values();
  const Label read{StringId{1}, StringId{2}};
  const Label tid{StringId{1}, StringId{}, 7};
  builder.add({{kA}, {1, 0}, {}});
  builder.add({{kA}, {2, 0}, {read}});
  builder.add({{kA}, {4, 0}, {tid}});
  builder.add({{kA}, {8, 0}, {read}});
  const Profile profile = std::move(builder).build(SymbolTable(), {});
  ASSERT_EQ(profile.samples.size(), 3U);
  std::int64_t sum = 0;
  for (const Sample& sample : profile.samples) sum += sample.values[0];
  EXPECT_EQ(sum, 15);
}

TEST(ProfileBuilder, OrderOfSamplesDoesNotMatter) {
  ProfileBuilder one = two_values();
  one.add({{kA}, {1, 1}, {}});
  one.add({{kB}, {2, 2}, {}});
  ProfileBuilder two = two_values();
  two.add({{kB}, {2, 2}, {}});
  two.add({{kA}, {1, 1}, {}});
  const Profile a = std::move(one).build(SymbolTable(), {});
  const Profile b = std::move(two).build(SymbolTable(), {});
  ASSERT_EQ(a.samples.size(), b.samples.size());
  for (std::size_t i = 0; i < a.samples.size(); ++i) {
    EXPECT_EQ(a.samples[i].locations, b.samples[i].locations);
    EXPECT_EQ(a.samples[i].values, b.samples[i].values);
  }
}

TEST(ProfileBuilder, WrongNumberOfValuesIsCutOrFilledWithZero) {
  ProfileBuilder builder = two_values();
  builder.add({{kA}, {1}, {}});
  builder.add({{kA}, {1, 2, 3}, {}});
  const Profile profile = std::move(builder).build(SymbolTable(), {});
  ASSERT_EQ(profile.samples.size(), 1U);
  EXPECT_THAT(profile.samples[0].values, ElementsAre(2, 2));
}

TEST(ProfileBuilder, TheDefaultTypeIsOneOfTheTypes) {
  for (const std::size_t asked : {0U, 1U, 2U}) {
    ProfileBuilder builder({}, {{"events", "count"}, {"latency", "nanoseconds"}}, asked);
    const Profile profile = std::move(builder).build(SymbolTable(), {});
    EXPECT_EQ(profile.default_type, asked == 1 ? 1U : 0U);
  }
}

TEST(Label, ANumberIsToldFromAnEmptyText) {
  EXPECT_FALSE((Label{StringId{1}, StringId{}}).is_number());
  EXPECT_TRUE((Label{StringId{1}, StringId{}, 7}).is_number());
  EXPECT_TRUE((Label{StringId{1}, StringId{}, 0, StringId{2}}).is_number());
}

TEST(ProfileBuilder, SumsStayInRange) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  ProfileBuilder builder = two_values();
  builder.add({{kA}, {kMax, kMin}, {}});
  builder.add({{kA}, {kMax, kMin}, {}});
  const Profile profile = std::move(builder).build(SymbolTable(), {});
  EXPECT_THAT(profile.samples[0].values, ElementsAre(kMax, kMin));
}

TEST(ProfileBuilder, CarriesHeaderTablesCommentsAndLedger) {
  SymbolTable symbols;
  symbols.location({.mapping = {}, .address = 8, .reason = {}, .lines = {}});
  ProfileBuilder builder = two_values();
  builder.comment("note");
  const Profile profile = std::move(builder).build(symbols, {{{"fired", 3, 0, true}}, false});
  EXPECT_EQ(profile.header.title, "t");
  EXPECT_EQ(profile.sample_types.size(), 2U);
  EXPECT_EQ(profile.locations, symbols.locations());
  EXPECT_THAT(profile.comments, ElementsAre("note"));
  ASSERT_EQ(profile.ledger.lines.size(), 1U);
  EXPECT_EQ(profile.ledger.lines[0].count, 3U);
  EXPECT_FALSE(profile.ledger.balanced);
  EXPECT_TRUE(profile.samples.empty());
}

}  // namespace
}  // namespace jtrace::profile
