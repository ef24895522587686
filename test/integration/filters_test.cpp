// SPDX-License-Identifier: Apache-2.0
// --filter over a program whose calls are known: each filter keeps the very number.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "integration/support/refusals.h"
#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

using testing::HasSubstr;

struct Kept {
  std::string event;  // of syscalls
  std::string filter;
  std::uint64_t kept;
  std::uint64_t too_long = 0;
};

// native/known_calls.cpp: 121 opens, 83 reads and the end of the one that waited.
const std::vector<Kept>& cases() {
  static const std::vector<Kept> all{
      {"sys_enter_openat", "flags & O_CREAT", 10},
      {"sys_enter_openat", "flags & (O_CREAT|O_CLOEXEC)", 30},
      {"sys_enter_openat", "(flags & O_ACCMODE) == O_RDONLY", 106},
      {"sys_enter_openat", "(flags & O_ACCMODE) != O_RDONLY && !(flags & O_CREAT)", 5},
      {"sys_enter_openat", "flags == 0", 86},
      {"sys_enter_openat", "dfd == AT_FDCWD", 106},
      {"sys_enter_openat", "dfd == -1", 5},
      {"sys_enter_openat", "dfd == 0xffffff9c", 102},  // as the kernel's filter has it
      {"sys_enter_openat", "dfd < 1000 && mode == 0600", 10},
      {"sys_enter_openat", "filename ~ \"/proc/*\"", 72},
      {"sys_enter_openat", "filename ~ \"*meminfo\"", 50, 2},
      {"sys_enter_openat", "filename == \"new\" || filename == 'any'", 15},
      {"sys_enter_openat", "filename ~ \"/[pn][ro]*[oet]\" && flags != O_CLOEXEC", 80, 2},
      {"sys_enter_openat", "filename !~ \"/*\" && filename != ''", 15},
      {"sys_exit_openat", "ret < 0", 42},
      {"sys_enter_openat", "ret < 0 && flags & O_CREAT", 3},
      {"sys_exit_openat", "ret < 0 && flags & O_CREAT", 3},
      {"sys_exit_openat", "errno == ENOENT", 34},
      {"sys_exit_openat", "ret == -EBADF || errno == EEXIST", 8},
      {"sys_exit_openat", "!(ret < 0) && comm ~ \"truth_k*\"", 79},
      {"sys_enter_read", "count >= 4096", 30},
      {"sys_enter_read", "count > 4096 || fd == -1", 40},
      {"sys_exit_read", "ret == 0", 19},
      {"sys_exit_read", "ret > 0 && ret < 65536 && uid == 0 && cpu < 4096", 25},
      {"sys_exit_read", "ret > 65536", 0},
  };
  return all;
}

Result<Traced> traced_by(const std::vector<std::string>& words) {
  const TemporaryDirectory directory;
  TraceOptions options;
  options.events = {};
  options.extra = words;
  return trace({built("truth_known_calls"), directory.path()}, options);
}

std::uint64_t counted(const Traced& traced) {
  return std::accumulate(traced.stacks.begin(), traced.stacks.end(), std::uint64_t{0},
                         [](std::uint64_t n, const Stack& stack) { return n + stack.count; });
}

// By each way to system calls that every kernel has.
class FilterBy : public ::testing::TestWithParam<const char*> {};

