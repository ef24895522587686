// SPDX-License-Identifier: Apache-2.0
// The scenarios of support/coverage.h that are quick, on every JDK; scripts/jdk_coverage runs all.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <tuple>

#include "base/sanitized.h"
#include "integration/support/coverage.h"

namespace jtrace::test {
namespace {

// Of events that interrupt code anywhere, as sched_switch does, some meet what has no unwind info:
// libjvm's SpinPause, where threads of a collector are switched out more the busier the machine is.
constexpr double kInterrupted = 0.9;
// A class that is unloaded before its frames are named leaves them marked as such. Under a
// sanitizer that is most of them: 0.25 to 0.79 were equal.
constexpr double kChanging = kSanitized ? 0 : 0.98;
constexpr int kCount = 100;

struct Least {
  double complete = 1;
  double equal = 1;
};

Least least(const Scenario& scenario) {
  if (scenario.target == Target::VmThreads) return {kInterrupted, kInterrupted};
  if (scenario.program == "TruthChanges") return {1, kChanging};
  return {};
}

std::vector<Scenario> quick() {
  std::vector<Scenario> chosen;
  for (const Scenario& scenario : scenarios()) {
    if (scenario.quick) chosen.push_back(scenario);
  }
  return chosen;
}

using Cell = std::tuple<std::string, Scenario>;

class JdkCoverage : public ::testing::TestWithParam<Cell> {};

TEST_P(JdkCoverage, WholeAndTrue) {
  JT_NEEDS("jdks", no_jdk());
  const auto& [name, scenario] = GetParam();
  const Result<Jdk> jdk = fetch_jdk(name);
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  if (const std::string why = not_for(scenario, *jdk); !why.empty()) GTEST_SKIP() << why;
  JT_ASSERT_OK(const Coverage coverage, run_scenario(scenario, *jdk, kCount));
  fmt::print("{} events, complete {:.4f}, equal {:.4f}\n", coverage.events, coverage.complete,
             coverage.equal);
  std::string faults;
  for (const std::string& fault : coverage.faults) faults += fault + "\n";
  EXPECT_GT(coverage.events, 0U);
  if (!coverage.too_late) {
    EXPECT_GE(coverage.equal, least(scenario).equal) << faults;
  }
  EXPECT_GE(coverage.complete, least(scenario).complete) << faults;
}

std::string cell_name(const ::testing::TestParamInfo<Cell>& cell) {
  return "Jdk" + std::get<0>(cell.param) + letters_of(std::get<1>(cell.param).name);
}

INSTANTIATE_TEST_SUITE_P(Quick, JdkCoverage,
                         ::testing::Combine(::testing::ValuesIn(some_jdk_names()),
                                            ::testing::ValuesIn(quick())),
                         cell_name);

}  // namespace
}  // namespace jtrace::test
