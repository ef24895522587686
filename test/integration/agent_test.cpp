// SPDX-License-Identifier: Apache-2.0
// --jvm-symbols agent: names from the log of the agent inside the JVM are those that are read from
// outside, never wrong ones, and there when the JVM is not any more.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "integration/support/churn.h"
#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

constexpr const char* kAgent = "-agentpath:{here}/libjtrace-agent.so";

TraceOptions source(const std::string& name) {
  TraceOptions options;
  options.extra = {"--jvm-symbols", name};
  return options;
}

Result<Traced> opens(const Jdk& jdk, const std::string& from, const std::string& agent = kAgent) {
  return trace(truth_opens(jdk, {.flags = {"-Xmx256m", agent}, .count = "1000"}), source(from));
}

std::uint64_t count(const Traced& traced, std::string_view name) {
  return traced.ledger.count(name).value_or(0);
}

constexpr const char* kByAgent = "named by agent";
constexpr const char* kUnnamed = "unnamed: no source of Java names";

// Frames of Java that have no name, for whatever reason.
std::uint64_t java_unnamed(const Traced& traced) {
  std::uint64_t all = 0;
  for (const char* reason :
       {kUnnamed, "unnamed: target exited", "unnamed: compiled code was replaced",
        "unnamed: JVM data made no sense", "unnamed: classes were unloaded before it was read"}) {
    all += count(traced, reason);
  }
  return all;
}

class Agent : public ::testing::TestWithParam<std::string> {};

// The same program, named from either source: by the judge both are the truth, to the last frame.
TEST_P(Agent, NamesAreTheTruth) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(GetParam());
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  JT_ASSERT_OK(const ThreadEntries entries, jdk->thread_entries());
  JT_ASSERT_OK(const Traced traced, opens(*jdk, "agent"));
  expect_truth(traced, traced.stacks, entries);
  EXPECT_GT(count(traced, kByAgent), 0U);
  EXPECT_EQ(count(traced, kUnnamed), 0U);
}

// One event in the middle of a stack is enough to make its text another one: compared are whole
// stacks of one path each, as sets, for which of them is compiled when differs from run to run.
using Texts = std::map<std::string, std::uint64_t>;

// Java frames without what is compiled how: pkg/Class.method from root to leaf.
Texts java_texts(const std::vector<Stack>& stacks) {
  Texts texts;
  for (const Stack& stack : stacks) {
    std::string text;
    for (const Frame& frame : stack.frames) {
      if (frame.java()) text += frame.name + ';';
    }
    if (text.find("truth/TruthOpens") != std::string::npos) texts[text] += stack.count;
  }
  return texts;
}

class AgentAndTables : public Agent {};

TEST_P(AgentAndTables, StacksAreThoseOfVmStructs) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(GetParam());
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  JT_ASSERT_OK(const Traced by_agent, opens(*jdk, "agent"));
  JT_ASSERT_OK(const Traced by_tables, opens(*jdk, "vmstructs"));
  const Texts agent = java_texts(by_agent.stacks);
  const Texts tables = java_texts(by_tables.stacks);
  for (const auto& [text, n] : agent) {
    const auto it = tables.find(text);
    EXPECT_TRUE(it != tables.end() && it->second == n)
        << text << ": " << n << " by the agent, " << (it == tables.end() ? 0 : it->second);
  }
  EXPECT_EQ(agent.size(), tables.size());
}

TEST_P(Agent, ChurnHasNoWrongName) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(GetParam());
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  const ChurnRun run{.flags = {"-XX:ReservedCodeCacheSize=8m", kAgent}};
  for (const char* from : {"agent", "auto"}) {
    JT_ASSERT_OK(const Traced traced, trace(name_churn(*jdk, run), source(from)));
    JT_ASSERT_OK(const ChurnVerdict verdict, judge_churn(traced.target_output, traced.stacks));
    fmt::print("{}: {}{}", from, verdict.text(), to_text(traced.ledger));
    EXPECT_EQ(verdict.wrong, 0U);
    EXPECT_GT(verdict.compiled, 0U);
    EXPECT_EQ(ledger_faults(traced.ledger), "");
  }
}

