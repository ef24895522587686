// SPDX-License-Identifier: Apache-2.0
// --by, --weight, --min-latency and --errors-only over a program whose calls are known: each value,
// each sum and each stack to the very number.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "integration/support/refusals.h"
#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::Pair;
using testing::UnorderedElementsAre;

// native/known_values.cpp
Result<Traced> traced_by(const std::vector<std::string>& words) {
  const TemporaryDirectory directory;
  TraceOptions options;
  options.events = {};
  options.extra = words;
  return trace({built("truth_known_values"), directory.path()}, options);
}

// "open_alpha filename=/etc/passwd" -> weight: the known function and what stands below it, of the
// stacks that have one.
std::map<std::string, std::uint64_t> by_function(const Traced& traced) {
  static const std::vector<std::string> kFunctions{"open_alpha", "open_beta", "write_bytes",
                                                   "sleep_for",  "main",      "make_directory",
                                                   "wait_on",    "wake_on"};
  std::map<std::string, std::uint64_t> sums;
  for (const Stack& stack : traced.stacks) {
    const auto known =
        std::ranges::find_if(stack.frames.rbegin(), stack.frames.rend(), [](const Frame& frame) {
          return std::ranges::any_of(kFunctions, [&](const std::string& function) {
            return frame.name.find(function) != std::string::npos;
          });
        });
    if (known == stack.frames.rend()) continue;
    std::string text;
    for (const std::string& function : kFunctions) {
      if (known->name.find(function) != std::string::npos) text = function;
    }
    for (const Frame& frame : stack.frames) {
      if (frame.name.find('=') != std::string::npos) text += " " + frame.name;
    }
    sums[text] += stack.count;
  }
  return sums;
}

std::uint64_t printed(const Traced& traced, const std::string& name) {
  std::istringstream lines(traced.target_output);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return std::stoull(line.substr(name.size() + 1));
  }
  ADD_FAILURE() << name << " is not in " << traced.target_output;
  return 0;
}

// A path with the directory of this run left out.
std::map<std::string, std::uint64_t> without_directory(
    const std::map<std::string, std::uint64_t>& sums) {
  std::map<std::string, std::uint64_t> shorter;
  for (const auto& [text, count] : sums) {
    const auto at = text.find("=/tmp/");
    const auto end = text.find("/file");
    shorter[at == std::string::npos || end == std::string::npos
                ? text
                : text.substr(0, at + 1) + text.substr(end)] += count;
  }
  return shorter;
}

TEST(Values, ofOpens) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_openat", "--by", "filename,errno"}));
  // ';' would end a frame of collapsed text.
  EXPECT_THAT(without_directory(by_function(traced)),
              UnorderedElementsAre(Pair("open_alpha filename=/etc/passwd errno=0", 40),
                                   Pair("open_beta filename=/etc/passwd errno=0", 30),
                                   Pair("open_beta filename=/no/such\\x3bfile errno=ENOENT", 20),
                                   Pair("open_alpha filename=/file errno=0", 10),
                                   Pair("open_alpha filename=/etc/group errno=0", 1),
                                   Pair("open_alpha filename=[unreadable] errno=EFAULT", 1)));
  EXPECT_EQ(traced.ledger.count("fired"), 102U);
  EXPECT_EQ(traced.ledger.count("kept"), 102U);
  EXPECT_EQ(traced.ledger.count("values that could not be read"), 1U);
  EXPECT_TRUE(traced.ledger.balanced) << to_text(traced.ledger);
  EXPECT_EQ(traced.ledger.count("in flight at end"), std::nullopt) << "no begin was noted";
}

TEST(Values, failedCallsOnly) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_openat", "--by", "filename", "--errors-only"}));
  EXPECT_THAT(by_function(traced),
              UnorderedElementsAre(Pair("open_beta filename=/no/such\\x3bfile", 20),
                                   Pair("open_alpha filename=[unreadable]", 1)));
  EXPECT_EQ(traced.ledger.count("fired"), 102U);
  EXPECT_EQ(traced.ledger.count("filtered"), 81U);
}

TEST(Values, bytesThatCallsReturn) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_write", "--weight", "ret"}));
  const auto sums = by_function(traced);
  EXPECT_THAT(sums, testing::Contains(Pair("write_bytes", 25 * 1000 + 5 * 65536)));
}

