// SPDX-License-Identifier: Apache-2.0
#include "unwind/store.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace jtrace::unwind {
namespace {

jt_rule rsp_rule(int offset) {
  jt_rule rule{};
  rule.cfa_kind = JT_CFA_RSP;
  rule.cfa_off = offset;
  rule.ra_off = -8;
  return rule;
}

// First rows of what is written until row `fails`, which is not.
std::vector<std::uint32_t> written(TableStore& store, std::optional<std::uint32_t> fails = {}) {
  std::vector<std::uint32_t> firsts;
  const Status status =
      store.write_changes([&](std::uint32_t first, std::span<const jt_row> rows) -> Status {
        if (first == fails) return fail(Errc::Environment, "no memory");
        EXPECT_EQ(rows.front().pc, store.rows()[first].pc);
        firsts.push_back(first);
        return {};
      });
  EXPECT_EQ(status.has_value(), !fails);
  return firsts;
}

TEST(TableStore, appendsAndSharesRules) {
  TableStore store(10);
  const auto first = store.add({{jt_rule{}, rsp_rule(8)}, {{0x10, 1}, {0x20, 0}}});
  const auto second = store.add({{rsp_rule(16), rsp_rule(8), jt_rule{}}, {{5, 0}, {6, 1}, {7, 2}}});
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_EQ(first->first_row, 0U);
  EXPECT_EQ(first->rows, 2U);
  EXPECT_EQ(second->first_row, 2U);
  EXPECT_EQ(second->rows, 3U);
  ASSERT_EQ(store.rows().size(), 5U);
  EXPECT_EQ(store.rules().size(), 3U);
  const auto offset_of = [&](std::size_t row) {
    return store.rules()[store.rows()[row].rule].cfa_off;
  };
  EXPECT_EQ(offset_of(0), 8);
  EXPECT_EQ(offset_of(2), 16);
  EXPECT_EQ(offset_of(3), 8);
  EXPECT_EQ(store.rows()[4].pc, 7U);
  EXPECT_EQ(store.rows()[4].rule, store.rows()[1].rule);
}

TEST(TableStore, refusesWhatDoesNotFitAndStaysAsItWas) {
  TableStore store(3);
  ASSERT_TRUE(store.add({{rsp_rule(8)}, {{1, 0}, {2, 0}}}));
  const auto refused = store.add({{rsp_rule(8)}, {{1, 0}, {2, 0}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Internal);
  EXPECT_EQ(store.rows().size(), 2U);
  const auto fits = store.add({{rsp_rule(8)}, {{9, 0}}});
  ASSERT_TRUE(fits);
  EXPECT_EQ(fits->first_row, 2U);
}

TEST(TableStore, refusesMoreRulesThanTheKernelHolds) {
  TableStore store(1000);
  UnwindTable table;
  for (int i = 0; i < JT_MAX_RULES; ++i) table.rules.push_back(rsp_rule(i));
  table.rows.push_back({1, 0});
  EXPECT_FALSE(store.add(table));  // with the rule for "none" it is one too many
  EXPECT_LE(store.rules().size(), std::size_t{JT_MAX_RULES});
  EXPECT_TRUE(store.rows().empty());
}

TEST(TableStore, givesRowsToTheNext) {
  TableStore store(4);
  const auto first = store.add({{rsp_rule(8)}, {{1, 0}, {2, 0}}});
  const auto second = store.add({{rsp_rule(8)}, {{3, 0}, {4, 0}}});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(written(store), (std::vector<std::uint32_t>{0, 2}));
  ASSERT_FALSE(store.add({{rsp_rule(8)}, {{5, 0}}}));
  EXPECT_TRUE(written(store).empty());
  store.remove(*first);
  EXPECT_EQ(store.used(), 2U);
  EXPECT_TRUE(store.has_room(2));
  EXPECT_FALSE(store.has_room(3));
  const auto third = store.add({{rsp_rule(16)}, {{5, 0}}});
  ASSERT_TRUE(third);
  EXPECT_EQ(third->first_row, 0U);
  EXPECT_EQ(store.rows()[0].pc, 5U);
  EXPECT_EQ(store.rows()[2].pc, 3U) << "others stay where they are";
  EXPECT_EQ(written(store), std::vector<std::uint32_t>{0});
}

// There is no memory for a moment: what was not written is due until it is.
TEST(TableStore, writesAgainWhatCouldNotBeWritten) {
  TableStore store(8);
  std::vector<TableStore::Span> spans;
  for (std::uint32_t pc = 1; pc <= 4; ++pc) {
    const auto span = store.add({{rsp_rule(8)}, {{pc, 0}, {pc + 10, 0}}});
    ASSERT_TRUE(span);
    spans.push_back(*span);
  }
  EXPECT_EQ(written(store, 2), (std::vector<std::uint32_t>{0}));
  store.remove(spans[2]);
  EXPECT_EQ(written(store), (std::vector<std::uint32_t>{2, 6})) << "neither 0, nor what is gone";
  EXPECT_TRUE(written(store).empty());
}

TEST(TableStore, aRowWithoutItsRuleHasNone) {
  TableStore store(10);
  ASSERT_TRUE(store.add({{rsp_rule(8)}, {{1, 77}}}));
  EXPECT_EQ(store.rules()[store.rows()[0].rule].cfa_kind, JT_CFA_INVALID);
}

}  // namespace
}  // namespace jtrace::unwind
