// SPDX-License-Identifier: Apache-2.0
// The proof on a stock JVM: every open of a program that knows what it does is counted, and its
// stack is whole, whatever compiled the code.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

std::string opens_per_path() {
  const char* count = std::getenv("JTRACE_TRUTH_COUNT");
  return count == nullptr ? "5000" : count;
}

// The truth program with one flag, or with none.
std::vector<std::string> on_own_jdk(const std::string& flag, const std::string& count) {
  TruthRun run{.flags = {}, .count = count};
  if (!flag.empty()) run.flags.push_back(flag);
  return truth_opens(own_jdk(), run);
}

void expect_whole_and_exact(const Traced& traced, const std::vector<Stack>& stacks) {
  JT_ASSERT_OK(const ThreadEntries entries, own_jdk().thread_entries());
  expect_truth(traced, stacks, entries);
}

class JavaFlags : public ::testing::TestWithParam<const char*> {};

TEST_P(JavaFlags, WholeAndExact) {
  JT_NEEDS("java", no_jdk());
  JT_ASSERT_OK(const Traced traced, trace(on_own_jdk(GetParam(), opens_per_path())));
  expect_whole_and_exact(traced, traced.stacks);
}

std::string flag_name(const ::testing::TestParamInfo<const char*>& flag) {
  const std::string name = letters_of(flag.param);
  return name.empty() ? "Stock" : name;
}

INSTANTIATE_TEST_SUITE_P(Jdk, JavaFlags,
                         ::testing::Values("", "-Xint", "-XX:TieredStopAtLevel=1",
                                           "-XX:-TieredCompilation", "-XX:+PreserveFramePointer"),
                         flag_name);

TEST(Java, TwoEventsAtOnce) {
  JT_NEEDS("java", no_jdk());
  TraceOptions options;
  options.events = {"syscalls:sys_enter_openat,syscalls:sys_enter_close"};
  JT_ASSERT_OK(const Traced traced, trace(on_own_jdk("", "1000"), options));
  expect_whole_and_exact(traced, only_event(traced.stacks, "syscalls:sys_enter_openat"));
  std::uint64_t closes = 0;
  for (const Stack& stack : only_event(traced.stacks, "syscalls:sys_enter_close")) {
    closes += stack.count;
  }
  // Each open of a path is closed again.
  JT_ASSERT_OK(const auto truth, parse_truth(traced.target_output));
  std::uint64_t opens = 0;
  for (const TruthPath& path : truth) opens += path.count;
  EXPECT_GE(closes, opens);
}

TEST(Java, ByTracepointId) {
  JT_NEEDS("java", no_jdk());
  JT_ASSERT_OK(const std::uint64_t id, tracepoint_id("syscalls", "sys_enter_openat"));
  TraceOptions options;
  options.events = {"trace:" + std::to_string(id)};
  JT_ASSERT_OK(const Traced traced, trace(on_own_jdk("", "1000"), options));
  expect_whole_and_exact(traced, traced.stacks);
}

TEST(Java, OfAUserWhoMayNotReadTracefs) {
  JT_NEEDS("java", no_jdk());
  std::vector<std::string> target{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
  const auto opens = on_own_jdk("", "1000");
  target.insert(target.end(), opens.begin(), opens.end());
  JT_ASSERT_OK(const Traced traced, trace(target));
  expect_whole_and_exact(traced, traced.stacks);
}

// What a process puts in the place of its perf map must neither hold jtrace nor lead it elsewhere.
TEST(Java, PerfMapsThatAreTraps) {
  JT_NEEDS("java", no_jdk());
  const auto put = [](const std::string& name, bool fifo) {
    return fifo ? mkfifo(name.c_str(), 0666) : symlink("/proc/kcore", name.c_str());
  };
  for (const bool fifo : {true, false}) {
    std::string name;
    TraceOptions options;
    options.extra = {"--jvm-symbols", "perfmap"};
    options.before_attach = [&](pid_t pid) -> Status {
      name = fmt::format("/tmp/perf-{}.map", pid);
      if (put(name, fifo) != 0) return fail(Errc::Internal, errno_text(name, errno));
      return {};
    };
    const auto traced = trace(on_own_jdk("", "1000"), options);
    unlink(name.c_str());
    ASSERT_TRUE(traced) << traced.error().message;
    EXPECT_EQ(ledger_faults(traced->ledger), "");
    EXPECT_GE(traced->complete_share(), 0.999);
    EXPECT_NE(traced->jtrace_log.find("is no regular file, which it would write"),
              std::string::npos)
        << traced->jtrace_log;
  }
}

}  // namespace
}  // namespace jtrace::test
