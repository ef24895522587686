// SPDX-License-Identifier: Apache-2.0
// No name is ever wrong: methods that are unloaded, and code that is thrown away, while jtrace
// looks up what they were called.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <tuple>

#include "integration/support/churn.h"

namespace jtrace::test {
namespace {

class NameChurn : public ::testing::TestWithParam<std::tuple<std::string, const char*>> {};

TEST_P(NameChurn, NoNameIsWrong) {
  JT_NEEDS("jdks", no_jdk());
  const auto& [name, flag] = GetParam();
  const Result<Jdk> jdk = fetch_jdk(name);
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  ChurnRun run{.flags = {"-XX:ReservedCodeCacheSize=8m"}};
  if (*flag != '\0') run.flags.emplace_back(flag);
  JT_ASSERT_OK(const Traced traced, trace(name_churn(*jdk, run)));
  JT_ASSERT_OK(const ChurnVerdict verdict, judge_churn(traced.target_output, traced.stacks));
  fmt::print("{}{}", verdict.text(), to_text(traced.ledger));
  EXPECT_EQ(verdict.wrong, 0U);
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_GT(verdict.named, 0U);
}

INSTANTIATE_TEST_SUITE_P(Jdk, NameChurn,
                         ::testing::Combine(::testing::Values("8", "11", "17", "21", "25", "26"),
                                            ::testing::Values("", "-Xint")),
                         [](const auto& cell) {
                           const bool stock = *std::get<1>(cell.param) == '\0';
                           return std::get<0>(cell.param) + (stock ? "Stock" : "Xint");
                         });

}  // namespace
}  // namespace jtrace::test
