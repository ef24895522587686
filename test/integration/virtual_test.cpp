// SPDX-License-Identifier: Apache-2.0
// Virtual threads: whole stacks from the open through the continuation to the carrier's entry, also
// where most frames lie in the heap.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

class VirtualThreads : public ::testing::TestWithParam<std::tuple<std::string, const char*>> {};

TEST_P(VirtualThreads, WholeAndExact) {
  JT_NEEDS("jdks", no_jdk());
  const auto& [name, flag] = GetParam();
  const Result<Jdk> jdk = fetch_jdk(name);
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  std::vector<std::string> flags{"--add-exports", "java.base/jdk.internal.vm=ALL-UNNAMED",
                                 "-Xmx256m"};
  if (*flag != '\0') flags.emplace_back(flag);
  JT_ASSERT_OK(const Traced traced,
               trace(java_command(*jdk, flags, {"truth.TruthVirtual", "500", "2000"})));
  JT_ASSERT_OK(const ThreadEntries entries, jdk->thread_entries());
  JT_ASSERT_OK(const auto truth, parse_truth(traced.target_output));
  const Verdict verdict = judge(truth, traced.stacks, Chain::Native, entries);
  std::printf("%s%s", verdict.table().c_str(), to_text(traced.ledger).c_str());
  EXPECT_EQ(verdict.paths.size(), 6U);
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  if (named_too_late(traced)) return;
  EXPECT_EQ(verdict.miscounts(), "");
  // A collection that moves a chunk while it is read leaves a marker in its place.
  EXPECT_GE(static_cast<double>(verdict.whole()), 0.99 * static_cast<double>(verdict.performed()));
}

class VirtualThreadNames : public ::testing::TestWithParam<std::string> {};

TEST_P(VirtualThreadNames, SayWhichStacksAreTheirs) {
  JT_NEEDS("jdks", no_jdk());
  const Result<Jdk> jdk = fetch_jdk(GetParam());
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  const std::vector<std::string> flags{"--add-exports", "java.base/jdk.internal.vm=ALL-UNNAMED",
                                       "-Xmx256m"};
  TraceOptions options;
  options.extra = {"--threads"};
  JT_ASSERT_OK(const Traced traced,
               trace(java_command(*jdk, flags, {"truth.TruthVirtual", "100", "100"}), options));
  std::uint64_t on_virtual = 0;
  for (const Stack& stack : traced.stacks) {
    const bool is = std::ranges::any_of(stack.frames, [](const Frame& frame) {
      return frame.name == "java/lang/VirtualThread.run";
    });
    // The carrier's own name is details_test's business: a program that is over may not tell it.
    EXPECT_EQ(stack.frames.front().name.starts_with("[virtual thread on "), is) << to_text(stack);
    if (is) on_virtual += stack.count;
  }
  EXPECT_GT(on_virtual, 100U);
}

INSTANTIATE_TEST_SUITE_P(Jdk, VirtualThreadNames, ::testing::ValuesIn(some_of({"21", "25", "26"})),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });

INSTANTIATE_TEST_SUITE_P(Jdk, VirtualThreads,
                         ::testing::Combine(::testing::ValuesIn(some_of({"21", "25", "26"})),
                                            ::testing::Values("", "-Xint", "-XX:+UseSerialGC",
                                                              "-XX:-UseCompressedOops")),
                         [](const auto& cell) {
                           return "Jdk" + std::get<0>(cell.param) +
                                  letters_of(std::get<1>(cell.param));
                         });

}  // namespace
}  // namespace jtrace::test