TEST(Values, bytesThatCallsAskFor) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_write", "--weight", "count", "--weight", "ret",
                          "--filter", "fd == -1 || count == 1000"}));
  EXPECT_THAT(by_function(traced), UnorderedElementsAre(Pair("write_bytes", 25 * 1000 + 15 * 77)));
}

TEST(Values, latencyIsTheCallsOwn) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_clock_nanosleep", "--weight", "latency",
                          "--min-latency", "1ms", "--filter", "which_clock == 1"}));
  const std::uint64_t slept = printed(traced, "slept");
  const auto sums = by_function(traced);
  ASSERT_EQ(sums.size(), 1U) << to_text(traced.ledger);
  // The program's clock is read outside of the call: what it saw is more, by little.
  EXPECT_THAT(sums.at("sleep_for"), AllOf(Le(slept), Ge(slept - slept / 20)));
  EXPECT_EQ(traced.ledger.count("kept"), 11U);
  EXPECT_EQ(traced.ledger.count("in flight at start"), 0U);
}

TEST(Values, slowCallsOnly) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_clock_nanosleep", "--min-latency", "15ms"}));
  // The last one, of 50 ms, is the main thread's wait at the end.
  const std::uint64_t slow = printed(traced, "slow") + 1;
  EXPECT_GE(slow, 4U);
  EXPECT_LT(slow, 12U);
  EXPECT_EQ(traced.ledger.count("kept"), slow) << to_text(traced.ledger);
  EXPECT_EQ(traced.ledger.count("fired"), 12U);
  EXPECT_EQ(traced.ledger.count("filtered"), 12U - slow);
}

// One thread reads when the trace begins, one when the process ends; the main thread, too.
TEST(Values, callsInFlight) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_read", "--weight", "latency"}));
  EXPECT_EQ(traced.ledger.count("in flight at start"), 2U) << to_text(traced.ledger);
  // The one that the end of the process interrupts returns, to nowhere (ERESTARTSYS).
  EXPECT_EQ(traced.ledger.count("begins without an end"), 0U);
  EXPECT_EQ(traced.ledger.count("in flight at end"), 0U);
  EXPECT_EQ(traced.ledger.count("ends without a begin"), 0U);
  EXPECT_TRUE(traced.ledger.balanced);
}

TEST(Values, childrenReturnFromNoCall) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced, traced_by({"-t", "syscalls:sys_enter_clone", "--by", "comm"}));
  EXPECT_THAT(by_function(traced), UnorderedElementsAre(Pair("main comm=truth_known_val", 6)));
}

// seccomp refuses them before the kernel says that they begin.
TEST(Values, eachEventCanBeListed) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory directory;
  const std::string file = directory.path() / "events.ndjson";
  JT_ASSERT_OK(const Traced traced, traced_by({"-t", "syscalls:sys_enter_openat", "--by",
                                               "filename", "--weight", "latency", "-f", file}));
  JT_ASSERT_OK(const std::string text, read_text(file));
  std::istringstream lines(text);
  std::map<std::string, int> paths;
  std::string last;
  std::uint64_t latency = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto event = nlohmann::json::parse(line);
    if (!event.contains("stack")) continue;
    const std::string path = event.at("values").at("filename");
    paths[path.substr(path.rfind('/') + 1)]++;
    EXPECT_LE(last, event.at("time").get<std::string>());
    last = event.at("time");
    EXPECT_EQ(event.at("pid"), event.at("tid")) << line;
    EXPECT_EQ(event.at("weights").at("events"), 1);
    latency += event.at("weights").at("latency").get<std::uint64_t>();
    EXPECT_THAT(event.at("stack").back().get<std::string>(), HasSubstr("open"));
  }
  EXPECT_THAT(paths,
              UnorderedElementsAre(Pair("passwd", 70), Pair("such\\x3bfile", 20), Pair("file", 10),
                                   Pair("group", 1), Pair("[unreadable]", 1)));
  std::uint64_t counted = 0;
  for (const Stack& stack : traced.stacks) counted += stack.count;
  EXPECT_EQ(latency, counted) << "the sum of all is what the stacks add up to";
}

