// SPDX-License-Identifier: Apache-2.0
// What goes wrong around a run: no room, a full disk, processes stopped and killed, clocks that
// jump. Whatever it is, the ledger adds up and nothing stays behind in the kernel.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "integration/support/bpf_objects.h"
#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

constexpr int kManyBits = 17;  // paths: twice the table of stacks
constexpr int kSomeBits = 8;
const std::string kOpenat = "syscalls:sys_enter_openat";

Words paths(int bits, int rounds) {
  return {built("truth_paths"), std::to_string(bits), std::to_string(rounds)};
}

constexpr std::uint64_t opens(int bits, std::uint64_t rounds) { return rounds << bits; }

std::uint64_t count(const Ledger& ledger, std::string_view name) {
  const auto found = ledger.count(name);
  EXPECT_TRUE(found.has_value()) << name;
  return found.value_or(0);
}

std::uint64_t lost(const Ledger& ledger) {
  std::uint64_t sum = 0;
  for (const auto& line : ledger.lines) {
    if (line.name.starts_with("lost")) sum += line.count.value_or(0);
  }
  return sum;
}

std::uint64_t shown(const std::vector<Stack>& stacks) {
  std::uint64_t sum = 0;
  for (const Stack& stack : stacks) sum += stack.count;
  return sum;
}

bool said_round(const Child& target) { return target.out().find("round\n") != std::string::npos; }
bool said_tracing(const Child& jtrace) {
  return jtrace.err().find("jtrace: tracing") != std::string::npos;
}

class Faults : public ::testing::Test {
 protected:
  void SetUp() override {
    JT_NEEDS("bpf", no_bpf());
    before_ = BpfObjects::count();
  }
  void TearDown() override {
    EXPECT_TRUE(before_.wait_until_no_more(kPatience))
        << "before: " << before_.text() << ", now: " << BpfObjects::count().text();
  }
  [[nodiscard]] std::string file(const char* name) const { return directory_.path() / name; }
  [[nodiscard]] Words trace_to(const Child& target, const std::string& output) const {
    return {"-t", kOpenat, "-p", std::to_string(target.pid()), "-f", output};
  }
  static Ledger ledger_of(const std::string& file) {
    const auto text = read_text(file);
    EXPECT_TRUE(text.has_value()) << text.error().message;
    auto ledger = text ? parse_ledger(*text) : Ledger{};
    return ledger ? *ledger : Ledger{};
  }
  // A run as others, which shows that nothing is left of what was before.
  static void expect_exact_run() {
    JT_ASSERT_OK(const Traced traced, trace(paths(kSomeBits, 10)));
    EXPECT_EQ(ledger_faults(traced.ledger), "");
    EXPECT_EQ(count(traced.ledger, "kept"), opens(kSomeBits, 10));
  }
  static void expect_sums(const Ledger& ledger) {
    EXPECT_TRUE(ledger.balanced);
    EXPECT_EQ(count(ledger, "fired"), count(ledger, "kept") + lost(ledger)) << to_text(ledger);
  }

  TemporaryDirectory directory_;

 private:
  BpfObjects before_;
};

// ---- no room

// Each event is of a stack of its own from the first on, twice as many as have room.
TEST_F(Faults, TableOfStacksFull) {
  JT_ASSERT_OK(const Traced traced, trace(paths(kManyBits, 2)));
  expect_sums(traced.ledger);
  EXPECT_EQ(count(traced.ledger, "fired"), opens(kManyBits, 2));
  EXPECT_EQ(count(traced.ledger, "kept"), shown(traced.stacks));
  // Those that came in time are counted in the second round, too.
  EXPECT_GT(count(traced.ledger, "kept"), opens(kManyBits, 1) / 2);
  EXPECT_GT(count(traced.ledger, "lost: table of stacks full"), opens(kManyBits, 1) / 2);
}

