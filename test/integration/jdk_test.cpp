// SPDX-License-Identifier: Apache-2.0
// The proof on every JDK that has long-term support, and the newest: the same program, the same
// truth, in a root tree of another Debian release.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <tuple>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

class JdkFlags : public ::testing::TestWithParam<std::tuple<std::string, const char*>> {};

TEST_P(JdkFlags, WholeAndExact) {
  JT_NEEDS("jdks", no_jdk());
  const auto& [name, flag] = GetParam();
  const Result<Jdk> jdk = fetch_jdk(name);
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  TruthRun run{.flags = {}, .count = "1000"};
  if (*flag != '\0') run.flags.emplace_back(flag);
  JT_ASSERT_OK(const Traced traced, trace(truth_opens(*jdk, run)));
  JT_ASSERT_OK(const ThreadEntries entries, jdk->thread_entries());
  expect_truth(traced, traced.stacks, entries);
}

INSTANTIATE_TEST_SUITE_P(Jdk, JdkFlags,
                         ::testing::Combine(::testing::ValuesIn(jdk_names()),
                                            ::testing::Values("", "-Xint")),
                         [](const auto& cell) {
                           const bool stock = *std::get<1>(cell.param) == '\0';
                           return std::get<0>(cell.param) + (stock ? "Stock" : "Xint");
                         });

}  // namespace
}  // namespace jtrace::test