// They come upon any thread, this one's, too.
TEST(Values, interruptsHaveTheirTimeAndNoUserStack) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory directory;
  const std::string out = directory.path() / "out.collapsed";
  const std::string report = directory.path() / "out.txt";
  JT_ASSERT_OK(Child jtrace, start_jtrace({"-a", "-t", "irq:softirq_entry", "--weight", "latency",
                                           "--by", "vec", "-d", "1", "-f", out, "-f", report}));
  // A CPU that idles is no process.
  const auto busy_until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < busy_until) {
  }
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const std::string text, read_text(out));
  JT_ASSERT_OK(const auto stacks, parse_collapsed(text));
  ASSERT_FALSE(stacks.empty());
  for (const Stack& stack : stacks) {
    for (const Frame& frame : stack.frames) {
      // Without a name: a program of the kernel's own (seccomp) that is gone again.
      EXPECT_TRUE(frame.kind == FrameKind::Kernel || frame.name.starts_with("vec=") ||
                  frame.name.starts_with("[unknown]"))
          << to_text(stack);
    }
  }
  JT_ASSERT_OK(const std::string written, read_text(report));
  JT_ASSERT_OK(const Ledger ledger, parse_ledger(written));
  EXPECT_GT(ledger.count("kept"), 0U);
  EXPECT_EQ(ledger.count("no user stack"), ledger.count("kept"));
  EXPECT_TRUE(ledger.balanced) << to_text(ledger);
}

TEST(Values, eachEventHasItsOwnLedger) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_openat", "--by", "errno", "--filter",
                          "errno != ENOENT", "-t", "syscalls:sys_enter_mkdir", "--by", "ret", "-t",
                          "syscalls:sys_enter_rmdir"}));
  EXPECT_EQ(traced.ledger.count("fired"), 111U);
  EXPECT_EQ(traced.ledger.count("syscalls:sys_enter_openat fired"), 102U);
  EXPECT_EQ(traced.ledger.count("filtered"), 20U);
  EXPECT_EQ(traced.ledger.count("syscalls:sys_enter_mkdir fired"), 9U);
  EXPECT_EQ(traced.ledger.count("syscalls:sys_enter_rmdir fired"), std::nullopt);
  EXPECT_EQ(traced.ledger.count("events that never fired"), 1U);
  std::vector<std::uint64_t> kept;
  for (const auto& line : traced.ledger.lines) {
    if (line.name == "kept") kept.push_back(line.count.value_or(0));
  }
  EXPECT_THAT(kept, testing::ElementsAre(91, 82, 9)) << "all, and each that fired";
  EXPECT_TRUE(traced.ledger.balanced) << to_text(traced.ledger);
}

TEST(Values, refusedCallsAreThere) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_mkdir", "--by", "pathname,ret"}));
  EXPECT_THAT(by_function(traced),
              UnorderedElementsAre(Pair("make_directory pathname=/refused ret=EPERM", 9)));
  JT_ASSERT_OK(const Traced entered, traced_by({"-t", "syscalls:sys_enter_mkdir"}));
  EXPECT_EQ(entered.ledger.count("fired"), 0U) << "then there is nothing to show";
}

TEST(Values, flagsInWords) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "syscalls:sys_enter_openat", "--by", "flags", "--filter",
                          "filename == '/etc/passwd' || filename ~ '/tmp/*'"}));
  EXPECT_THAT(by_function(traced),
              UnorderedElementsAre(Pair("open_alpha flags=O_RDONLY", 40),
                                   Pair("open_beta flags=O_RDONLY|O_CLOEXEC", 30),
                                   Pair("open_alpha flags=O_RDWR|O_CREAT|O_APPEND", 10)));
}

// What a descriptor is open on, at the call.
TEST(Values, filesThatAreWritten) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced, traced_by({"-t", "syscalls:sys_enter_write", "--by", "fd",
                                               "--weight", "ret", "--filter", "count >= 1000"}));
  EXPECT_THAT(by_function(traced),
              UnorderedElementsAre(Pair("write_bytes fd=/dev/null", 25 * 1000 + 5 * 65536)));
  JT_ASSERT_OK(const Traced closed, traced_by({"-t", "syscalls:sys_enter_close", "--by", "fd"}));
  EXPECT_THAT(without_directory(by_function(closed)), testing::Contains(Pair("main fd=/file", 10)));
}

