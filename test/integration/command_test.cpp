// SPDX-License-Identifier: Apache-2.0
// What scripts rely on, end to end: how a run begins, how it ends, what it leaves behind. The
// target of most of these is the test itself.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

constexpr int kOpens = 500;

[[gnu::noinline]] void self_path() {
  for (int i = 0; i < kOpens; ++i) {
    close(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC));
  }
}

std::vector<std::string> on_self(std::vector<std::string> more) {
  std::vector<std::string> arguments{"-t", "syscalls:sys_enter_openat", "-p",
                                     std::to_string(getpid())};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// Its status, where the command line alone decides it.
Result<int> status_of(const std::vector<std::string>& arguments, std::string& log) {
  std::vector<std::string> argv{jtrace_binary()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  JT_TRY(Child child, Child::start(argv));
  JT_TRY(const int status, child.wait_exit(kPatience));
  log = child.err();
  EXPECT_EQ(child.out(), "");
  return status;
}

class Command : public ::testing::Test {
 protected:
  [[nodiscard]] std::string file(const char* name) const { return directory_.path() / name; }

  // Opens of self_path() in the collapsed file.
  [[nodiscard]] std::uint64_t counted(const char* name) const {
    const auto text = read_text(file(name));
    if (!text) return 0;
    const auto stacks = parse_collapsed(*text);
    if (!stacks) return 0;
    std::uint64_t count = 0;
    for (const Stack& stack : *stacks) {
      for (const Frame& frame : stack.frames) {
        if (frame.name.find("self_path") != std::string::npos) count += stack.count;
      }
    }
    return count;
  }

  TemporaryDirectory directory_;
};

TEST_F(Command, InterruptWritesTheProfile) {
  JT_NEEDS("bpf", no_bpf());
  for (const int signal : {SIGINT, SIGTERM}) {
    JT_ASSERT_OK(Child jtrace,
                 start_jtrace(on_self({"-f", file("x.collapsed"), "-f", file("x.txt")})));
    self_path();
    ASSERT_TRUE(jtrace.signal(signal).has_value());
    JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
    EXPECT_EQ(status, 0) << jtrace.err();
    EXPECT_EQ(jtrace.out(), "");
    EXPECT_EQ(counted("x.collapsed"), kOpens);
    JT_ASSERT_OK(const std::string text, read_text(file("x.txt")));
    JT_ASSERT_OK(const Ledger ledger, parse_ledger(text));
    EXPECT_EQ(ledger.count("fired"), kOpens);
    EXPECT_EQ(ledger_faults(ledger), "");
  }
}

TEST_F(Command, DurationEndsIt) {
  JT_NEEDS("bpf", no_bpf());
  const auto start = std::chrono::steady_clock::now();
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-d", "1s", "-f", file("x.collapsed")})));
  self_path();
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_EQ(status, 0) << jtrace.err();
  EXPECT_EQ(counted("x.collapsed"), kOpens);
}

TEST_F(Command, PageStandsAlone) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-f", file("x.html")})));
  self_path();
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const std::string page, read_text(file("x.html")));
  EXPECT_NE(page.find("self_path"), std::string::npos);
  EXPECT_NE(page.find("</html>"), std::string::npos);
  for (const char* outside : {"src=\"http", "href=\"http", "src='http", "@import"}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
}

TEST_F(Command, StandardOutputIsTextWhereAskedFor) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-f", "-"})));
  self_path();
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const Ledger ledger, parse_ledger(jtrace.out()));
  EXPECT_EQ(ledger.count("kept"), kOpens);
}