TEST_P(FilterBy, keepsTheVeryNumber) {
  JT_NEEDS("bpf", no_bpf());
  for (const Kept& one : cases()) {
    const std::string& filter = one.filter;
    JT_ASSERT_OK(const Traced traced, traced_by({"-t", "syscalls:" + one.event, "--filter", filter,
                                                 "--attach", GetParam()}));
    const std::uint64_t fired = one.event.ends_with("openat")  ? 121
                                : one.event == "sys_exit_read" ? 84
                                                               : 83;
    EXPECT_EQ(traced.ledger.count("kept"), one.kept) << filter;
    EXPECT_EQ(traced.ledger.count("fired"), fired) << filter;
    EXPECT_EQ(traced.ledger.count("filtered"), fired - one.kept) << filter;
    EXPECT_EQ(traced.ledger.count("filter: strings too long to be compared").value_or(0),
              one.too_long)
        << filter;
    EXPECT_TRUE(traced.ledger.balanced) << filter;
    EXPECT_EQ(counted(traced), one.kept) << filter;
    if (one.kept == 0) {
      EXPECT_THAT(traced.jtrace_log, HasSubstr("84 times, and --filter left out all"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, FilterBy, ::testing::Values("tracepoint", "raw"),
                         [](const auto& way) { return std::string(way.param); });

// Events of begins and ends, and of begins that are noted for the latency of others.
TEST(Filter, isOfSeveralCallsAtRawTracepoints) {
  JT_NEEDS("bpf", no_bpf());
  std::vector<std::vector<std::string>> all;
  for (const char* way : {"tracepoint", "raw"}) {
    JT_ASSERT_OK(
        const Traced traced,
        traced_by({"-t", "syscalls:sys_enter_openat", "--filter", "flags & O_CREAT", "-t",
                   "syscalls:sys_enter_read", "--filter", "ret > 0", "--by", "fd,ret", "--weight",
                   "latency", "-t", "syscalls:sys_exit_lseek", "--attach", way, "--threads"}));
    EXPECT_TRUE(traced.ledger.balanced);
    std::vector<std::string> figures;
    for (const auto& line : traced.ledger.lines) {
      for (const char* name : {"fired", "kept", "filtered", "complete"}) {
        if (line.name == name)
          figures.push_back(line.name + std::to_string(line.count.value_or(0)));
      }
    }
    all.push_back(std::move(figures));
  }
  EXPECT_EQ(all.at(0), all.at(1));
  EXPECT_THAT(all.at(0), ::testing::Not(::testing::IsEmpty()));
}

TEST(Filter, belongsToTheEventBeforeIt) {
  JT_NEEDS("bpf", no_bpf());
  const auto kept = [](const std::vector<std::string>& words, const std::string& event) {
    const auto traced = traced_by(words);
    EXPECT_TRUE(traced) << traced.error().message;
    if (!traced) return std::uint64_t{0};
    std::uint64_t count = 0;
    for (const Stack& stack : traced->stacks) {
      if (stack.frames.front().name == "syscalls:" + event ||
          stack.frames.back().name == "syscalls:" + event) {
        count += stack.count;
      }
    }
    return count;
  };
  const std::vector<std::string> own{
      "-t", "syscalls:sys_enter_openat", "--filter", "flags & O_CREAT",
      "-t", "syscalls:sys_enter_read",   "--filter", "count == 4096"};
  EXPECT_EQ(kept(own, "sys_enter_openat"), 10U);
  EXPECT_EQ(kept(own, "sys_enter_read"), 13U);
  const std::vector<std::string> second{"-t",       "syscalls:sys_enter_openat",
                                        "-t",       "syscalls:sys_enter_read",
                                        "--filter", "count == 4096"};
  EXPECT_EQ(kept(second, "sys_enter_openat"), 121U);
  EXPECT_EQ(kept(second, "sys_enter_read"), 13U);
  const std::vector<std::string> both{
      "--filter", "comm == 'nobody' || __syscall_nr == 0",
      "-t",       "syscalls:sys_enter_openat,syscalls:sys_exit_read",
      "--filter", "tid > 1"};
  EXPECT_EQ(kept(both, "sys_enter_openat"), 0U);
  EXPECT_EQ(kept(both, "sys_exit_read"), 84U);
}

TEST(Filter, isTakenBeforeSamplingAndForStrict) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced, traced_by({"-t", "syscalls:sys_enter_openat", "--filter",
                                               "flags & O_CREAT", "-i", "10", "--strict"}));
  EXPECT_EQ(traced.ledger.count("filtered"), 111U);
  const auto sampled = traced.ledger.count("sampled out");
  const auto kept = traced.ledger.count("kept");
  ASSERT_TRUE(sampled && kept);
  EXPECT_EQ(*sampled + *kept, 10U);
}

TEST(Filter, whatIsRefusedSaysWhere) {
  JT_NEEDS("bpf", no_bpf());
  const Refused refusals[] = {
      {{"-t", "syscalls:sys_enter_openat", "--filter", "flgas & O_CREAT"},
       "--filter: 'flgas' at character 1: syscalls:sys_enter_openat has no such field; did you "
       "mean flags? fields: dfd, filename, flags, mode, ret, errno, latency; of every event: comm, "
       "tid, tgid, uid, "
       "cgroup, cpu"},
      {{"-t", "syscalls:sys_enter_execve", "--filter", "ret < 0"},
       "the event has no result; it is known at the end: -t syscalls:sys_exit_execve"},
      {{"-t", "syscalls:sys_enter_openat", "--filter", "flags & O_CREATE"},
       "'O_CREATE' at character 9: no constant of this name; did you mean O_CREAT"},
      {{"-t", "sched:sched_switch", "--filter", "prev_comm == 5"},
       "'prev_comm' is a string: what it is compared with stands between quotes"},
      {{"-t", "syscalls:sys_enter_openat", "--filter", "flags == 1", "-t",
        "syscalls:sys_enter_open*", "--filter", "flags == 2"},
       "syscalls:sys_enter_openat is named twice, and not with the same options"},
      {{"-t", "syscalls:sys_enter_openat", "--filter"}, "--filter needs a value: EXPR"},
  };
  expect_refused(refusals);
}

}  // namespace
}  // namespace jtrace::test
