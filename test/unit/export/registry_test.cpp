// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "export/exporter.h"

namespace jtrace::exporting {
namespace {

using testing::HasSubstr;

TEST(Registry, NamesAndSuffixesAreUnique) {
  std::set<std::string_view> names;
  std::set<std::string_view> suffixes;
  for (const Exporter& exporter : exporters()) {
    EXPECT_TRUE(names.insert(exporter.name).second) << exporter.name;
    EXPECT_FALSE(exporter.suffixes.empty()) << exporter.name;
    for (const std::string_view suffix : exporter.suffixes) {
      EXPECT_TRUE(suffix.starts_with('.')) << suffix;
      EXPECT_TRUE(suffixes.insert(suffix).second) << suffix;
    }
  }
}

TEST(Registry, FindsEveryFormatByNameAndBySuffix) {
  for (const Exporter& exporter : exporters()) {
    const auto by_name = exporter_by_name(exporter.name);
    ASSERT_TRUE(by_name.has_value());
    EXPECT_EQ((*by_name)->name, exporter.name);
    for (const std::string_view suffix : exporter.suffixes) {
      const auto by_suffix = exporter_by_suffix("/tmp/a.b" + std::string(suffix));
      ASSERT_TRUE(by_suffix.has_value()) << suffix;
      EXPECT_EQ((*by_suffix)->name, exporter.name);
    }
  }
}

TEST(Registry, UnknownNameListsTheFormats) {
  const auto found = exporter_by_name("svg");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, Errc::Usage);
  EXPECT_THAT(found.error().message, HasSubstr("svg"));
  for (const Exporter& exporter : exporters()) {
    EXPECT_THAT(found.error().hint, HasSubstr(std::string(exporter.name)));
  }
}

TEST(Registry, PathAfterDashOIsExplained) {
  const auto found = exporter_by_name("out.html");
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error().message, HasSubstr("-o takes a format; did you mean -f?"));
}

TEST(Registry, UnknownSuffixListsTheSuffixes) {
  for (const std::string_view file : {"out.svg", "out", "", "collapsed", "x.html.bak"}) {
    const auto found = exporter_by_suffix(file);
    ASSERT_FALSE(found.has_value()) << file;
    EXPECT_EQ(found.error().code, Errc::Usage);
    EXPECT_THAT(found.error().hint, HasSubstr(".collapsed"));
  }
}

TEST(Registry, ErrorsShowNoControlCharacters) {
  const auto found = exporter_by_name("\x1b[31m\n");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().message.find_first_of("\x1b\n"), std::string::npos);
}

TEST(Registry, WhatKeepsOneWeightSaysWhich) {
  profile::Profile profile;
  profile.sample_types = {{"events", "count"}, {"latency", "nanoseconds"}, {"bytes", "bytes"}};
  const Exporter& collapsed = **exporter_by_name("collapsed");
  EXPECT_EQ(weight_note(collapsed, profile), "weight: events");
  profile.default_type = 1;
  EXPECT_EQ(weight_note(collapsed, profile), "weight: latency, ns");
  profile.default_type = 2;
  EXPECT_EQ(weight_note(collapsed, profile), "weight: bytes");
  EXPECT_EQ(weight_note(**exporter_by_name("pprof"), profile), "");
  profile.sample_types = {{"events", "count"}};
  profile.default_type = 0;
  EXPECT_EQ(weight_note(collapsed, profile), "");
}

}  // namespace
}  // namespace jtrace::exporting