// Whoever stopped listening, the profile is written.
TEST_F(Command, StreamsThatFailCostNoProfile) {
  JT_NEEDS("bpf", no_bpf());
  // A pipe's reader that ends at once; the status is jtrace's, not the reader's.
  for (const char* script :
       {R"("$0" "$@" 2>/dev/full)", R"("$0" "$@" <&- >&- 2>&-)",
        R"sh({ "$0" "$@"; echo $? >"$STATUS"; } 2>&1 | true; exit "$(cat "$STATUS")")sh",
        R"sh({ "$0" -f - "$@"; echo $? >"$STATUS"; } | true; exit "$(cat "$STATUS")")sh"}) {
    std::vector<std::string> argv{"/bin/sh", "-c", script, jtrace_binary()};
    for (auto& argument : on_self({"-d", "200ms", "-f", file("x.txt")})) argv.push_back(argument);
    JT_ASSERT_OK(Child shell, Child::start(argv, {"STATUS=" + file("status")}));
    JT_ASSERT_OK(const int status, shell.wait_exit(kPatience));
    EXPECT_EQ(status, 0) << script << "\n" << shell.err();
    EXPECT_TRUE(std::filesystem::remove(file("x.txt"))) << script;
  }
}

TEST_F(Command, AnOutputThatFailsCostsNoOther) {
  JT_NEEDS("bpf", no_bpf());
  const std::string lost = file("gone");
  ASSERT_TRUE(std::filesystem::create_directory(lost));
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-f", lost + "/x.txt", "-f", file("y.txt")})));
  self_path();
  ASSERT_TRUE(std::filesystem::remove(lost));
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 1);
  EXPECT_NE(jtrace.err().find("ledger"), std::string::npos) << "no summary";
  EXPECT_NE(jtrace.err().find("gone/x.txt"), std::string::npos) << "no reason";
  JT_ASSERT_OK(const Ledger ledger, parse_ledger(read_text(file("y.txt")).value_or("")));
  EXPECT_EQ(ledger.count("kept"), kOpens);
}

TEST_F(Command, TargetExitEndsItAndTwoEventsAreToldApart) {
  JT_NEEDS("bpf", no_bpf());
  TraceOptions options;
  options.events = {"syscalls:sys_enter_openat,syscalls:sys_enter_read"};
  JT_ASSERT_OK(const Traced traced,
               trace({built("truth_native"), "200", built("libtruth_late.so")}, options));
  JT_ASSERT_OK(const auto truth, parse_truth(traced.target_output));
  ThreadEntries entries;
  ASSERT_TRUE(entries.add_own_libc().has_value());
  const auto opens = only_event(traced.stacks, "syscalls:sys_enter_openat");
  EXPECT_EQ(judge(truth, opens, Chain::Native, entries).miscounts(), "");
  // ld.so reads the header of the library that it loads, once.
  const std::vector<TruthPath> loading{{"dlopen_path", 1, {"*", "dlopen_path"}}};
  const auto reads = only_event(traced.stacks, "syscalls:sys_enter_read");
  EXPECT_EQ(judge(loading, reads, Chain::Native, entries).miscounts(), "");
}

TEST_F(Command, ByTracepointId) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const std::uint64_t id, tracepoint_id("syscalls", "sys_enter_openat"));
  JT_ASSERT_OK(Child jtrace, start_jtrace({"-t", fmt::format("trace:{}", id), "-p",
                                           std::to_string(getpid()), "-f", file("x.collapsed")}));
  self_path();
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  EXPECT_EQ(counted("x.collapsed"), kOpens);
}

TEST_F(Command, MistakesHaveTheirStatus) {
  JT_NEEDS("bpf", no_bpf());
  std::string log;
  const std::string self = std::to_string(getpid());
  JT_ASSERT_OK(int status, status_of({"-t", "syscalls:sys_enter_opennat", "-p", self}, log));
  EXPECT_EQ(status, 2);
  EXPECT_NE(log.find("sys_enter_openat"), std::string::npos) << log;
  JT_ASSERT_OK(status, status_of({"-t", "trace:999999999", "-p", self}, log));
  EXPECT_EQ(status, 2) << log;
  // The highest process id there can be is 4 194 304 (PID_MAX_LIMIT), and it is never given out.
  JT_ASSERT_OK(status, status_of({"-t", "syscalls:sys_enter_openat", "-p", "4194304"}, log));
  EXPECT_EQ(status, 4) << log;
}

}  // namespace
}  // namespace jtrace::test