// The collector is stopped while everything happens: the ring holds less than all stacks.
TEST_F(Faults, CollectorStopped) {
  JT_ASSERT_OK(Child target, start_ready(paths(kManyBits, 1)));
  JT_ASSERT_OK(Child jtrace, start_jtrace(trace_to(target, file("x.txt"))));
  ASSERT_TRUE(jtrace.signal(SIGSTOP).has_value());
  ASSERT_TRUE(target.send("\n").has_value());
  ASSERT_TRUE(target.wait_exit(kPatience).has_value());
  ASSERT_TRUE(jtrace.signal(SIGCONT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  const Ledger ledger = ledger_of(file("x.txt"));
  expect_sums(ledger);
  EXPECT_EQ(count(ledger, "fired"), opens(kManyBits, 1));
  EXPECT_GT(count(ledger, "lost: ring buffer full"), 0U);
  EXPECT_GT(count(ledger, "complete"), 0U);
}

// Ten seconds of a load whose stacks are known: they are counted in the kernel all the while.
TEST_F(Faults, CollectorStoppedForTenSecondsLosesNothingThatIsKnown) {
  constexpr std::chrono::seconds kStopped{10};
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 1'000'000'000)));
  JT_ASSERT_OK(Child jtrace, start_jtrace(trace_to(target, file("x.txt"))));
  ASSERT_TRUE(target.send("\n").has_value());
  ASSERT_TRUE(target.wait_until("a round", said_round, kPatience).has_value());
  ASSERT_TRUE(jtrace.signal(SIGSTOP).has_value());
  const auto never = [](const Child&) { return false; };
  EXPECT_FALSE(target.wait_until("the end of ten seconds", never, kStopped).has_value());
  ASSERT_TRUE(target.signal(SIGKILL).has_value());
  ASSERT_TRUE(jtrace.signal(SIGCONT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  const Ledger ledger = ledger_of(file("x.txt"));
  EXPECT_EQ(ledger_faults(ledger), "");
  EXPECT_GT(count(ledger, "fired"), 100'000U);
}

TEST_F(Faults, NoMemoryForAMap) {
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 1)));
  Words argv{built("truth_launcher"), "refuse", std::to_string(BPF_MAP_CREATE), "--",
             jtrace_binary()};
  for (const std::string& word : trace_to(target, file("x.txt"))) argv.push_back(word);
  JT_ASSERT_OK(Child jtrace, Child::start(argv));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 3);
  EXPECT_THAT(jtrace.err(), HasSubstr("Cannot allocate memory"));
  EXPECT_THAT(jtrace.err(), HasSubstr("(doctor: memlock)"));
  EXPECT_FALSE(std::filesystem::exists(file("x.txt")));
}

// ---- functions that are refused after all

// A kernel that is not preempted, and takes programs at functions until they are ours.
class LateRefusal : public Faults, public ::testing::WithParamInterface<const char*> {
 protected:
  [[nodiscard]] Result<Child> start(const Child& target, const std::string& way) const {
    const std::string script =
        "mount -t tmpfs none /sys/kernel/debug && mkdir /sys/kernel/debug/sched && "
        "echo '(voluntary)' >/sys/kernel/debug/sched/preempt && LD_PRELOAD=$0 exec \"$@\"";
    Words argv{"unshare",      "-m", "--propagation", "private",
               "/bin/sh",      "-c", script,          built("libtruth_late_refusal.so"),
               jtrace_binary()};
    for (const std::string& word : trace_to(target, file("x.txt"))) argv.push_back(word);
    argv.insert(argv.end(), {"--attach", way});
    return Child::start(argv, {std::string("LATE_REFUSAL=") + GetParam()});
  }
};

TEST_P(LateRefusal, TracepointsTakeTheirPlace) {
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 10)));
  JT_ASSERT_OK(Child jtrace, start(target, "auto"));
  ASSERT_TRUE(jtrace.wait_until("line 'jtrace: tracing'", said_tracing, kPatience).has_value())
      << jtrace.err();
  ASSERT_TRUE(target.send("\n").has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  EXPECT_THAT(jtrace.err(), HasSubstr("jtrace: at tracepoints, for fentry was refused late: "));
  const Ledger ledger = ledger_of(file("x.txt"));
  EXPECT_EQ(ledger_faults(ledger), "");
  EXPECT_EQ(count(ledger, "kept"), opens(kSomeBits, 10));
}

