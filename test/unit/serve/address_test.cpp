// SPDX-License-Identifier: Apache-2.0
#include "serve/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/server.h"

namespace jtrace::serve {
namespace {

using testing::HasSubstr;

TEST(Address, WhatIsMeantByIt) {
  const auto text = [](const std::string& given) {
    const auto address = parse_address("--serve", given);
    return address ? address->text + (address->loopback ? "" : " others") : address.error().message;
  };
  EXPECT_EQ(text("127.0.0.1:7070"), "127.0.0.1:7070");
  EXPECT_EQ(text("7070"), "127.0.0.1:7070");
  EXPECT_EQ(text("LocalHost:7070"), "127.0.0.1:7070");
  EXPECT_EQ(text("127.9.9.9:0"), "127.9.9.9:0");
  EXPECT_EQ(text("[::1]:65535"), "[::1]:65535");
  EXPECT_EQ(text("[0:0::1]:1"), "[::1]:1");
  EXPECT_EQ(text("0.0.0.0:7070"), "0.0.0.0:7070 others");
  EXPECT_EQ(text("[::]:7070"), "[::]:7070 others");
  EXPECT_EQ(text("128.0.0.1:7070"), "128.0.0.1:7070 others");
  EXPECT_EQ(text("[::ffff:127.0.0.1]:1"), "[::ffff:127.0.0.1]:1 others");
}

TEST(Address, WhatIsNone) {
  for (const char* given :
       {"", ":", ":7070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:80x", "127.0.0.1: 80", "::1:80", "[::1]", "[::1:80", "[::1]80", "host:80",
        "127.1:80", "http://127.0.0.1:80", "127.0.0.1:80/", "70000"}) {
    const auto address = parse_address("--metrics", given);
    ASSERT_FALSE(address) << given;
    EXPECT_EQ(address.error().code, Errc::Usage);
    EXPECT_THAT(address.error().message, HasSubstr("--metrics '" + std::string(given) + "': not"));
    EXPECT_THAT(address.error().hint, HasSubstr("127.0.0.1:9464"));
  }
}

TEST(Address, OthersReachItWithATokenOnly) {
  Settings settings;
  settings.metrics = *parse_address("--metrics", "127.0.0.1:9464");
  EXPECT_TRUE(check_reach(settings));
  settings.pages = *parse_address("--serve", "10.1.2.3:7070");
  const auto refused = check_reach(settings);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Usage);
  EXPECT_THAT(refused.error().message, HasSubstr("--serve 10.1.2.3:7070: others reach"));
  settings.token = "a-token-of-many-letters";
  EXPECT_TRUE(check_reach(settings));
}

TEST(Host, NamesThatOthersGiveAreNotOurs) {
  for (const char* own : {"localhost", "localhost:7070", "127.0.0.1:7070", "[::1]:7070", "[::1]",
                          "10.1.2.3", "Build-7", "build-7:9464"}) {
    EXPECT_TRUE(is_own_host(own, "build-7")) << own;
  }
  for (const char* other : {"", "evil.example", "localhost.evil.example", "build-7.evil.example",
                            "127.0.0.1.nip.io", "127.0.0.1:x", "127.0.0.1:", "[::1", "[::1]7070",
                            "::1", "user@localhost", "localhost/", "0x7f000001", "127.1"}) {
    EXPECT_FALSE(is_own_host(other, "build-7")) << other;
  }
  EXPECT_FALSE(is_own_host("", ""));
}

}  // namespace
}  // namespace jtrace::serve
