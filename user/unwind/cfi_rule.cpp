// SPDX-License-Identifier: Apache-2.0
// From a CFI row to the walker's rule.
#include <dwarf.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "unwind/byte_cursor.h"
#include "unwind/cfi.h"

namespace jtrace::unwind {
namespace {

// DWARF register numbers of x86-64.
constexpr std::uint64_t kRbx = 3;
constexpr std::int64_t kRdi = 5;
constexpr std::uint64_t kRbp = 6;
constexpr std::uint64_t kRsp = 7;

// The expressions that compilers write: reg + first, or *(reg + first) + second.
struct AddressForm {
  std::uint64_t reg = 0;
  std::int64_t first = 0;
  bool deref = false;
  std::int64_t second = 0;
};

bool fits_int32(std::int64_t value) {
  return value >= std::numeric_limits<std::int32_t>::min() &&
         value <= std::numeric_limits<std::int32_t>::max();
}

// One "+ constant" step; false where the operation is another.
bool parse_addend(ByteCursor& in, std::uint8_t op, std::int64_t& sum) {
  std::uint64_t value = 0;
  if (op == DW_OP_plus_uconst) {
    value = in.uleb();
  } else {
    if (op >= DW_OP_lit0 && op <= DW_OP_lit31) {
      value = op - DW_OP_lit0;
    } else if (op == DW_OP_const1u) {
      value = in.number<std::uint8_t>();
    } else if (op == DW_OP_const1s) {
      value = static_cast<std::uint64_t>(std::int64_t{in.number<std::int8_t>()});
    } else if (op == DW_OP_const2u) {
      value = in.number<std::uint16_t>();
    } else if (op == DW_OP_const2s) {
      value = static_cast<std::uint64_t>(std::int64_t{in.number<std::int16_t>()});
    } else if (op == DW_OP_const4s) {
      value = static_cast<std::uint64_t>(std::int64_t{in.number<std::int32_t>()});
    } else if (op == DW_OP_consts) {
      value = static_cast<std::uint64_t>(in.sleb());
    } else {
      return false;
    }
    const auto how = in.number<std::uint8_t>();
    if (how == DW_OP_minus) value = 0 - value;
    if (how != DW_OP_plus && how != DW_OP_minus) return false;
  }
  sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) + value);
  return in.ok();
}

std::optional<AddressForm> parse_address(std::span<const std::uint8_t> expression) {
  // Evaluated at every row, so a long one would make the whole quadratic.
  constexpr std::size_t kMaxExpression = 64;
  if (expression.size() > kMaxExpression) return std::nullopt;
  ByteCursor in(expression);
  AddressForm form;
  const auto base = in.number<std::uint8_t>();
  if (base >= DW_OP_breg0 && base <= DW_OP_breg31) {
    form.reg = base - DW_OP_breg0;
  } else if (base == DW_OP_bregx) {
    form.reg = in.uleb();
  } else {
    return std::nullopt;
  }
  form.first = in.sleb();
  while (!in.at_end()) {
    const auto op = in.number<std::uint8_t>();
    if (op == DW_OP_nop) continue;
    if (op == DW_OP_deref && !form.deref) {
      form.deref = true;
    } else if (!parse_addend(in, op, form.deref ? form.second : form.first)) {
      return std::nullopt;
    }
  }
  if (!in.ok() || !fits_int32(form.first) || !fits_int32(form.second)) return std::nullopt;
  return form;
}

// ld's lazy PLT: rsp + 8, and 8 more once the entry has pushed its index; where in the 16-byte
// entry that is differs with IBT.
std::optional<std::int32_t> parse_plt(std::span<const std::uint8_t> expression) {
  constexpr std::array<std::uint8_t, 11> kPlt{DW_OP_breg7, 8,         DW_OP_breg16, 0,
                                              DW_OP_lit15, DW_OP_and, DW_OP_lit0,   DW_OP_ge,
                                              DW_OP_lit3,  DW_OP_shl, DW_OP_plus};
  constexpr std::size_t kLiteral = 6;
  if (expression.size() != kPlt.size()) return std::nullopt;
  for (std::size_t i = 0; i < kPlt.size(); ++i) {
    if (i != kLiteral && expression[i] != kPlt[i]) return std::nullopt;
  }
  const int literal = expression[kLiteral] - DW_OP_lit0;
  if (literal < 0 || literal > 15) return std::nullopt;
  return literal;
}

void set_register_cfa(jt_rule& rule, std::uint64_t reg, std::int64_t offset) {
  rule.cfa_kind = reg == kRsp   ? JT_CFA_RSP
                  : reg == kRbp ? JT_CFA_RBP
                  : reg == kRbx ? JT_CFA_RBX
                                : JT_CFA_OTHER;
  if (!fits_int32(offset)) rule.cfa_kind = JT_CFA_OTHER;
  if (rule.cfa_kind != JT_CFA_OTHER) rule.cfa_off = static_cast<std::int32_t>(offset);
}

