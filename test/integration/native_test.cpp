// SPDX-License-Identifier: Apache-2.0
// Native stacks without frame pointers: whole and counted exactly, through libraries that were
// loaded before the attach and after it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

constexpr int kCount = 2000;

TEST(Native, WholeAndExact) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced traced,
               trace({built("truth_native"), std::to_string(kCount), built("libtruth_late.so")}));
  JT_ASSERT_OK(const auto truth, parse_truth(traced.target_output));
  ThreadEntries entries;
  ASSERT_TRUE(entries.add_own_libc().has_value());
  const Verdict verdict = judge(truth, traced.stacks, Chain::Native, entries);
  fmt::print("{}{}", verdict.table(), to_text(traced.ledger));
  EXPECT_EQ(verdict.performed(), 16 * kCount + 1);
  EXPECT_EQ(verdict.miscounts(), "");
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_EQ(traced.ledger.count("kept"), verdict.counted() + verdict.others_count());
  for (const PathFigures& path : verdict.paths) {
    EXPECT_GE(static_cast<double>(path.whole), 0.999 * static_cast<double>(path.performed))
        << path.example;
  }
  EXPECT_GE(traced.complete_share(), 0.999);
}

}  // namespace
}  // namespace jtrace::test
