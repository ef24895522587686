// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "unwind/byte_cursor.h"
#include "unwind/cfi.h"

namespace jtrace::unwind {
namespace {

using Bytes = std::vector<std::uint8_t>;

CfiState state_with_cfa(const Bytes& expression) {
  CfiState state;
  state.cfa = {CfaRule::Kind::Expression, 0, 0, expression};
  state.ra = {RegisterRule::Kind::Offset, -8, {}};
  return state;
}

TEST(MakeRule, cfaExpressions) {
  const Bytes plain{0x77, 0x10};                          // breg7 16
  const Bytes extended{0x92, 0x06, 0x10};                 // bregx 6, 16
  const Bytes deref{0x76, 0x78, 0x06};                    // breg6 -8; deref
  const Bytes deref_plus{0x77, 0x08, 0x06, 0x23, 8};      // breg7 8; deref; plus_uconst 8
  const Bytes deref_minus{0x76, 0x00, 0x06, 0x38, 0x1c};  // breg6 0; deref; lit8; minus
  EXPECT_EQ(make_rule(state_with_cfa(plain), false).cfa_kind, JT_CFA_RSP);
  EXPECT_EQ(make_rule(state_with_cfa(plain), false).cfa_off, 16);
  EXPECT_EQ(make_rule(state_with_cfa(extended), false).cfa_kind, JT_CFA_RBP);
  EXPECT_EQ(make_rule(state_with_cfa(deref), false).cfa_kind, JT_CFA_DEREF_RBP);
  EXPECT_EQ(make_rule(state_with_cfa(deref), false).cfa_off, -8);
  EXPECT_EQ(make_rule(state_with_cfa(deref_plus), false).cfa_kind, JT_CFA_DEREF_RSP);
  EXPECT_EQ(make_rule(state_with_cfa(deref_plus), false).cfa_add, 8);
  EXPECT_EQ(make_rule(state_with_cfa(deref_minus), false).cfa_add, -8);
}

TEST(MakeRule, pltExpression) {
  Bytes plt{0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
  EXPECT_EQ(make_rule(state_with_cfa(plt), false).cfa_kind, JT_CFA_PLT);
  EXPECT_EQ(make_rule(state_with_cfa(plt), false).cfa_off, 11);
  plt[6] = 0x3a;
  EXPECT_EQ(make_rule(state_with_cfa(plt), false).cfa_off, 10);
  plt[6] = 0x4f;
  EXPECT_EQ(make_rule(state_with_cfa(plt), false).cfa_kind, JT_CFA_OTHER);
}

TEST(MakeRule, expressionsBeyondTheFormsKnownAreOther) {
  const std::vector<Bytes> unknown{
      {},                        // empty
      {0x06},                    // no base
      {0x76},                    // cut
      {0x76, 0x80},              // cut leb
      {0x76, 0x00, 0x06, 0x06},  // deref twice
      {0x73, 0x00, 0x06},        // deref of rbx
      {0x75, 0x08},              // rdi
      {0x77, 0x08, 0x38},        // literal without its operation
      {0x77, 0x08, 0x23},        // addend cut
      Bytes(1U << 20, 0x96),     // a megabyte of nops
      {0x77, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00},  // offset of 63 bits
  };
  for (const Bytes& expression : unknown) {
    EXPECT_EQ(make_rule(state_with_cfa(expression), false).cfa_kind, JT_CFA_OTHER);
  }
}

TEST(MakeRule, offsetsOutOfRange) {
  CfiState state;
  state.cfa = {CfaRule::Kind::Register, 7, 8, {}};
  state.ra = {RegisterRule::Kind::Offset, -8, {}};
  for (const std::int64_t offset :
       {std::int64_t{0}, std::int64_t{8}, std::int64_t{-12}, std::int64_t{-32776},
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    state.rbp = {RegisterRule::Kind::Offset, offset, {}};
    EXPECT_EQ(make_rule(state, false).rbp_off, JT_REG_UNKNOWN) << offset;
  }
  state.rbp.offset = -32768;
  EXPECT_EQ(make_rule(state, false).rbp_off, -32768);
  state.cfa.offset = std::int64_t{1} << 40;
  EXPECT_EQ(make_rule(state, false).cfa_kind, JT_CFA_OTHER);
}

TEST(MakeRule, nothingSaidIsInvalidOrOther) {
  EXPECT_EQ(make_rule({}, false).cfa_kind, JT_CFA_INVALID);
  CfiState state;
  state.cfa = {CfaRule::Kind::Register, 7, 8, {}};
  // A return address that nobody mentions is not said to be the thread's entry.
  EXPECT_EQ(make_rule(state, false).cfa_kind, JT_CFA_OTHER);
  state.ra.kind = RegisterRule::Kind::Undefined;
  EXPECT_EQ(make_rule(state, false).cfa_kind, JT_CFA_END);
}

TEST(ByteCursor, pastTheEndThereAreZeros) {
  const Bytes bytes{0x80, 0x80, 0x80};
  ByteCursor in(bytes);
  EXPECT_EQ(in.uleb(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_TRUE(in.take(1).empty());
  EXPECT_EQ(in.number<std::uint64_t>(), 0U);
}

TEST(ByteCursor, lebs) {
  const Bytes bytes{0xe5, 0x8e, 0x26, 0x7f, 0x80, 0x7f};
  ByteCursor in(bytes);
  EXPECT_EQ(in.uleb(), 624485U);
  EXPECT_EQ(in.sleb(), -1);
  EXPECT_EQ(in.sleb(), -128);
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.at_end());
}

TEST(RuleSet, isBounded) {
  RuleSet set;
  for (int i = 0; i < JT_MAX_RULES; ++i) {
    jt_rule rule{};
    rule.cfa_off = i;
    ASSERT_TRUE(set.intern(rule));
  }
  jt_rule one_more{};
  one_more.cfa_add = 1;
  EXPECT_FALSE(set.intern(one_more));
  EXPECT_FALSE(set.intern(one_more));
  EXPECT_EQ(set.rules().size(), std::size_t{JT_MAX_RULES});
  EXPECT_EQ(set.intern(jt_rule{}), 0U);
}

}  // namespace
}  // namespace jtrace::unwind
