// SPDX-License-Identifier: Apache-2.0
#include "integration/support/child.h"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "integration/support/environment.h"

namespace jtrace::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Child, GathersBothStreamsAndTheStatus) {
  JT_ASSERT_OK(Child child, Child::start({"sh", "-c", "echo out; echo err >&2; exit 7"}));
  JT_ASSERT_OK(const int status, child.wait_exit(seconds(20)));
  EXPECT_EQ(status, 7);
  EXPECT_EQ(child.out(), "out\n");
  EXPECT_EQ(child.err(), "err\n");
}

TEST(Child, AnswersWhatIsSent) {
  JT_ASSERT_OK(Child child, Child::start({"cat"}));
  ASSERT_TRUE(child.send("hello\n").has_value());
  const auto answered = [](const Child& c) { return c.out() == "hello\n"; };
  EXPECT_TRUE(child.wait_until("answer", answered, seconds(20)).has_value());
  ASSERT_TRUE(child.signal(SIGTERM).has_value());
  JT_ASSERT_OK(const int status, child.wait_exit(seconds(20)));
  EXPECT_EQ(status, 128 + SIGTERM);
  EXPECT_FALSE(child.send("x").has_value());
  EXPECT_FALSE(child.signal(SIGTERM).has_value());
}

TEST(Child, WaitEndsAtItsDeadline) {
  JT_ASSERT_OK(Child child, Child::start({"cat"}));
  const auto never = [](const Child&) { return false; };
  const Status status = child.wait_until("miracle", never, milliseconds(20));
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("no miracle in time"), std::string::npos);
  EXPECT_FALSE(child.wait_exit(milliseconds(20)).has_value());
}

TEST(Child, WaitEndsWithTheChild) {
  JT_ASSERT_OK(Child child, Child::start({"sh", "-c", "echo why >&2; exit 3"}));
  const auto never = [](const Child&) { return false; };
  const Status status = child.wait_until("miracle", never, seconds(20));
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("ended with 3 before miracle"), std::string::npos);
  EXPECT_NE(status.error().message.find("why"), std::string::npos);
}

TEST(Child, ReadsMoreThanAPipeHolds) {
  JT_ASSERT_OK(Child child, Child::start({"head", "-c", "1000000", "/dev/zero"}));
  JT_ASSERT_OK(const int status, child.wait_exit(seconds(20)));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(child.out().size(), 1'000'000U);
}

TEST(Child, PassesVariables) {
  JT_ASSERT_OK(Child child, Child::start({"sh", "-c", "echo $TRUTH"}, {"TRUTH=it"}));
  JT_ASSERT_OK(const int status, child.wait_exit(seconds(20)));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(child.out(), "it\n");
}

TEST(Child, NoSuchProgram) { EXPECT_FALSE(Child::start({"/nonexistent/program"}).has_value()); }

TEST(Environment, TemporaryDirectoryGoesWithItsOwner) {
  std::filesystem::path path;
  {
    const TemporaryDirectory directory;
    path = directory.path();
    EXPECT_TRUE(is_directory(path));
  }
  EXPECT_FALSE(exists(path));
}

}  // namespace
}  // namespace jtrace::test
