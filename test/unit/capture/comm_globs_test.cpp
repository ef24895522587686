// SPDX-License-Identifier: Apache-2.0
#include "capture/comm_globs.h"

#include <fnmatch.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace jtrace::capture {
namespace {

bool matches(const std::vector<std::string>& globs, const std::string& name) {
  const auto compiled = compile_comm_globs(globs);
  EXPECT_TRUE(compiled) << compiled.error().message;
  return compiled && compiled->match(name);
}

TEST(CommGlobs, literalNamesMatchWhole) {
  EXPECT_TRUE(matches({"java"}, "java"));
  EXPECT_FALSE(matches({"java"}, "javac"));
  EXPECT_FALSE(matches({"java"}, "jav"));
  EXPECT_FALSE(matches({"java"}, ""));
}

TEST(CommGlobs, oneOfSeveralIsEnough) {
  const std::vector<std::string> globs{"java", "ngin*", "?"};
  for (const char* name : {"java", "ngin", "nginx: worker", "x"}) {
    EXPECT_TRUE(matches(globs, name)) << name;
  }
  for (const char* name : {"javan", "javangin", "xy", ""}) {
    EXPECT_FALSE(matches(globs, name)) << name;
  }
}

// The libc's own matcher is the oracle.
TEST(CommGlobs, areThoseOfFnmatch) {
  std::mt19937 random(7);
  const std::vector<std::string> parts{"a",     "b",    "c",   "*",  "?",      "[ab]", "[!a]",
                                       "[a-b]", "[]a]", "\\*", "**", "[^b-c]", "-",    "[a-]"};
  const std::string alphabet = "abc*-]";
  std::size_t matched = 0;
  constexpr int kTurns = 200'000;
  for (int turn = 0; turn < kTurns; ++turn) {
    std::string glob;
    for (auto n = random() % 6 + 1; n > 0; --n) glob += parts[random() % parts.size()];
    std::string name;
    for (auto n = random() % 8; n > 0; --n) name += alphabet[random() % alphabet.size()];
    const bool expected = ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
    ASSERT_EQ(matches({glob}, name), expected) << glob << " of " << name;
    matched += expected;
  }
  EXPECT_GT(matched, kTurns / 20);
  EXPECT_LT(matched, kTurns * 19 / 20);
}

TEST(CommGlobs, bytesAboveAsciiAreCharactersToo) {
  EXPECT_TRUE(matches({"\xc3\xa4*"}, "\xc3\xa4x"));
  EXPECT_TRUE(matches({"[\x80-\xff]"}, "\xff"));
}

TEST(CommGlobs, whatIsNoGlobIsRefused) {
  for (const char* glob : {"", "[", "[a", "x\\", "[]"}) {
    EXPECT_FALSE(compile_comm_globs(std::vector<std::string>{glob})) << glob;
  }
  EXPECT_TRUE(compile_comm_globs(std::vector<std::string>{std::string(63, 'a')}));
  EXPECT_FALSE(compile_comm_globs(std::vector<std::string>{std::string(64, 'a')}));
  EXPECT_FALSE(compile_comm_globs(std::vector<std::string>(33, "a")));
  EXPECT_TRUE(compile_comm_globs(std::vector<std::string>(32, "a")));
}

}  // namespace
}  // namespace jtrace::capture