// A log with room for a few methods: the rest has no names, and the program goes on as ever.
TEST_P(Agent, AFullLogCostsNamesAndNothingElse) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(GetParam());
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  JT_ASSERT_OK(const Traced traced, opens(*jdk, "agent", std::string(kAgent) + "=cap=16384"));
  EXPECT_EQ(traced.target_status, 0);
  EXPECT_GT(count(traced, kUnnamed), 0U);
  EXPECT_NE(traced.jtrace_log.find("records: frames without names"), std::string::npos)
      << traced.jtrace_log;
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_GE(traced.complete_share(), 0.999);
}

// Code that was made, and its JVM gone, within 300 ms: the log outlives it.
TEST_P(Agent, AShortLifeIsNamedWhole) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(GetParam());
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  const auto target = java_command(*jdk, {"-Xmx256m", kAgent}, {"truth.ShortLived", "300"});
  JT_ASSERT_OK(const Traced traced, trace(target, source("agent")));
  fmt::print("{}", to_text(traced.ledger));
  const std::uint64_t compiled =
      count(traced, "java compiled by C1") + count(traced, "java compiled by C2");
  EXPECT_EQ(traced.target_status, 0);
  EXPECT_GT(compiled, 0U);
  EXPECT_GE(count(traced, kByAgent), compiled);
  EXPECT_EQ(count(traced, kUnnamed), 0U);
}

// The whole life of a JVM, from its exec on: what ran before anybody looked at it, and what ended
// with it. Without a word of how names are to be had, too.
TEST_P(Agent, AShortLifeIsNamedWholeFromItsExecOn) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(GetParam());
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  std::vector<std::string> target{"/bin/sh", "-c", R"(echo ready; read x; exec "$@")", "sh"};
  const auto java = java_command(*jdk, {"-Xmx256m", kAgent}, {"truth.ShortLived", "300", "now"});
  target.insert(target.end(), java.begin(), java.end());
  for (const char* from : {"agent", "auto"}) {
    // What is read from its memory is read while it is there (java_targets_test).
    if (from == std::string_view("auto")) target.emplace_back("200");
    JT_ASSERT_OK(const Traced traced, trace(target, source(from)));
    fmt::print("{}: {}", from, to_text(traced.ledger));
    const std::uint64_t compiled =
        count(traced, "java compiled by C1") + count(traced, "java compiled by C2");
    EXPECT_EQ(traced.target_status, 0);
    EXPECT_GT(compiled, 0U);
    EXPECT_EQ(java_unnamed(traced), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Jdk, AgentAndTables, ::testing::ValuesIn(some_jdk_names()),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });
INSTANTIATE_TEST_SUITE_P(Jdk, Agent, ::testing::ValuesIn(some_jdk_names()),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });

TEST(AgentMissing, IsSaid) {
  JT_NEEDS("java", no_jdk());
  const TruthRun run{.flags = {"-Xmx256m", "-XX:+DisableAttachMechanism"}, .count = "100"};
  JT_ASSERT_OK(const Traced traced, trace(truth_opens(own_jdk(), run), source("agent")));
  EXPECT_NE(traced.jtrace_log.find("its compiled frames have no names"), std::string::npos)
      << traced.jtrace_log;
  EXPECT_GT(count(traced, kUnnamed), 0U);
  EXPECT_EQ(count(traced, kByAgent), 0U);
}

// ---- loaded into a JVM that runs, by JDK 17's own tool

Status load(pid_t pid, const std::string& option = {}) {
  std::vector<std::string> argv{jdk() / "bin/jcmd", std::to_string(pid), "JVMTI.agent_load",
                                built("libjtrace-agent.so")};
  if (!option.empty()) argv.push_back(option);
  JT_TRY(Child jcmd, Child::start(argv));
  JT_TRY(const int status, jcmd.wait_exit(kPatience));
  if (status == 0 && jcmd.out().find("return code: 0") != std::string::npos) return {};
  return fail(Errc::Internal, "jcmd: " + jcmd.out() + jcmd.err());
}

