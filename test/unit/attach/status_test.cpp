// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/attach/status.h"

#include <gtest/gtest.h>

namespace jtrace::jvmsym::attach {
namespace {

using namespace std::string_literals;

const std::string kStatus =
    "Name:\tjava\nTgid:\t4711\nNgid:\t0\nPid:\t4711\nUid:\t1000\t1001\t1002\t1003\n"
    "Gid:\t2000\t2001\t2002\t2003\nNStgid:\t4711\t23\t1\nNSpid:\t4711\t23\t1\n"
    "SigBlk:\t0000000000000004\nSigCgt:\t2000000181005ccf\n";

std::string without(const std::string& line) {
  std::string text = kStatus;
  const auto at = text.find("\n" + line) + 1;
  return text.erase(at, text.find('\n', at) + 1 - at);
}

TEST(AttachStatus, TakesEffectiveIdsAndTheInnermostNumber) {
  const auto status = parse_status(kStatus);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->uid, 1001U);
  EXPECT_EQ(status->gid, 2001U);
  EXPECT_EQ(status->inner_pid, 1);
  EXPECT_TRUE(status->catches_quit);
}

TEST(AttachStatus, SeesThatSigquitIsNotCaught) {
  std::string text = kStatus;
  text.replace(text.find("2000000181005ccf"), 16, "2000000181005ccb");
  EXPECT_FALSE(parse_status(text)->catches_quit);
}

TEST(AttachStatus, NeedsAllButTheInnerNumber) {
  EXPECT_EQ(parse_status(without("NStgid"))->inner_pid, 4711);
  for (const char* line : {"Uid", "Gid", "SigCgt"}) EXPECT_FALSE(parse_status(without(line)));
  EXPECT_FALSE(parse_status(""));
  EXPECT_FALSE(parse_status("Uid:\t\nGid:\t\nTgid:\t\nSigCgt:\tzz\n"));
}

TEST(AttachRuntime, IsToldByTheLibrary) {
  const std::string line = "7f00-7f01 r-xp 00000000 08:01 42   /usr/lib/jvm/lib/server/libjvm.so";
  EXPECT_EQ(runtime_of(line + "\n"), Runtime::HotSpot);
  EXPECT_EQ(runtime_of(line + " (deleted)\n"), Runtime::HotSpot);
  EXPECT_EQ(runtime_of(line + ".bak\n"), Runtime::None);
  EXPECT_EQ(runtime_of("7f00-7f01 r-xp 00000000 00:00 0 libjvm.so\n"), Runtime::None);
  EXPECT_EQ(runtime_of(""), Runtime::None);
  // It has a libjvm.so of its own, which leads there.
  EXPECT_EQ(runtime_of(line + "\n1-2 r-xp 0 8:1 43 /opt/lib/default/libj9vm29.so\n"),
            Runtime::OpenJ9);
}

TEST(AttachDisabled, TheLastWordCounts) {
  EXPECT_TRUE(says_disabled("java\0-XX:+DisableAttachMechanism\0Main\0"s));
  EXPECT_FALSE(says_disabled("java\0-XX:+DisableAttachMechanism\0-XX:-DisableAttachMechanism\0"s));
  EXPECT_FALSE(says_disabled("java\0x-XX:+DisableAttachMechanism\0"s));
  EXPECT_FALSE(says_disabled(""));
}

}  // namespace
}  // namespace jtrace::jvmsym::attach
