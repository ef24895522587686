// SPDX-License-Identifier: Apache-2.0
// JVMs that begin after jtrace and end before it, many of them, and the processes that Java starts.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "integration/support/jdks.h"
#include "integration/support/users.h"

namespace jtrace::test {
namespace {

using testing::HasSubstr;

bool has(const Stack& stack, const std::string& function) {
  return std::ranges::any_of(stack.frames, [&](const Frame& f) { return f.name == function; });
}

std::uint64_t count_with(const std::vector<Stack>& stacks, const std::string& function) {
  std::uint64_t count = 0;
  for (const Stack& stack : stacks) count += has(stack, function) ? stack.count : 0;
  return count;
}

// What there is beside, where a count is not what it should be.
std::string without(const std::vector<Stack>& stacks, const std::string& function) {
  std::string text;
  for (const Stack& stack : stacks) {
    if (has(stack, function)) continue;
    text += fmt::format("{}:", stack.count);
    for (const Frame& f : stack.frames) text += " " + f.name;
    text += "\n";
  }
  return text;
}

class JavaTargets : public ::testing::Test {
 protected:
  void SetUp() override {
    JT_NEEDS("bpf", no_bpf());
    JT_NEEDS("java", no_jdk());
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    return (directory_.path() / name).string();
  }
  [[nodiscard]] std::vector<Stack> stacks() const {
    const auto text = read_text(file("x.collapsed"));
    const auto parsed = text ? parse_collapsed(*text) : std::vector<Stack>{};
    EXPECT_TRUE(text && parsed);
    return parsed.value_or(std::vector<Stack>{});
  }
  TemporaryDirectory directory_;
};

// The launcher's thread of each JVM opens files in ShortLived.depth; what it printed is how many.
// They stay for 100 ms behind the last one: a process that ends with a new stack takes its names
// along where the machine has no CPU left to read them.
TEST_F(JavaTargets, JvmsThatComeAndGoAreWholeAndNamed) {
  constexpr int kJvms = 4;
  JT_ASSERT_OK(Child jtrace, start_jtrace({"-t", "syscalls:sys_enter_openat", "--comm", "java",
                                           "-f", file("x.collapsed"), "-f", file("x.txt")}));
  std::uint64_t opens = 0;
  for (int i = 0; i < kJvms; ++i) {
    JT_ASSERT_OK(Child java, Child::start(java_command(own_jdk(), {"-Xmx64m"},
                                                       {"truth.ShortLived", "100", "now", "100"})));
    JT_ASSERT_OK(const int status, java.wait_exit(kPatience));
    ASSERT_EQ(status, 0) << java.err();
    opens += std::strtoull(java.out().c_str() + java.out().find("opens ") + 6, nullptr, 10);
  }
  ASSERT_TRUE(jtrace.signal(SIGINT));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  ASSERT_EQ(status, 0) << jtrace.err();
  ASSERT_GT(opens, 100U);
  EXPECT_EQ(count_with(stacks(), "truth/ShortLived.depth"), opens)
      << jtrace.err() << without(stacks(), "truth/ShortLived.depth");
  EXPECT_GE(count_with(stacks(), "java/io/FileInputStream.open0"), opens);
  JT_ASSERT_OK(const std::string text, read_text(file("x.txt")));
  JT_ASSERT_OK(const Ledger ledger, parse_ledger(text));
  EXPECT_EQ(ledger_faults(ledger), "");
  EXPECT_GE(static_cast<double>(ledger.count("complete").value_or(0)),
            0.999 * static_cast<double>(ledger.count("kept").value_or(1)))
      << to_text(ledger);
}

// Their methods have names whatever it takes to read the files that their stacks go through: here
// it is as long as they live, all four.
TEST_F(JavaTargets, FilesTakeLongerThanJvmsLive) {
  JT_ASSERT_OK(Child jtrace, start_jtrace({"-t", "syscalls:sys_enter_openat", "--comm", "java",
                                           "-f", file("x.collapsed")}));
  const auto keeper = child_named(jtrace.pid(), "jtrace-symbols");
  ASSERT_TRUE(keeper.has_value());
  std::vector<pid_t> readers = children_of(*keeper);
  readers.push_back(*keeper);
  for (const pid_t reader : readers) ASSERT_EQ(::kill(reader, SIGSTOP), 0);
  std::uint64_t opens = 0;
  for (int i = 0; i < 4; ++i) {
    JT_ASSERT_OK(Child java, Child::start(java_command(own_jdk(), {"-Xmx64m"},
                                                       {"truth.ShortLived", "200", "now", "100"})));
    JT_ASSERT_OK(const int status, java.wait_exit(kPatience));
    ASSERT_EQ(status, 0) << java.err();
    opens += std::strtoull(java.out().c_str() + java.out().find("opens ") + 6, nullptr, 10);
  }
  for (const pid_t reader : readers) ASSERT_EQ(::kill(reader, SIGCONT), 0);
  ASSERT_TRUE(jtrace.signal(SIGINT));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  ASSERT_EQ(status, 0) << jtrace.err();
  EXPECT_EQ(count_with(stacks(), "truth/ShortLived.depth"), opens)
      << jtrace.err() << without(stacks(), "truth/ShortLived.depth");
  // libjvm's and libjava's functions, too.
  EXPECT_GE(count_with(stacks(), "JavaCalls::call_helper"), opens);
  EXPECT_GE(count_with(stacks(), "fileOpen"), opens);
}

// As a command: from the launcher's first instruction on. What it does last can be without names
// where the machine is busy (processes_test), so it lives a little longer.
TEST_F(JavaTargets, JvmAsACommand) {
  Words argv{jtrace_binary(), "-t", "syscalls:sys_enter_openat", "-f", file("x.collapsed"), "-f",
             file("x.txt"),   "--"};
  const Words java =
      java_command(own_jdk(), {"-Xmx64m"}, {"truth.ShortLived", "100", "now", "300"});
  argv.insert(argv.end(), java.begin(), java.end());
  JT_ASSERT_OK(Child jtrace, Child::start(argv));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  ASSERT_EQ(status, 0) << jtrace.err();
  const auto opens =
      std::strtoull(jtrace.out().c_str() + jtrace.out().find("opens ") + 6, nullptr, 10);
  ASSERT_GT(opens, 20U);
  EXPECT_EQ(count_with(stacks(), "truth/ShortLived.depth"), opens);
}

// 64 at once, unless $JTRACE_JVMS says another number.
TEST_F(JavaTargets, ManyAtOnce) {
  const char* wanted = std::getenv("JTRACE_JVMS");
  const int jvms = wanted == nullptr ? 64 : std::atoi(wanted);
  JT_ASSERT_OK(Child jtrace, start_jtrace({"-t", "syscalls:sys_enter_openat", "--comm", "java",
                                           "-v", "-f", file("x.collapsed"), "-f", file("x.txt")}));
  std::vector<Child> all;
  for (int i = 0; i < jvms; ++i) {
    JT_ASSERT_OK(Child java,
                 Child::start(java_command(own_jdk(), {"-Xmx16m", "-Xint", "-XX:+UseSerialGC"},
                                           {"truth.ShortLived", "200"})));
    all.push_back(std::move(java));
  }
  const auto ready = [](const Child& c) { return c.out().find("ready\n") != std::string::npos; };
  for (Child& java : all) ASSERT_TRUE(java.wait_until("ready target", ready, kPatience));
  for (Child& java : all) ASSERT_TRUE(java.send("\n"));
  std::uint64_t opens = 0;
  for (Child& java : all) {
    JT_ASSERT_OK(const int status, java.wait_exit(kPatience));
    ASSERT_EQ(status, 0) << java.err();
    opens += std::strtoull(java.out().c_str() + java.out().find("opens ") + 6, nullptr, 10);
  }
  ASSERT_TRUE(jtrace.signal(SIGINT));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  ASSERT_EQ(status, 0) << jtrace.err();
  EXPECT_EQ(count_with(stacks(), "truth/ShortLived.depth"), opens);
  JT_ASSERT_OK(const std::string text, read_text(file("x.txt")));
  JT_ASSERT_OK(const Ledger ledger, parse_ledger(text));
  EXPECT_EQ(ledger_faults(ledger), "");
  std::printf("%s", to_text(ledger).c_str());
  std::printf("%d JVMs, %llu opens\n", jvms, static_cast<unsigned long long>(opens));
}

class Spawned : public JavaTargets, public ::testing::WithParamInterface<const char*> {};

// The child of posix_spawn has a stack of its own in the JVM's memory, that of vfork the JVM's very
// stack, that of fork a copy: behind all of them is the Java method.
TEST_P(Spawned, JavaIsBehindTheExecOfItsChild) {
  constexpr int kTimes = 40;
  const auto target = java_command(
      own_jdk(), {"-Xmx64m", fmt::format("-Djdk.lang.Process.launchMechanism={}", GetParam())},
      {"truth.Spawner", std::to_string(kTimes)});
  JT_ASSERT_OK(const Traced traced, trace(target, {.events = {"syscalls:sys_enter_execve"},
                                                   .extra = {"--follow"},
                                                   .before_go = {}}));
  EXPECT_EQ(count_with(traced.stacks, "truth/Spawner.launch"), kTimes) << traced.jtrace_log;
  for (const Stack& stack : traced.stacks) {
    if (has(stack, "truth/Spawner.launch")) {
      EXPECT_TRUE(has(stack, "truth/Spawner.main")) << to_text(stack);
    }
  }
  EXPECT_EQ(ledger_faults(traced.ledger), "");
}

INSTANTIATE_TEST_SUITE_P(All, Spawned, ::testing::Values("POSIX_SPAWN", "VFORK", "FORK"),
                         [](const auto& one) { return letters_of(one.param); });

}  // namespace
}  // namespace jtrace::test
