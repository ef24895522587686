// SPDX-License-Identifier: Apache-2.0
#include "serve/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace jtrace::serve {
namespace {

using testing::HasSubstr;
using testing::Not;

class TokenTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::string file(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }
  std::string path_ = testing::TempDir() + "jtrace-token-test";
};

TEST_F(TokenTest, OfTheFileElseOfTheEnvironmentWhichForgetsIt) {
  ::setenv("JTRACE_SERVE_TOKEN", "from-the-environment", 1);
  EXPECT_EQ(read_token("").value(), "from-the-environment");
  EXPECT_EQ(std::getenv("JTRACE_SERVE_TOKEN"), nullptr);
  EXPECT_EQ(read_token("").value(), "");
  ::setenv("JTRACE_SERVE_TOKEN", "from-the-environment", 1);
  EXPECT_EQ(read_token(file("from-the-file-it-is\n")).value(), "from-the-file-it-is");
  EXPECT_EQ(std::getenv("JTRACE_SERVE_TOKEN"), nullptr);
}

TEST_F(TokenTest, WhatIsNoneIsRefusedAndNotTold) {
  for (const char* text : {"", "\n", "secret-too-15ch", "secret with blanks in it",
                           "secret-of-two\nlines-or-more", "secret-of-\xc3\xa9-letters"}) {
    const auto token = read_token(file(text));
    ASSERT_FALSE(token) << text;
    EXPECT_EQ(token.error().code, Errc::Usage);
    EXPECT_THAT(token.error().message, Not(HasSubstr("secret")));
    EXPECT_THAT(token.error().message, HasSubstr(path_));
  }
  EXPECT_EQ(read_token("/nowhere/at/all").error().code, Errc::Usage);
}

TEST(Secret, SameOrNot) {
  EXPECT_TRUE(is_same_secret("abc", "abc"));
  for (const char* other : {"", "a", "ab", "abd", "bbc", "abcd", "abcabc"}) {
    EXPECT_FALSE(is_same_secret(other, "abc")) << other;
  }
  EXPECT_FALSE(is_same_secret("", ""));
  EXPECT_NE(make_secret().value(), make_secret().value());
  EXPECT_EQ(make_secret()->size(), 64);
}

}  // namespace
}  // namespace jtrace::serve
