// SPDX-License-Identifier: Apache-2.0
#include "session/file_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <ctime>

namespace jtrace::session {
namespace {

using testing::HasSubstr;

PatternFacts facts() {
  std::tm local{};
  local.tm_year = 126;
  local.tm_mday = 31;
  local.tm_hour = 12;
  local.tm_min = 5;
  local.tm_sec = 9;
  local.tm_isdst = -1;
  return {.pid = 42,
          .time = std::chrono::system_clock::from_time_t(std::mktime(&local)),
          .host = "box",
          .number = 7,
          .environment = [](const char* name) -> const char* {
            if (std::strcmp(name, "PLAIN") == 0) return "v";
            if (std::strcmp(name, "HOSTILE") == 0) return "../../etc/x\n%p";
            if (std::strcmp(name, "UP") == 0) return "..";
            if (std::strcmp(name, "EMPTY") == 0) return "";
            return nullptr;
          }};
}

std::string expand(const std::string& pattern) {
  const auto name = expand_file_pattern(pattern, facts());
  return name ? *name : name.error().message;
}

TEST(FilePattern, whatIsThere) {
  EXPECT_EQ(expand("-"), "-");
  EXPECT_EQ(expand("a.html"), "a.html");
  EXPECT_EQ(expand("%p"), "42");
  EXPECT_EQ(expand("/tmp/x-%h-%p-%t.html"), "/tmp/x-box-42-20260131-120509.html");
  EXPECT_EQ(expand("%n-%n{4}-%n{8}-%n{1}"), "7-3-7-0");
  EXPECT_EQ(expand("%{PLAIN}/%{PLAIN}"), "v/v");
  EXPECT_EQ(expand("100%%p.txt"), "100%p.txt");
}

TEST(FilePattern, whatComesFromOutsideIsOnePartOfAPath) {
  EXPECT_EQ(expand("d/%{HOSTILE}.txt"), "d/_._.._etc_x_%p.txt") << "and is not expanded again";
  EXPECT_EQ(expand("d/%{UP}/x"), "d/_./x");
  auto named = facts();
  named.host = "/a/../b";
  EXPECT_EQ(*expand_file_pattern("%h", named), "_a_.._b");
}

TEST(FilePattern, mistakesAreUsageErrors) {
  const struct {
    const char* pattern;
    const char* why;
  } cases[] = {
      {"a%", "a % at the end"},
      {"%q.html", "unknown %q"},
      {"%P", "unknown %P"},
      {"% p", "unknown % "},
      {"%\x01", "unknown %?"},
      {"%{PLAIN", "a %{ without its }"},
      {"%{}", "names no environment variable"},
      {"%{NONE}", "the environment variable NONE is not set"},
      {"%{EMPTY}", "the environment variable EMPTY is not set"},
      {"%n{5", "a %n{ without its }"},
      {"%n{}", "%n{} takes a number from 1"},
      {"%n{0}", "%n{0} takes a number from 1"},
      {"%n{-1}", "%n{-1} takes a number from 1"},
      {"%n{5x}", "%n{5x} takes a number from 1"},
      {"%n{4294967296}", "takes a number from 1"},
  };
  for (const auto& [pattern, why] : cases) {
    const auto name = expand_file_pattern(pattern, facts());
    ASSERT_FALSE(name) << pattern;
    EXPECT_EQ(name.error().code, Errc::Usage) << pattern;
    EXPECT_THAT(name.error().message, HasSubstr(why)) << pattern;
    EXPECT_FALSE(name.error().hint.empty()) << pattern;
  }
}

TEST(FilePattern, withoutAnEnvironmentNothingIsSet) {
  auto none = facts();
  none.environment = {};
  EXPECT_FALSE(expand_file_pattern("%{PLAIN}", none));
}

}  // namespace
}  // namespace jtrace::session