// Switched out for each sleep: the time off the CPU is what the program slept.
TEST(Values, timeOffTheCpu) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               traced_by({"-t", "sched:sched_switch", "--weight", "latency", "--kernel", "no"}));
  const std::uint64_t slept = printed(traced, "slept");
  EXPECT_THAT(by_function(traced)["sleep_for"], AllOf(Le(slept), Ge(slept - slept / 20)));
  EXPECT_TRUE(traced.ledger.balanced) << to_text(traced.ledger);
  // Three threads, each switched out for good once, and now and then before, while it ends.
  EXPECT_GE(traced.ledger.count("begins without an end").value_or(0), 3U) << to_text(traced.ledger);
  EXPECT_EQ(traced.ledger.count("in flight at end"), 0U);
}

TEST(Values, presets) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced opens, traced_by({"-t", "preset:file-open"}));
  EXPECT_EQ(by_function(opens)["open_alpha filename=/etc/passwd"], 40U);
  JT_ASSERT_OK(const Traced io, traced_by({"-t", "preset:file-io"}));
  EXPECT_EQ(by_function(io)["write_bytes fd=/dev/null"], 25 * 1000 + 5 * 65536U);
  JT_ASSERT_OK(const Traced off, traced_by({"-t", "preset:off-cpu", "--kernel", "no"}));
  EXPECT_GE(by_function(off)["sleep_for prev_state=S"], 76'000'000U);
}

// Of the futex calls those that wait, whatever bits the operation has besides.
TEST(Values, waitsForLocks) {
  JT_NEEDS("bpf", no_bpf());
  const auto waits = [](const Traced& traced) {
    auto sums = by_function(traced);
    std::erase_if(sums, [](const auto& one) { return !one.first.starts_with("wa"); });
    return sums;
  };
  JT_ASSERT_OK(const Traced traced, traced_by({"-t", "preset:lock-wait", "--weight", "events"}));
  EXPECT_THAT(waits(traced),
              UnorderedElementsAre(
                  Pair("wait_on op=FUTEX_WAIT", 5),
                  Pair("wait_on op=FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME", 4)));
  EXPECT_GE(traced.ledger.count("filtered").value_or(0), 9U) << "calls that wake";
  // Both filters hold: these wait for nothing, the others wake.
  JT_ASSERT_OK(const Traced own, traced_by({"-t", "preset:lock-wait", "--weight", "events",
                                            "--filter", "errno != EAGAIN"}));
  EXPECT_THAT(waits(own), testing::IsEmpty());
  EXPECT_GE(own.ledger.count("filtered").value_or(0), 18U) << to_text(own.ledger);
}

// What the kernel hands over, by its BTF: threads and processes that are made, calls by number.
TEST(Values, ofRawTracepoints) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced made,
               traced_by({"-t", "raw_tp:task_newtask", "--by", "clone_flags", "--kernel", "no"}));
  // fork: CLONE_CHILD_SETTID|CLONE_CHILD_CLEARTID.
  EXPECT_EQ(by_function(made)["main clone_flags=18874368"], 6U) << to_text(made.ledger);
  EXPECT_EQ(made.ledger.count("fired"), 7U) << "and one thread";
  JT_ASSERT_OK(const Traced calls,
               traced_by({"-t", "raw_tp:sys_enter", "--by", "id", "--filter", "id == 257",
                          "--kernel", "no", "-t", "syscalls:sys_enter_openat"}));
  const auto sums = by_function(calls);
  const auto of = [&](const std::string& text) {
    return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0}, [&](auto sum, auto& one) {
      return sum + (one.first.find(text) != std::string::npos ? one.second : 0);
    });
  };
  EXPECT_EQ(of("open_alpha id=257"), 52U) << to_text(calls.ledger);
  EXPECT_EQ(of("open_beta id=257"), 50U);
  JT_ASSERT_OK(const Traced ends, traced_by({"-t", "raw_tp:sys_exit", "--weight", "ret", "--filter",
                                             "ret == 1000", "--kernel", "no"}));
  EXPECT_EQ(by_function(ends)["write_bytes"], 25'000U);
  EXPECT_TRUE(ends.ledger.balanced);
}