TEST_P(LateRefusal, WhoAskedForFunctionsIsTold) {
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 1)));
  JT_ASSERT_OK(Child jtrace, start(target, "fentry"));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_NE(status, 0);
  EXPECT_THAT(jtrace.err(), HasSubstr("Invalid argument"));
  EXPECT_EQ(jtrace.err().find("at tracepoints"), std::string::npos) << jtrace.err();
  EXPECT_FALSE(std::filesystem::exists(file("x.txt")));
}

INSTANTIATE_TEST_SUITE_P(Of, LateRefusal, ::testing::Values("load", "attach"),
                         [](const auto& what) { return std::string(what.param); });

// ---- outputs

TEST_F(Faults, DirectoryOfAnOutputRemovedMeanwhile) {
  const std::string gone = file("gone");
  std::filesystem::create_directory(gone);
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 1)));
  Words arguments = trace_to(target, gone + "/x.html");
  arguments.insert(arguments.end(), {"-f", file("x.txt")});
  JT_ASSERT_OK(Child jtrace, start_jtrace(arguments));
  std::filesystem::remove_all(gone);
  ASSERT_TRUE(target.send("\n").has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 1);
  EXPECT_THAT(jtrace.err(), HasSubstr("write " + gone + "/x.html: No such file or directory"));
  EXPECT_EQ(count(ledger_of(file("x.txt")), "kept"), opens(kSomeBits, 1));
}

TEST_F(Faults, DiskFull) {
  const std::string small = file("small");
  std::filesystem::create_directory(small);
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 1)));
  // The page's own scripts need more. What is left there is listed before the mounts go.
  const std::string script = fmt::format(
      "mount -t tmpfs -o size=16k none {0} && \"$@\"; status=$?; ls -A {0}; exit $status", small);
  Words argv{"unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
             script,    "sh", jtrace_binary()};
  for (const std::string& word : trace_to(target, small + "/x.html")) argv.push_back(word);
  argv.insert(argv.end(), {"-f", file("x.txt")});
  JT_ASSERT_OK(Child jtrace, Child::start(argv));
  ASSERT_TRUE(jtrace.wait_until("line 'jtrace: tracing'", said_tracing, kPatience).has_value());
  ASSERT_TRUE(target.send("\n").has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 1);
  EXPECT_THAT(jtrace.err(), HasSubstr("write " + small + "/x.html: No space left on device"));
  EXPECT_EQ(jtrace.out(), "") << "nothing half written";
  EXPECT_EQ(count(ledger_of(file("x.txt")), "kept"), opens(kSomeBits, 1));
}

// ---- processes

TEST_F(Faults, TracerKilled) {
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 1'000'000'000)));
  JT_ASSERT_OK(Child jtrace, start_jtrace(trace_to(target, file("x.html"))));
  ASSERT_TRUE(target.send("\n").has_value());
  ASSERT_TRUE(target.wait_until("a round", said_round, kPatience).has_value());
  ASSERT_TRUE(jtrace.signal(SIGKILL).has_value());
  ASSERT_TRUE(jtrace.wait_exit(kPatience).has_value());
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path())) << "nothing half written";
  expect_exact_run();
}