void set_cfa(jt_rule& rule, const CfaRule& cfa) {
  rule.cfa_kind = JT_CFA_OTHER;
  if (cfa.kind == CfaRule::Kind::None) rule.cfa_kind = JT_CFA_INVALID;
  if (cfa.kind == CfaRule::Kind::Register) set_register_cfa(rule, cfa.reg, cfa.offset);
  if (cfa.kind != CfaRule::Kind::Expression) return;
  if (const auto literal = parse_plt(cfa.expression)) {
    rule.cfa_kind = JT_CFA_PLT;
    rule.cfa_off = *literal;
  } else if (const auto form = parse_address(cfa.expression); form && !form->deref) {
    set_register_cfa(rule, form->reg, form->first);
  } else if (form && (form->reg == kRbp || form->reg == kRsp)) {
    rule.cfa_kind = form->reg == kRbp ? JT_CFA_DEREF_RBP : JT_CFA_DEREF_RSP;
    rule.cfa_off = static_cast<std::int32_t>(form->first);
    rule.cfa_add = static_cast<std::int32_t>(form->second);
  }
}

// Offset from the CFA where a register is saved, if that is how it is saved.
std::optional<std::int16_t> saved_at(const jt_rule& rule, const RegisterRule& reg) {
  std::int64_t offset = reg.offset;
  if (reg.kind == RegisterRule::Kind::Expression) {
    // "at rsp + k" where the CFA is rsp + c is "at CFA + k - c".
    const auto form = parse_address(reg.expression);
    if (!form || form->deref) return std::nullopt;
    const bool same_base = (rule.cfa_kind == JT_CFA_RSP && form->reg == kRsp) ||
                           (rule.cfa_kind == JT_CFA_RBP && form->reg == kRbp) ||
                           (rule.cfa_kind == JT_CFA_RBX && form->reg == kRbx);
    if (!same_base) return std::nullopt;
    offset = form->first - rule.cfa_off;
  } else if (reg.kind != RegisterRule::Kind::Offset) {
    return std::nullopt;
  }
  constexpr std::int64_t kLowest = std::numeric_limits<std::int16_t>::min();
  if (offset < kLowest || offset > -8 || offset % 8 != 0) return std::nullopt;
  return static_cast<std::int16_t>(offset);
}

std::int16_t register_slot(const jt_rule& rule, const RegisterRule& reg) {
  // Callee-saved registers that no instruction names are unchanged (psABI).
  if (reg.kind == RegisterRule::Kind::Same || reg.kind == RegisterRule::Kind::Unset) {
    return JT_REG_SAME;
  }
  return saved_at(rule, reg).value_or(JT_REG_UNKNOWN);
}

// Where a register lies counted from rbp: functions that realign their stack and still need the CFA
// (gcc's dynamic realignment) save registers at fixed places below rbp, at no fixed distance from
// the CFA. rbp itself is at rbp + 0, so with JT_RULE_SAVED_AT_RBP an rbp_off of 0 is a place and
// not JT_REG_SAME; rbx_off keeps its meaning.
std::optional<std::int16_t> saved_at_rbp(const RegisterRule& reg, std::int64_t highest) {
  if (reg.kind != RegisterRule::Kind::Expression) return std::nullopt;
  const auto form = parse_address(reg.expression);
  constexpr std::int64_t kLowest = std::numeric_limits<std::int16_t>::min();
  if (!form || form->deref || form->reg != kRbp || form->first < kLowest || form->first > highest ||
      form->first % 8 != 0) {
    return std::nullopt;
  }
  return static_cast<std::int16_t>(form->first);
}

void set_registers(jt_rule& rule, const CfiState& state) {
  const auto rbp = rule.cfa_kind == JT_CFA_RBP ? std::nullopt : saved_at_rbp(state.rbp, 0);
  if (!rbp) {
    rule.rbp_off = register_slot(rule, state.rbp);
    rule.rbx_off = register_slot(rule, state.rbx);
    return;
  }
  rule.flags = JT_RULE_SAVED_AT_RBP;
  rule.rbp_off = *rbp;
  const bool same =
      state.rbx.kind == RegisterRule::Kind::Same || state.rbx.kind == RegisterRule::Kind::Unset;
  rule.rbx_off = same ? std::int16_t{JT_REG_SAME}
                      : saved_at_rbp(state.rbx, -8).value_or(std::int16_t{JT_REG_UNKNOWN});
}

}  // namespace

jt_rule make_rule(const CfiState& state, bool signal_frame) {
  jt_rule rule{};
  if (state.ra.kind == RegisterRule::Kind::Undefined) {
    rule.cfa_kind = JT_CFA_END;
    return rule;
  }
  // The mark alone is not enough: hand-written code also sets it where it only wants pc looked up
  // exactly. The frames of rt_sigreturn compute the CFA from the ucontext.
  if (signal_frame && state.cfa.kind == CfaRule::Kind::Expression) {
    rule.cfa_kind = JT_CFA_SIGNAL;
    return rule;
  }
  set_cfa(rule, state.cfa);
  if (rule.cfa_kind == JT_CFA_INVALID || rule.cfa_kind == JT_CFA_OTHER) return rule;
  if (state.ra.kind == RegisterRule::Kind::Register && state.ra.offset == kRdi &&
      rule.cfa_kind == JT_CFA_RSP) {
    rule.cfa_kind = JT_CFA_IN_RDI;
    return rule;
  }
  const auto ra = saved_at(rule, state.ra);
  if (!ra) {
    // In another register, or not said at all.
    jt_rule other{};
    other.cfa_kind = JT_CFA_OTHER;
    return other;
  }
  rule.ra_off = *ra;
  set_registers(rule, state);
  return rule;
}

}  // namespace jtrace::unwind
