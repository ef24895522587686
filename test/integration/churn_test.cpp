// SPDX-License-Identifier: Apache-2.0
// No name is ever wrong: methods that are unloaded, and code that is thrown away, while jtrace
// looks up what they were called.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <tuple>

#include "integration/support/churn.h"

namespace jtrace::test {
namespace {

constexpr const char* kSmallCodeCache = "-XX:ReservedCodeCacheSize=8m";

void expect_no_name_wrong(const std::string& name, const std::string& flag,
                          const TraceOptions& options = {}) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(name);
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  ChurnRun run{.flags = {kSmallCodeCache}};
  if (!flag.empty()) run.flags.push_back(flag);
  JT_ASSERT_OK(const Traced traced, trace(name_churn(*jdk, run), options));
  JT_ASSERT_OK(const ChurnVerdict verdict, judge_churn(traced.target_output, traced.stacks));
  fmt::print("{}{}", verdict.text(), to_text(traced.ledger));
  EXPECT_EQ(verdict.wrong, 0U);
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_GT(verdict.named, 0U);
}

class NameChurn : public ::testing::TestWithParam<std::tuple<std::string, const char*>> {};

TEST_P(NameChurn, NoNameIsWrong) {
  const auto& [name, flag] = GetParam();
  expect_no_name_wrong(name, flag);
}

INSTANTIATE_TEST_SUITE_P(Jdk, NameChurn,
                         ::testing::Combine(::testing::ValuesIn(some_jdk_names()),
                                            ::testing::Values("", "-Xint")),
                         [](const auto& cell) {
                           const bool stock = *std::get<1>(cell.param) == '\0';
                           return std::get<0>(cell.param) + (stock ? "Stock" : "Xint");
                         });

// No counters, so no count of unloaded classes: safepoints must do.
TEST(NameChurnWithout, Counters) { expect_no_name_wrong("17", "-XX:-UsePerfData"); }

// A tracer that is stopped half of the time finds many methods gone, and others in their place.
Status stop_and_go(Child& target, Child& jtrace) {
  using std::chrono::milliseconds;
  constexpr milliseconds kStopped{15};
  constexpr milliseconds kRunning{15};
  for (bool ended = false; !ended;) {
    JT_CHECK_OK(jtrace.signal(SIGSTOP));
    ended = target.wait_exit(kStopped).has_value();
    JT_CHECK_OK(jtrace.signal(SIGCONT));
    ended = ended || target.wait_exit(kRunning).has_value();
  }
  return {};
}

class SlowTracer : public ::testing::TestWithParam<std::string> {};

TEST_P(SlowTracer, NoNameIsWrong) {
  TraceOptions options;
  options.meanwhile = stop_and_go;
  expect_no_name_wrong(GetParam(), "", options);
}

INSTANTIATE_TEST_SUITE_P(Jdk, SlowTracer, ::testing::ValuesIn(some_jdk_names()),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });

// A map is of one moment: code that was made or replaced since has no name from it.
class PerfMapChurn : public ::testing::TestWithParam<const char*> {};

TEST_P(PerfMapChurn, NoNameIsWrong) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(GetParam());
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  TraceOptions options;
  options.extra = {"--jvm-symbols", "perfmap", "-v"};
  // The last of the classes wait for their map, which is not written again at once.
  const ChurnRun run{.flags = {kSmallCodeCache, "-Xcomp", "-XX:-Inline"},
                     .classes = 400,
                     .every = 100,
                     .linger = std::chrono::seconds(6)};
  JT_ASSERT_OK(const Traced traced, trace(name_churn(*jdk, run), options));
  JT_ASSERT_OK(const ChurnVerdict verdict, judge_churn(traced.target_output, traced.stacks));
  fmt::print("{}{}", verdict.text(), to_text(traced.ledger));
  EXPECT_EQ(verdict.wrong, 0U);
  EXPECT_GT(verdict.compiled, 0U) << traced.jtrace_log;
  EXPECT_GT(traced.ledger.count("named by perfmap").value_or(0), 0U);
  EXPECT_EQ(ledger_faults(traced.ledger), "");
}

INSTANTIATE_TEST_SUITE_P(Jdk, PerfMapChurn, ::testing::Values("17", "25"),
                         [](const auto& jdk) { return "Jdk" + std::string(jdk.param); });

}  // namespace
}  // namespace jtrace::test
