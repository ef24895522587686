// SPDX-License-Identifier: Apache-2.0
// --check-walks: what the kernel found, found again by libdw and by HotSpot's data read from
// outside.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

class CheckWalks : public ::testing::TestWithParam<const char*> {};

TEST_P(CheckWalks, NoneDiffers) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(GetParam());
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  // What is compared depends on the machine: the second way takes longer than the first.
  constexpr std::uint64_t kEnough = 100'000;
  constexpr int kRuns = 4;
  TraceOptions options;
  options.extra = {"--check-walks"};
  std::uint64_t compared = 0;
  for (int run = 0; run < kRuns && compared < kEnough; ++run) {
    const TruthRun truth{.flags = {"-Xmx256m"}, .count = "8000"};
    JT_ASSERT_OK(const Traced traced, trace(truth_opens(*jdk, truth), options));
    fmt::print("{}", to_text(traced.ledger));
    EXPECT_EQ(ledger_faults(traced.ledger), "");
    EXPECT_EQ(traced.ledger.count("differing"), 0U) << traced.jtrace_log;
    compared += traced.ledger.count("equal").value_or(0);
  }
  EXPECT_GE(compared, kEnough);
}

INSTANTIATE_TEST_SUITE_P(Jdk, CheckWalks, ::testing::Values("17", "21"),
                         [](const auto& jdk) { return "Jdk" + std::string(jdk.param); });

}  // namespace
}  // namespace jtrace::test
