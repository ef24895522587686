// SPDX-License-Identifier: Apache-2.0
#include "integration/support/stacks.h"

#include <gtest/gtest.h>

#include <string>

#include "integration/support/environment.h"
#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

TEST(Collapsed, FramesKindsAndCounts) {
  JT_ASSERT_OK(const auto stacks,
               parse_collapsed("clone3;a/B.c_[j];a/B.d_[i];a/B.e_[0];a/B.f_[1];open x 12\n"
                               "_start;main;do_sys_open_[k] 3\n"));
  ASSERT_EQ(stacks.size(), 2U);
  ASSERT_EQ(stacks[0].frames.size(), 6U);
  EXPECT_EQ(stacks[0].count, 12U);
  EXPECT_EQ(stacks[0].frames[0].kind, FrameKind::Plain);
  EXPECT_EQ(stacks[0].frames[1].name, "a/B.c");
  EXPECT_EQ(stacks[0].frames[1].kind, FrameKind::Compiled);
  EXPECT_EQ(stacks[0].frames[2].kind, FrameKind::Inlined);
  EXPECT_EQ(stacks[0].frames[3].kind, FrameKind::Interpreted);
  EXPECT_EQ(stacks[0].frames[4].kind, FrameKind::C1);
  EXPECT_EQ(stacks[0].frames[5].name, "open x");
  EXPECT_FALSE(stacks[0].frames[5].java());
  EXPECT_EQ(stacks[1].frames[2].kind, FrameKind::Kernel);
  EXPECT_FALSE(stacks[1].frames[2].java());
  EXPECT_EQ(to_text(stacks[0]), "clone3;a/B.c_[j];a/B.d_[i];a/B.e_[0];a/B.f_[1];open x");
}

TEST(Collapsed, NothingIsNoStack) {
  JT_ASSERT_OK(const auto stacks, parse_collapsed(""));
  EXPECT_TRUE(stacks.empty());
}

TEST(Collapsed, RefusesWhatIsMalformed) {
  for (const char* text : {"a;b 1", "a;b\n", "a;b x\n", "a;b 0\n", "a;b -1\n", "a;;b 1\n", " 1\n",
                           "\n", "a 1\n\n", "a 1\na 2\n", "_[j] 1\n"}) {
    EXPECT_FALSE(parse_collapsed(text).has_value()) << text;
  }
}

constexpr const char* kText =
    "event     syscalls:sys_enter_openat\n"
    "\n"
    "hottest stacks (1 of 1)\n"
    "\n"
    "  1,000 events  100.0 %\n"
    "    open64\n"
    "\n"
    "ledger\n"
    "  fired                        1,234,567\n"
    "  kept                         1,234,567\n"
    "    complete                   1,234,560\n"
    "    partial: read fault                7\n"
    "  lost: ring buffer full               0\n"
    "  recursion misses        not measurable\n"
    "\n"
    "note: 3  words\n";

TEST(LedgerText, LinesOfBothDepths) {
  JT_ASSERT_OK(const Ledger ledger, parse_ledger(kText));
  ASSERT_EQ(ledger.lines.size(), 6U);
  EXPECT_EQ(ledger.count("fired"), 1'234'567U);
  EXPECT_EQ(ledger.count("partial: read fault"), 7U);
  EXPECT_EQ(ledger.lines[2].depth, 1);
  EXPECT_EQ(ledger.lines[4].depth, 0);
  EXPECT_EQ(ledger.lines[5].name, "recursion misses");
  EXPECT_FALSE(ledger.count("recursion misses").has_value());
  EXPECT_FALSE(ledger.count("no such line").has_value());
  EXPECT_TRUE(ledger.balanced);
  EXPECT_EQ(ledger_faults(ledger), "");
}

TEST(LedgerText, FaultsAreNamed) {
  JT_ASSERT_OK(Ledger ledger, parse_ledger(kText));
  ledger.lines[2].count = 5;  // complete
  EXPECT_NE(ledger_faults(ledger).find("complete + partial 12"), std::string::npos);
  ledger.lines[4].count = 3;  // lost
  EXPECT_NE(ledger_faults(ledger).find("lost: ring buffer full: 3"), std::string::npos);
  ledger.lines[1].count = 2;  // kept
  EXPECT_NE(ledger_faults(ledger).find("fired 1234567 but kept 2"), std::string::npos);
  EXPECT_NE(ledger_faults(Ledger{}).find("missing"), std::string::npos);
}

TEST(LedgerText, SaysWhenItDoesNotAddUp) {
  JT_ASSERT_OK(const Ledger ledger,
               parse_ledger("\nledger\n  fired  2\n  ledger does not add up\n"));
  EXPECT_FALSE(ledger.balanced);
  EXPECT_NE(ledger_faults(ledger).find("does not add up"), std::string::npos);
}

TEST(LedgerText, RefusesWhatIsMalformed) {
  for (const char* text : {"", "fired  1\n", "ledger\n", "ledger\n  fired 1\n", "ledger\n  a  b\n",
                           "ledger\n  a  1.5\n"}) {
    EXPECT_FALSE(parse_ledger(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace jtrace::test
