// SPDX-License-Identifier: Apache-2.0
// Attach to real JVMs: every JDK, users, containers, and whoever must not be signalled.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "integration/support/jdks.h"
#include "integration/support/users.h"
#include "session/attacher.h"

namespace jtrace::test {
namespace {

namespace fs = std::filesystem;
using jvmsym::attach::Answer;
using jvmsym::attach::Limits;
using jvmsym::attach::Operation;
using std::chrono::milliseconds;
using testing::HasSubstr;

const Operation kVersion{.name = "jcmd", .arguments = {"VM.version"}};

Result<Answer> ask(pid_t pid, const Operation& operation, const Limits& limits = {}) {
  JT_TRY(auto attacher, session::Attacher::start());
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return attacher.ask(pid, pidfd.get(), operation, limits);
}

std::string error_of(pid_t pid, const Limits& limits = {}) {
  const auto answer = ask(pid, kVersion, limits);
  return answer ? "answered: " + answer->text : answer.error().message;
}

// The trigger is removed, whatever came of it.
void expect_tidy(pid_t pid) {
  for (const char* at : {"cwd", "root/tmp"}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/{}", pid, at), error)) {
      EXPECT_FALSE(entry.path().filename().string().starts_with(".attach_pid")) << entry.path();
    }
  }
}

Result<Child> start(const Jdk& jdk, const std::vector<std::string>& flags,
                    const std::vector<std::string>& environment = {}) {
  std::vector<std::string> all{"-Xmx64m", "-XX:+UseSerialGC"};
  all.insert(all.end(), flags.begin(), flags.end());
  return start_ready(truth_opens(jdk, {.flags = all, .count = "1", .warm = "1"}), environment);
}

pid_t only_child(pid_t pid) {
  const auto text = read_text(fmt::format("/proc/{0}/task/{0}/children", pid));
  return text ? std::atoi(text->c_str()) : -1;
}

class AttachJdk : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    JT_NEEDS("jdks", no_jdk());
    auto jdk = fetch_jdk(GetParam());
    JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
    jdk_ = std::move(*jdk);
  }
  // Its launcher's grandchild: process 2 of a pid namespace, nobody. There is no /tmp yet.
  Result<Child> contained(bool writable, pid_t& pid) {
    JT_TRY(Child child, start_ready(contained_opens(
                            jdk_, {.flags = {"-Xmx64m"}, .count = "1", .warm = "1"}, writable)));
    pid = only_child(only_child(child.pid()));
    return child;
  }
  Jdk jdk_;
};

TEST_P(AttachJdk, AnswersTwice) {
  JT_ASSERT_OK(const Child jvm, start(jdk_, {}));
  for (int i = 0; i < 2; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = ask(jvm.pid(), kVersion);
    const auto took = std::chrono::steady_clock::now() - begin;
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(answer->text, HasSubstr("OpenJDK"));
    expect_tidy(jvm.pid());
    fmt::print("JDK {}, request {}: {:.1f} ms\n", jdk_.name, i + 1,
               std::chrono::duration<double, std::milli>(took).count());
  }
}

// From 17 on it writes its map, as a user of its own and where it sees it.
TEST_P(AttachJdk, WritesAPerfMapFrom17On) {
  JT_ASSERT_OK(const Child jvm,
               start_ready(truth_opens(jdk_, {.flags = {"-Xmx256m"}, .count = "1"})));
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = ask(jvm.pid(), {.name = "jcmd", .arguments = {"Compiler.perfmap"}});
  const auto took = std::chrono::steady_clock::now() - begin;
  const fs::path map = fmt::format("/proc/{0}/root/tmp/perf-{0}.map", jvm.pid());
  constexpr int kFirst = 17;
  EXPECT_EQ(answer.has_value(), jdk_.major() >= kFirst);
  EXPECT_EQ(fs::exists(map), jdk_.major() >= kFirst);
  if (!answer) return;
  JT_ASSERT_OK(const std::string text, read_text(map));
  EXPECT_THAT(text, HasSubstr(" truth.TruthOpens."));
  fmt::print("JDK {}: a map of {} entries takes {:.1f} ms\n", jdk_.name,
             std::ranges::count(text, '\n'),
             std::chrono::duration<double, std::milli>(took).count());
  fs::remove(map);
}

// Blanks behind a command are none of it: too many for version 1.
TEST_P(AttachJdk, VersionTwoFrom24On) {
  JT_ASSERT_OK(const Child jvm, start(jdk_, {}));
  const Operation wide{.name = "jcmd", .arguments = {"VM.version" + std::string(2000, ' ')}};
  const auto answer = ask(jvm.pid(), wide);
  constexpr int kFirst = 24;
  EXPECT_EQ(answer.has_value(), jdk_.major() >= kFirst)
      << (answer ? answer->text : answer.error().message);
  if (!answer) {
    EXPECT_THAT(answer.error().message, HasSubstr("has no room"));
  }
}

