// SPDX-License-Identifier: Apache-2.0
#include "push/destination.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace jtrace::push {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Good {
  const char* given;
  Backend backend;
  const char* url;
};

TEST(ParseDestination, TheSchemeOrThePathTellsTheBackend) {
  for (const auto& [given, backend, url] : {
           Good{"otlp+http://h:4318", Backend::Otlp, "http://h:4318/v1development/profiles"},
           Good{"otlp+https://h/", Backend::Otlp, "https://h/v1development/profiles"},
           Good{"pyroscope+http://h:4040", Backend::Pyroscope,
                "http://h:4040/push.v1.PusherService/Push"},
           Good{"parca+http://[::1]:7070", Backend::Parca, "http://[::1]:7070/profiles/writeraw"},
           Good{"parca+https://h/api/profiles/writeraw", Backend::Parca,
                "https://h/api/profiles/writeraw"},
           Good{"otlp+http://h/x?a=b", Backend::Otlp, "http://h/x?a=b"},
           Good{"http://h/v1development/profiles", Backend::Otlp,
                "http://h/v1development/profiles"},
           Good{"https://h/p/push.v1.PusherService/Push", Backend::Pyroscope,
                "https://h/p/push.v1.PusherService/Push"},
           Good{"http://h/profiles/writeraw", Backend::Parca, "http://h/profiles/writeraw"},
       }) {
    const auto to = parse_destination(given);
    ASSERT_TRUE(to.has_value()) << given;
    EXPECT_EQ(to->backend, backend) << given;
    EXPECT_EQ(to->url, url);
  }
}

TEST(ParseDestination, MessagesHaveNoQuery) {
  EXPECT_EQ(parse_destination("otlp+http://h/x?token=y")->shown, "http://h/x");
}

TEST(ParseDestination, WhatItDoesNotTake) {
  for (const char* given :
       {"", "h:4318", "ftp://h", "otlp+", "otlp+ftp://h", "otlp+http:/h", "http://", "otlp+http://",
        "http://h:99999/v1development/profiles", "http://h", "http://h/other", "otlp+http://h h",
        "jaeger+http://h", "otlp+http://h\r\nX: y", "OTLP+http://h"}) {
    const auto to = parse_destination(given);
    ASSERT_FALSE(to.has_value()) << given;
    EXPECT_EQ(to.error().code, Errc::Usage);
  }
}

TEST(ParseDestination, CredentialsAreRefusedAndNeverSaid) {
  for (const char* given : {"otlp+http://secret@h", "otlp+http://me:secret@h", "http://:secret@h",
                            "http://me:secret@h:99999", "http://me:sec@ret@h", "me:secret@h",
                            "otlp+http://h@secret@/v1development/profiles"}) {
    const auto to = parse_destination(given);
    ASSERT_FALSE(to.has_value()) << given;
    EXPECT_THAT(to.error().message + to.error().hint, Not(HasSubstr("secret"))) << given;
    EXPECT_THAT(to.error().message, Not(HasSubstr("ret@"))) << given;
  }
}

class Authorization : public testing::Test {
 protected:
  void TearDown() override {
    ::unsetenv("JTRACE_PUSH_TOKEN");
    std::filesystem::remove(file_);
  }
  std::string file(const std::string& text) {
    std::ofstream(file_) << text;
    return file_;
  }
  std::string file_ = testing::TempDir() + "jtrace-token-" + std::to_string(::getpid());
};

TEST_F(Authorization, TheFileComesFirstAndTheVariableIsTakenOut) {
  ::setenv("JTRACE_PUSH_TOKEN", "of-variable", 1);
  EXPECT_EQ(read_authorization(file("of-file \n")), "Bearer of-file");
  EXPECT_EQ(std::getenv("JTRACE_PUSH_TOKEN"), nullptr);
  EXPECT_EQ(read_authorization(""), "");
  ::setenv("JTRACE_PUSH_TOKEN", "Basic dTpw", 1);
  EXPECT_EQ(read_authorization(""), "Basic dTpw");
}

TEST_F(Authorization, ATokenIsOneLineOfAscii) {
  for (const char* text : {"", "\n", "a\nb", "a\rX: y", "caf\xc3\xa9"}) {
    EXPECT_FALSE(read_authorization(file(text)).has_value()) << text;
  }
  EXPECT_FALSE(read_authorization("/none").has_value());
  EXPECT_FALSE(read_authorization(file(std::string(17 * 1024, 'x'))).has_value());
}

}  // namespace
}  // namespace jtrace::push