TEST_F(Faults, TargetKilledWhileItsStacksAreWalked) {
  for (int i = 0; i < 5; ++i) {
    JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 1'000'000'000)));
    JT_ASSERT_OK(Child jtrace, start_jtrace(trace_to(target, file("x.txt"))));
    ASSERT_TRUE(target.send("\n").has_value());
    ASSERT_TRUE(target.wait_until("a round", said_round, kPatience).has_value());
    ASSERT_TRUE(target.signal(SIGKILL).has_value());
    JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
    EXPECT_EQ(status, 0) << jtrace.err();
    const Ledger ledger = ledger_of(file("x.txt"));
    EXPECT_EQ(ledger_faults(ledger), "");
    EXPECT_GE(count(ledger, "fired"), opens(kSomeBits, 1));
  }
}

TEST_F(Faults, TwoTracersOfOneTarget) {
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 10)));
  JT_ASSERT_OK(Child first, start_jtrace(trace_to(target, file("first.txt"))));
  JT_ASSERT_OK(Child second, start_jtrace(trace_to(target, file("second.txt"))));
  ASSERT_TRUE(target.send("\n").has_value());
  JT_ASSERT_OK(const int one, first.wait_exit(kPatience));
  JT_ASSERT_OK(const int two, second.wait_exit(kPatience));
  EXPECT_EQ(std::pair(one, two), std::pair(0, 0)) << first.err() << second.err();
  for (const char* name : {"first.txt", "second.txt"}) {
    const Ledger ledger = ledger_of(file(name));
    EXPECT_EQ(ledger_faults(ledger), "") << name;
    EXPECT_EQ(count(ledger, "kept"), opens(kSomeBits, 10)) << name;
  }
}

TEST_F(Faults, SuspendedTarget) {
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 10)));
  ASSERT_TRUE(target.signal(SIGSTOP).has_value());
  ASSERT_TRUE(target.send("\n").has_value());
  Words arguments = trace_to(target, file("none.txt"));
  arguments.insert(arguments.end(), {"-d", "200ms"});
  JT_ASSERT_OK(Child early, start_jtrace(arguments));
  JT_ASSERT_OK(const int status, early.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << early.err();
  EXPECT_THAT(early.err(), HasSubstr("0 events"));
  JT_ASSERT_OK(Child jtrace, start_jtrace(trace_to(target, file("x.txt"))));
  ASSERT_TRUE(target.signal(SIGCONT).has_value());
  JT_ASSERT_OK(const int later, jtrace.wait_exit(kPatience));
  EXPECT_EQ(later, 0) << jtrace.err();
  const Ledger ledger = ledger_of(file("x.txt"));
  EXPECT_EQ(ledger_faults(ledger), "");
  EXPECT_EQ(count(ledger, "kept"), opens(kSomeBits, 10));
}

// ---- clocks

TEST_F(Faults, ClockThatJumps) {
  JT_ASSERT_OK(Child target, start_ready(paths(kSomeBits, 10)));
  Words argv{jtrace_binary()};
  for (const std::string& word : trace_to(target, file("x.json"))) argv.push_back(word);
  argv.insert(argv.end(), {"-f", file("x.txt"), "-d", "1s"});
  const auto begin = std::chrono::steady_clock::now();
  JT_ASSERT_OK(Child jtrace,
               Child::start(argv, {"LD_PRELOAD=" + built("libtruth_wrong_clock.so").string()}));
  ASSERT_TRUE(jtrace.wait_until("line 'jtrace: tracing'", said_tracing, kPatience).has_value());
  ASSERT_TRUE(target.send("\n").has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience / 2);
  const Ledger ledger = ledger_of(file("x.txt"));
  EXPECT_EQ(ledger_faults(ledger), "");
  EXPECT_EQ(count(ledger, "kept"), opens(kSomeBits, 10));
  // A day is 86 400 s: what it took is measured by another clock.
  JT_ASSERT_OK(const std::string json, read_text(file("x.json")));
  const auto at = json.find("\"duration_nanos\":");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::stoull(json.substr(at + 17)), 60'000'000'000ULL);
}

}  // namespace
}  // namespace jtrace::test