// Descriptors of logs that a process has open.
int logs_of(pid_t pid) {
  int logs = 0;
  std::error_code error;
  for (const auto& fd : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid))) {
    const auto link = std::filesystem::read_symlink(fd.path(), error).string();
    logs += link.find("/memfd:jtrace-jvm-symbols") == 0 ? 1 : 0;
  }
  return logs;
}

TruthRun some_opens() { return {.flags = {"-Xmx256m"}, .count = "1000"}; }

void expect_named_whole(const Traced& traced) {
  JT_ASSERT_OK(const ThreadEntries entries, own_jdk().thread_entries());
  expect_truth(traced, traced.stacks, entries);
  EXPECT_GT(count(traced, kByAgent), 0U);
  EXPECT_EQ(count(traced, kUnnamed), 0U);
  EXPECT_EQ(traced.target_status, 0);
}

TEST(AgentAttached, TwiceIsOnce) {
  JT_NEEDS("java", no_jdk());
  TraceOptions options = source("agent");
  options.before_attach = [](pid_t pid) -> Status {
    JT_CHECK_OK(load(pid));
    JT_CHECK_OK(load(pid));
    if (logs_of(pid) != 1) return fail(Errc::Internal, "there is not one log");
    return {};
  };
  JT_ASSERT_OK(const Traced traced, trace(truth_opens(own_jdk(), some_opens()), options));
  expect_named_whole(traced);
}

TEST(AgentAttached, EndsWhenToldToAndStartsAgain) {
  JT_NEEDS("java", no_jdk());
  TraceOptions options = source("agent");
  options.before_attach = [](pid_t pid) -> Status {
    JT_CHECK_OK(load(pid));
    JT_CHECK_OK(load(pid, "stop"));
    if (logs_of(pid) != 0) return fail(Errc::Internal, "a log is left");
    JT_CHECK_OK(load(pid));
    return {};
  };
  JT_ASSERT_OK(const Traced traced, trace(truth_opens(own_jdk(), some_opens()), options));
  expect_named_whole(traced);
}

// One tracer is killed, the other told to stop would take the log of the third: it is still read.
TEST(AgentAttached, OutlivesItsReadersAndServesTheOthers) {
  JT_NEEDS("java", no_jdk());
  TraceOptions options = source("agent");
  options.before_attach = [](pid_t pid) { return load(pid); };
  options.before_go = [](pid_t pid) -> Status {
    const std::string name = std::to_string(pid);
    {
      const TemporaryDirectory folder;
      JT_TRY(const Child killed,
             start_jtrace({"-p", name, "-t", "syscalls:sys_enter_close", "--jvm-symbols", "agent",
                           "-f", folder.path() / "out.txt"}));
      JT_CHECK_OK(killed.signal(SIGKILL));
    }
    JT_CHECK_OK(load(pid, "stop"));
    if (logs_of(pid) != 1) return fail(Errc::Internal, "a log that is read was closed");
    return {};
  };
  JT_ASSERT_OK(const Traced traced, trace(truth_opens(own_jdk(), some_opens()), options));
  expect_named_whole(traced);
}

// Beyond the limit a write is a signal, not an error.
TEST(AgentAttached, KeepsTheLimitOfFileSizes) {
  JT_NEEDS("java", no_jdk());
  std::vector<std::string> target{"prlimit", "--fsize=65536"};
  const auto java = truth_opens(own_jdk(), {.flags = {"-Xmx256m", kAgent}, .count = "1000"});
  target.insert(target.end(), java.begin(), java.end());
  JT_ASSERT_OK(const Traced traced, trace(target, source("agent")));
  EXPECT_EQ(traced.target_status, 0);
  EXPECT_GT(count(traced, kByAgent), 0U);
  EXPECT_GT(count(traced, kUnnamed), 0U);
  EXPECT_EQ(ledger_faults(traced.ledger), "");
}

}  // namespace
}  // namespace jtrace::test
