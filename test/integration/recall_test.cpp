// SPDX-License-Identifier: Apache-2.0
// --recall: a stack that is met again is not walked again, and is the one that a walk would give.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "integration/support/churn.h"
#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

constexpr const char* kWrong = "remembered stacks that a walk did not give";
constexpr const char* kAgain = "stacks that were met again";
constexpr const char* kWrongRest = "remembered rests of stacks that a walk did not give";
constexpr const char* kRestAgain = "stacks of which all but the top was met again";

TraceOptions recall(const char* mode) {
  TraceOptions options;
  options.extra = {"--recall", mode, "--count-cost"};
  return options;
}

class Recall : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    JT_NEEDS("jdks", no_jdk());
    Result<Jdk> jdk = fetch_jdk(GetParam());
    JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
    jdk_ = *jdk;
  }
  std::optional<Jdk> jdk_;
};

// Methods are compiled, thrown away and unloaded all the time, in a code cache that is too small.
TEST_P(Recall, IsNeverWrongWhereCodeComesAndGoes) {
  ChurnRun run{.flags = {"-XX:ReservedCodeCacheSize=8m"}};
  TraceOptions options = recall("check");
  // Room for 128 walks, and more stacks: so that of many all but the top is met again.
  options.extra.insert(options.extra.end(), {"--max-memory", "64M"});
  JT_ASSERT_OK(const Traced traced, trace(name_churn(*jdk_, run), options));
  fmt::print("{}", to_text(traced.ledger));
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_EQ(traced.ledger.count(kWrong), 0U);
  EXPECT_EQ(traced.ledger.count(kWrongRest), 0U);
  EXPECT_GT(traced.ledger.count(kAgain).value_or(0), 1000U);
  EXPECT_GT(traced.ledger.count(kRestAgain).value_or(0), 100U);
}

TEST_P(Recall, IsNeverWrongOnKnownPaths) {
  const TruthRun truth{.flags = {"-Xmx256m"}, .count = "8000"};
  JT_ASSERT_OK(const Traced traced, trace(truth_opens(*jdk_, truth), recall("check")));
  fmt::print("{}", to_text(traced.ledger));
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_EQ(traced.ledger.count(kWrong), 0U);
  EXPECT_EQ(traced.ledger.count(kWrongRest), 0U);
  EXPECT_GT(traced.ledger.count(kAgain).value_or(0), traced.ledger.count("kept").value_or(0) / 2);
}

// The control: with words that count as equal whatever they are, differences are found.
TEST_P(Recall, DifferencesAreCounted) {
  ChurnRun run{.flags = {"-XX:ReservedCodeCacheSize=8m"}};
  JT_ASSERT_OK(const Traced traced, trace(name_churn(*jdk_, run), recall("blind")));
  fmt::print("{}", to_text(traced.ledger));
  EXPECT_GT(traced.ledger.count(kWrong).value_or(0), 0U);
  EXPECT_GT(traced.ledger.count(kWrongRest).value_or(0), 0U);
}

// Where no stack comes again nothing is remembered and nothing joined, for which each would be
// walked twice; what does come again is met again at once.
TEST(RecallOfStrangers, IsLeftUntilOneComesAgain) {
  JT_NEEDS("bpf", no_bpf());
  constexpr std::uint64_t kNew = 20'000, kRepeated = 5'000;
  TraceOptions options = recall("on");
  options.meanwhile = [](Child& program, Child&) -> Status {
    const auto over = [](const Child& c) { return c.out().find("over\n") != std::string::npos; };
    JT_CHECK_OK(program.wait_until("end of its work", over, kPatience));
    return program.send("\n");
  };
  JT_ASSERT_OK(const Traced traced, trace({built("truth_strangers"), "14", std::to_string(kNew),
                                           "30", std::to_string(kRepeated)},
                                          options));
  fmt::print("{}", to_text(traced.ledger));
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_EQ(traced.ledger.count("kept"), kNew + kRepeated);
  EXPECT_GT(traced.ledger.count("distinct stacks").value_or(0), kNew * 99 / 100);
  EXPECT_LT(traced.ledger.count(kRestAgain).value_or(kNew), kNew / 100);
  EXPECT_GT(traced.ledger.count(kAgain).value_or(0), kRepeated * 95 / 100);
}

INSTANTIATE_TEST_SUITE_P(Jdk, Recall, ::testing::Values("8", "17", "25"),
                         [](const auto& jdk) { return "Jdk" + std::string(jdk.param); });

}  // namespace
}  // namespace jtrace::test