// It has no record in tracefs. A thread that wakes up is put on a queue.
TEST(Values, ofTracepointsWithoutARecord) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced, traced_by({"-t", "raw_tp:pelt_cfs_tp", "--kernel", "yes"}));
  EXPECT_GE(traced.ledger.count("kept").value_or(0), 10U) << to_text(traced.ledger);
  for (const Stack& stack : traced.stacks) {
    EXPECT_FALSE(stack.frames.back().name.starts_with("bpf_")) << stack.frames.back().name;
  }
}

// Five states and some threads: however often they are met they are the same values.
TEST(Values, ofWhatIsHeldAreCountedOnce) {
  JT_NEEDS("bpf", no_bpf());
  TraceOptions options;
  options.events = {};
  options.extra = {"-t", "sched:sched_switch", "--weight", "latency", "--by", "prev_state"};
  JT_ASSERT_OK(const Traced traced, trace({built("truth_naps"), "2500"}, options));
  EXPECT_GE(traced.ledger.count("kept").value_or(0), 2000U) << to_text(traced.ledger);
  EXPECT_EQ(traced.ledger.count("events whose values are under [other]"), std::nullopt);
}

// As many as there is room for, of one stack and in all; the rest is counted, not lost.
TEST(Values, tooManyAreCountedAsOthers) {
  JT_NEEDS("bpf", no_bpf());
  const auto traced_many = [](const char* stacks, const char* names) {
    TraceOptions options;
    options.events = {};
    options.extra = {"-t", "syscalls:sys_enter_openat", "--by", "filename"};
    return trace({built("truth_many_values"), stacks, names}, options);
  };
  const auto others = [](const Traced& traced) {
    std::uint64_t sum = 0;
    for (const Stack& stack : traced.stacks) {
      if (stack.frames.back().name == "filename=[other]") sum += stack.count;
    }
    return sum;
  };
  JT_ASSERT_OK(const Traced one, traced_many("1", "1500"));
  EXPECT_EQ(one.ledger.count("kept"), 1500U) << to_text(one.ledger);
  EXPECT_EQ(others(one), 1500U - 1024U);
  EXPECT_EQ(one.ledger.count("events whose values are under [other]"), 1500U - 1024U);
  EXPECT_EQ(one.stacks.size(), 1025U);
  JT_ASSERT_OK(const Traced many, traced_many("20", "1000"));
  EXPECT_EQ(many.ledger.count("kept"), 20'000U) << to_text(many.ledger);
  EXPECT_EQ(others(many), 20'000U - 16'384U);
  EXPECT_TRUE(many.ledger.balanced);
}

TEST(Values, whatIsRefusedSaysWhy) {
  JT_NEEDS("bpf", no_bpf());
  const Refused refusals[] = {
      {{"-t", "syscalls:sys_enter_openat", "--by", "filname"},
       "--by 'filname': syscalls:sys_enter_openat has no such field; "
       "did you mean filename? fields: dfd, filename, flags, mode"},
      {{"-t", "syscalls:sys_enter_openat", "--weight", "filename"},
       "--weight 'filename': it is a string and no number"},
      {{"-t", "syscalls:sys_enter_openat", "--by", "latency"},
       "--by latency: hardly two calls take the same time"},
      {{"-t", "syscalls:sys_enter_execve", "--by", "ret"}, "the event has no result"},
      {{"-t", "sched:sched_wakeup", "--weight", "latency"},
       "the event has no end that jtrace knows"},
      {{"-t", "syscalls:sys_enter_openat", "--by", "dfd,filename,flags,mode,ret"},
       "--by: an event shows at most 4 values"},
      {{"-t", "syscalls:sys_enter_openat", "--min-latency", "1 day"}, "not a duration"},
      {{"-t", "raw_tp:task_newtsk"},
       "no such raw tracepoint 'task_newtsk'; did you mean raw_tp:task_newtask?"},
      {{"-t", "sched:pelt_cfs_tp"}, "raw_tp:pelt_cfs_tp is there, and needs no tracefs"},
      {{"-t", "raw_tp:task_newtask", "--weight", "latency"}, "no end that jtrace knows"},
      {{"-t", "raw_tp:task_newtask", "--by", "flags"}, "fields: task, clone_flags; of every event"},
      {{"-t", "syscalls:sys_enter_openat", "--by", "ret", "-t", "syscalls:sys_exit_openat", "--by",
        "ret"},
       "are one call here, counted at its end"},
  };
  expect_refused(refusals);
}

}  // namespace
}  // namespace jtrace::test