TEST_P(AttachJdk, RefusalsAreTheJvms) {
  JT_ASSERT_OK(const Child jvm, start(jdk_, {}));
  const auto answer = ask(jvm.pid(), {.name = "jcmd", .arguments = {"No.such"}});
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message,
              HasSubstr("refuses: java.lang.IllegalArgumentException: Unknown diagnostic command"));
}

// With -Xrs SIGQUIT would end it, but it listens from its start on.
TEST_P(AttachJdk, WithoutSignals) {
  JT_ASSERT_OK(Child jvm, start(jdk_, {"-Xrs"}));
  EXPECT_TRUE(ask(jvm.pid(), kVersion));
  ASSERT_TRUE(jvm.send("\n"));
  EXPECT_EQ(jvm.wait_exit(kPatience).value_or(-1), 0);
}

TEST_P(AttachJdk, SwitchedOff) {
  JT_ASSERT_OK(Child jvm, start(jdk_, {"-XX:+DisableAttachMechanism"}));
  EXPECT_THAT(error_of(jvm.pid()), HasSubstr("switched off"));
  EXPECT_EQ(jvm.out().find("Full thread dump"), std::string::npos);
  expect_tidy(jvm.pid());
}

// Where the command line does not say so, the JVM prints its threads, and goes on.
TEST_P(AttachJdk, SwitchedOffByTheEnvironment) {
  JT_ASSERT_OK(Child jvm, start(jdk_, {}, {"JAVA_TOOL_OPTIONS=-XX:+DisableAttachMechanism"}));
  EXPECT_THAT(error_of(jvm.pid(), {.patience = milliseconds(500)}),
              HasSubstr("no answer within 0.5 s"));
  expect_tidy(jvm.pid());
  ASSERT_TRUE(jvm.send("\n"));
  EXPECT_EQ(jvm.wait_exit(kPatience).value_or(-1), 0);
}

TEST_P(AttachJdk, InAContainer) {
  pid_t pid = -1;
  JT_ASSERT_OK(const Child launcher, contained(true, pid));
  EXPECT_THAT(error_of(pid), HasSubstr("its /tmp: No such file or directory"));
  const std::string tmp = fmt::format("/proc/{}/root/tmp", pid);
  ASSERT_TRUE(fs::create_directory(tmp));
  EXPECT_THAT(error_of(pid), HasSubstr("write to its /tmp: Permission denied"));
  fs::permissions(tmp, fs::perms::all | fs::perms::sticky_bit);
  EXPECT_THAT(error_of(pid), HasSubstr("answered: OpenJDK"));
  expect_tidy(pid);
}

TEST_P(AttachJdk, InAContainerWithNothingWritable) {
  pid_t pid = -1;
  JT_ASSERT_OK(const Child launcher, contained(false, pid));
  EXPECT_THAT(error_of(pid), HasSubstr("its /tmp: No such file or directory"));
}

INSTANTIATE_TEST_SUITE_P(Jdk, AttachJdk, ::testing::ValuesIn(jdk_names()),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });

TEST(Attach, WhoAsksHasGivenUpAllElse) {
  JT_ASSERT_OK(auto attacher, session::Attacher::start());
  const pid_t asker = only_child(::getpid());
  const UniqueFd own(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  // Answered once it is confined.
  EXPECT_FALSE(attacher.ask(::getpid(), own.get(), kVersion));
  expect_shut(asker, "00000000000800c4");  // SYS_PTRACE, SETUID, SETGID, DAC_READ_SEARCH
}

TEST(Attach, OfAnotherUser) {
  JT_NEEDS("java", no_jdk());
  const TruthRun run{.flags = {"-Xmx64m"}, .count = "1", .warm = "1"};
  JT_ASSERT_OK(const Child jvm, start_ready(as_user(65534, truth_opens(own_jdk(), run))));
  EXPECT_THAT(error_of(jvm.pid()), HasSubstr("answered: OpenJDK"));
  expect_tidy(jvm.pid());
}

TEST(Attach, ALaunchedProgramSurvives) {
  JT_ASSERT_OK(Child child, start_ready({built("truth_launcher"), "wait", "--", "true"}));
  EXPECT_THAT(error_of(child.pid()), HasSubstr("it is no JVM: it maps no libjvm.so"));
  ASSERT_TRUE(child.send("\n"));
  EXPECT_EQ(child.wait_exit(kPatience).value_or(-1), 0);
}

TEST(Attach, AProcessThatHasEnded) {
  JT_ASSERT_OK(Child child, Child::start({"true"}));
  const pid_t pid = child.pid();
  ASSERT_TRUE(child.wait_exit(kPatience));
  EXPECT_THAT(error_of(pid), HasSubstr("it has ended"));
}

TEST(Attach, AStoppedJvmIsLate) {
  JT_NEEDS("java", no_jdk());
  JT_ASSERT_OK(const Child jvm, start(own_jdk(), {}));
  ASSERT_TRUE(jvm.signal(SIGSTOP));
  EXPECT_THAT(error_of(jvm.pid(), {.patience = milliseconds(300)}),
              HasSubstr("no answer within 0.3 s"));
  expect_tidy(jvm.pid());
  ASSERT_TRUE(jvm.signal(SIGCONT));
}

}  // namespace
}  // namespace jtrace::test
