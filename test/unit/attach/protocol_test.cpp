// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/attach/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jtrace::jvmsym::attach {
namespace {

using namespace std::string_literals;

TEST(AttachProtocol, OneHasThreeArguments) {
  EXPECT_EQ(encode({"jcmd", {"VM.version"}}, Protocol::One), "1\0jcmd\0VM.version\0\0\0"s);
  EXPECT_EQ(encode({"load", {"a", "b", "c"}}, Protocol::One), "1\0load\0a\0b\0c\0"s);
  EXPECT_EQ(encode({"load", {"a", "b", "c", "d"}}, Protocol::One), std::nullopt);
}

TEST(AttachProtocol, TwoSaysItsSize) {
  EXPECT_EQ(encode({"jcmd", {"VM.version"}}, Protocol::Two),
            "2\0"
            "16\0jcmd\0VM.version\0"s);
  EXPECT_EQ(encode({"load", {"a", "b", "c", "d"}}, Protocol::Two),
            "2\0"
            "13\0load\0a\0b\0c\0d\0"s);
}

TEST(AttachProtocol, WhatHasNoRoomIsNotCut) {
  const std::string fits(1024, 'x');
  EXPECT_TRUE(encode({"jcmd", {fits}}, Protocol::One));
  EXPECT_FALSE(encode({"jcmd", {fits + "x"}}, Protocol::One));
  EXPECT_TRUE(encode({"jcmd", {fits + "x"}}, Protocol::Two));
  EXPECT_FALSE(encode({"jcmd", {std::string(256UL << 10, 'x')}}, Protocol::Two));
  EXPECT_FALSE(encode({std::string(17, 'x')}, Protocol::One));
  EXPECT_FALSE(encode({""}, Protocol::One));
}

// An argument could end early and begin another one.
TEST(AttachProtocol, ArgumentsHoldNoNul) {
  for (const Protocol protocol : {Protocol::One, Protocol::Two}) {
    EXPECT_FALSE(encode({"jcmd", {"a\0b"s}}, protocol));
    EXPECT_FALSE(encode({"jc\0md"s}, protocol));
  }
}

TEST(AttachProtocol, AnswersBeginWithACode) {
  const auto answer = parse_answer("0\nfirst\nsecond");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code, 0);
  EXPECT_EQ(answer->text, "first\nsecond");
  EXPECT_EQ(parse_answer("-1\n")->code, -1);
  for (const char* bytes : {"", "0", "\n", "x\n", "0x\n", " 0\n", "99999999999999999999\n"}) {
    EXPECT_FALSE(parse_answer(bytes)) << bytes;
  }
}

TEST(AttachProtocol, VersionsAreTold) {
  EXPECT_EQ(protocol_of({0, "2"}), Protocol::Two);
  EXPECT_EQ(protocol_of({0, "3"}), Protocol::Two);
  EXPECT_EQ(protocol_of({0, "1"}), Protocol::One);
  EXPECT_EQ(protocol_of({0, ""}), Protocol::One);
  EXPECT_EQ(protocol_of({-1, "Operation getversion not recognized!"}), Protocol::One);
  EXPECT_EQ(protocol_of({-1, "2"}), Protocol::One);
}

TEST(AttachProtocol, WordsAreOneShortLineWithoutEscapes) {
  EXPECT_EQ(words_of({1, "no\nmore"}), "no");
  EXPECT_EQ(words_of({1, "\n\n  no"}), "no");
  EXPECT_EQ(words_of({1, "\x1b[31mred"}), "?[31mred");
  EXPECT_EQ(words_of({1, "\n"}), "code 1");
  EXPECT_EQ(words_of({1, std::string(5000, 'x')}).size(), 200U);
}

// As JDK 8, 17 and 21 say it.
TEST(AttachProtocol, LoadedOrWhyNot) {
  EXPECT_EQ(encode(load_request("/a.so", "x"), Protocol::One), "1\0load\0/a.so\0true\0x\0"s);
  EXPECT_TRUE(check_loaded({0, "0\n"}));
  EXPECT_TRUE(check_loaded({0, "return code: 0\n"}));
  const auto error = [](const Answer& answer) { return check_loaded(answer).error(); };
  EXPECT_EQ(error({-1, ""}).message, "its JVM did not load the agent: code -1");
  EXPECT_EQ(error({0, "return code: -1\n"}).message,
            "its JVM did not load the agent: return code: -1");
  EXPECT_EQ(error({-1, "/a.so was not loaded.\n/a.so: Permission denied\n"}).message,
            "its JVM did not load the agent: /a.so: Permission denied");
  const auto refused =
      error({-1,
             "Dynamic agent loading is not enabled. Use -XX:+EnableDynamicAgentLoading to "
             "launch target VM.\n"});
  EXPECT_EQ(refused.message, "its JVM loads no agents while it runs");
  EXPECT_NE(refused.hint.find("-XX:+EnableDynamicAgentLoading"), std::string::npos);
}

}  // namespace
}  // namespace jtrace::jvmsym::attach
