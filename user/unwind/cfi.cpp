// SPDX-License-Identifier: Apache-2.0
#include "unwind/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_map>

#include "unwind/byte_cursor.h"

namespace jtrace::unwind {
namespace {

constexpr std::size_t kMaxRows = 8U << 20;  // before neighbours are merged
constexpr std::size_t kMaxCies = 1U << 16;
constexpr std::size_t kMaxRemembered = 64;  // compilers nest remember_state two or three deep
constexpr std::uint64_t kAddressLimit = std::numeric_limits<std::uint32_t>::max();

struct Cie {
  CfiState initial;
  std::uint64_t code_align = 1;
  std::int64_t data_align = 1;
  std::uint64_t ra_register = 16;
  std::uint8_t encoding = DW_EH_PE_absptr;
  bool sized_augmentation = false;  // "z": an FDE says how long its augmentation is
  bool signal_frame = false;
  bool usable = false;
};

// Runs the instructions of one CIE or FDE. At each change of pc the row that ended is handed on.
template <class OnRow>
class Machine {
 public:
  Machine(const Cie& cie, CfiState start, std::uint64_t pc, OnRow on_row)
      : cie_(cie), state_(start), pc_(pc), on_row_(on_row) {}

  // False where the instructions are damaged or of another architecture.
  bool run(std::span<const std::uint8_t> code) {
    ByteCursor in(code);
    while (!in.at_end()) {
      if (!step(in) || !in.ok()) return false;
    }
    return true;
  }

  [[nodiscard]] const CfiState& state() const { return state_; }
  [[nodiscard]] std::uint64_t pc() const { return pc_; }

 private:
  using Kind = RegisterRule::Kind;

  bool step(ByteCursor& in) {
    const auto op = in.number<std::uint8_t>();
    const std::uint8_t low = op & 0x3f;
    switch (op & 0xc0) {
      case DW_CFA_advance_loc:
        return advance(low);
      case DW_CFA_offset:
        return set(low, {Kind::Offset, scaled(in.uleb()), {}});
      case DW_CFA_restore:
        return restore(low);
      default:
        break;
    }
    switch (op) {
      case DW_CFA_nop:
        return true;
      case DW_CFA_advance_loc1:
        return advance(in.number<std::uint8_t>());
      case DW_CFA_advance_loc2:
        return advance(in.number<std::uint16_t>());
      case DW_CFA_advance_loc4:
        return advance(in.number<std::uint32_t>());
      case DW_CFA_remember_state:
        if (remembered_.size() >= kMaxRemembered) return false;
        remembered_.push_back(state_);
        return true;
      case DW_CFA_restore_state:
        if (remembered_.empty()) return false;
        state_ = remembered_.back();
        remembered_.pop_back();
        return true;
      case DW_CFA_GNU_args_size:
        (void)in.uleb();
        return true;
      default:
        return step_cfa(op, in) || step_register(op, in);
    }
  }

  bool step_cfa(std::uint8_t op, ByteCursor& in) {
    CfaRule& cfa = state_.cfa;
    switch (op) {
      case DW_CFA_def_cfa:
      case DW_CFA_def_cfa_sf: {
        const std::uint64_t reg = in.uleb();
        const std::int64_t offset =
            op == DW_CFA_def_cfa ? static_cast<std::int64_t>(in.uleb()) : scaled_signed(in.sleb());
        cfa = {CfaRule::Kind::Register, reg, offset, {}};
        return true;
      }
      case DW_CFA_def_cfa_register:
        cfa.reg = in.uleb();
        return cfa.kind == CfaRule::Kind::Register;
      case DW_CFA_def_cfa_offset:
        cfa.offset = static_cast<std::int64_t>(in.uleb());
        return cfa.kind == CfaRule::Kind::Register;
      case DW_CFA_def_cfa_offset_sf:
        cfa.offset = scaled_signed(in.sleb());
        return cfa.kind == CfaRule::Kind::Register;
      case DW_CFA_def_cfa_expression:
        cfa = {CfaRule::Kind::Expression, 0, 0, in.take(in.uleb())};
        return true;
      default:
        return false;
    }
  }

  bool step_register(std::uint8_t op, ByteCursor& in) {
    const std::uint64_t reg = in.uleb();
    switch (op) {
      case DW_CFA_offset_extended:
        return set(reg, {Kind::Offset, scaled(in.uleb()), {}});
      case DW_CFA_offset_extended_sf:
        return set(reg, {Kind::Offset, scaled_signed(in.sleb()), {}});
      case DW_CFA_GNU_negative_offset_extended:
        return set(reg, {Kind::Offset, scaled(0 - in.uleb()), {}});
      case DW_CFA_restore_extended:
        return restore(reg);
      case DW_CFA_undefined:
        return set(reg, {Kind::Undefined, 0, {}});
      case DW_CFA_same_value:
        return set(reg, {Kind::Same, 0, {}});
      case DW_CFA_expression:
        return set(reg, {Kind::Expression, 0, in.take(in.uleb())});
      case DW_CFA_val_expression:
        (void)in.take(in.uleb());
        return set(reg, {Kind::Other, 0, {}});
      case DW_CFA_register:
        return set(reg, {Kind::Register, static_cast<std::int64_t>(in.uleb()), {}});
      case DW_CFA_val_offset:
      case DW_CFA_val_offset_sf:
        (void)in.uleb();
        return set(reg, {Kind::Other, 0, {}});
      default:  // set_loc included: no x86-64 tool writes it
        return false;
    }
  }

  bool advance(std::uint64_t delta) {
    on_row_(pc_, state_);
    pc_ += delta * cie_.code_align;
    return pc_ <= kAddressLimit;
  }

  RegisterRule* find(CfiState& state, std::uint64_t reg) const {
    if (reg == cie_.ra_register) return &state.ra;
    if (reg == 6) return &state.rbp;
    if (reg == 3) return &state.rbx;
    return nullptr;
  }
  bool set(std::uint64_t reg, RegisterRule rule) {
    if (RegisterRule* slot = find(state_, reg)) *slot = rule;
    return true;
  }
  bool restore(std::uint64_t reg) {
    CfiState initial = cie_.initial;
    if (RegisterRule* slot = find(state_, reg)) *slot = *find(initial, reg);
    return true;
  }
  [[nodiscard]] std::int64_t scaled(std::uint64_t value) const {
    return static_cast<std::int64_t>(value * static_cast<std::uint64_t>(cie_.data_align));
  }
  [[nodiscard]] std::int64_t scaled_signed(std::int64_t value) const {
    return scaled(static_cast<std::uint64_t>(value));
  }

  const Cie& cie_;
  CfiState state_;
  std::uint64_t pc_;
  OnRow on_row_;
  std::vector<CfiState> remembered_;
};

// A pointer of an FDE or of augmentation data; nullopt for forms that x86-64 tools do not write.
std::optional<std::uint64_t> read_pointer(ByteCursor& in, std::uint8_t encoding) {
  std::uint64_t value = 0;
  switch (encoding & 0x0f) {
    case DW_EH_PE_absptr:
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8:
      value = in.number<std::uint64_t>();
      break;
    case DW_EH_PE_udata4:
      value = in.number<std::uint32_t>();
      break;
    case DW_EH_PE_sdata4:
      value = static_cast<std::uint64_t>(std::int64_t{in.number<std::int32_t>()});
      break;
    case DW_EH_PE_udata2:
      value = in.number<std::uint16_t>();
      break;
    case DW_EH_PE_sdata2:
      value = static_cast<std::uint64_t>(std::int64_t{in.number<std::int16_t>()});
      break;
    default:
      return std::nullopt;
  }
  if (!in.ok()) return std::nullopt;
  return value;
}

// Reads the augmentation; false where it holds something we cannot skip.
bool read_augmentation(const Dwarf_CIE& raw, Cie& cie) {
  const char* letters = raw.augmentation;
  if (letters == nullptr || *letters == '\0') return true;
  if (*letters != 'z') return false;
  cie.sized_augmentation = true;
  ByteCursor in({raw.augmentation_data, raw.augmentation_data_size});
  for (++letters; *letters != '\0'; ++letters) {
    switch (*letters) {
      case 'R':
        cie.encoding = in.number<std::uint8_t>();
        break;
      case 'L':
        (void)in.number<std::uint8_t>();
        break;
      case 'P':
        // Aligned or leb pointers cannot be skipped without more; nobody writes them.
        if (!read_pointer(in, in.number<std::uint8_t>())) return false;
        break;
      case 'S':
        cie.signal_frame = true;
        break;
      case 'B':
        break;
      default:
        return false;
    }
  }
  return in.ok();
}

Cie make_cie(const Dwarf_CIE& raw) {
  Cie cie;
  cie.code_align = raw.code_alignment_factor;
  cie.data_align = raw.data_alignment_factor;
  cie.ra_register = raw.return_address_register;
  if (!read_augmentation(raw, cie)) return cie;
  if (raw.initial_instructions == nullptr ||
      raw.initial_instructions > raw.initial_instructions_end) {
    return cie;
  }
  Machine machine(cie, {}, 0, [](std::uint64_t, const CfiState&) {});
  cie.usable = machine.run({raw.initial_instructions, raw.initial_instructions_end});
  cie.initial = machine.state();
  return cie;
}

class Evaluator {
 public:
  Evaluator(const CfiSection& cfi, std::span<const ElfFile::Range> code, RuleSet& rules)
      : cfi_(cfi), code_(code), rules_(rules) {}

  // Twice over the section: in .debug_frame an entry may come before its CIE, and looking a CIE up
  // at whatever offset an entry names would let a hostile file have it parsed without end.
  Result<CfiRows> run() {
    for_each([this](Dwarf_Off offset, const Dwarf_CFI_Entry& entry) {
      if (!dwarf_cfi_cie_p(&entry)) return;
      overflow_ = overflow_ || cies_.size() >= kMaxCies;
      if (!overflow_) cies_.try_emplace(offset, make_cie(entry.cie));
    });
    for_each([this](Dwarf_Off, const Dwarf_CFI_Entry& entry) {
      if (!dwarf_cfi_cie_p(&entry)) add_fde(entry.fde);
    });
    if (overflow_) return fail(Errc::Target, "too many unwind entries, rows or rules");
    return std::move(out_);
  }

 private:
  template <class F>
  void for_each(F visit) {
    const auto* ident = reinterpret_cast<const unsigned char*>(cfi_.ident);
    for (Dwarf_Off offset = 0; !overflow_ && offset < cfi_.section.bytes.size();) {
      Dwarf_CFI_Entry entry;
      Dwarf_Off next = offset;
      const int rc = dwarf_next_cfi(ident, cfi_.section.data, cfi_.eh_frame, offset, &next, &entry);
      if (rc > 0) return;
      if (rc == 0) visit(offset, entry);
      // An entry that cannot be read may still say where the next one is.
      if (next <= offset) return;
      offset = next;
    }
  }

  [[nodiscard]] std::optional<std::uint64_t> read_start(ByteCursor& in, const Cie& cie) const {
    const std::uint64_t field =
        cfi_.section.address +
        static_cast<std::uint64_t>(in.rest().data() - cfi_.section.bytes.data());
    const auto value = read_pointer(in, cie.encoding);
    if (!value || (cie.encoding & DW_EH_PE_indirect) != 0) return std::nullopt;
    switch (cie.encoding & 0x70) {
      case DW_EH_PE_absptr:
        return value;
      case DW_EH_PE_pcrel:
        return field + *value;
      default:
        return std::nullopt;
    }
  }

  void add_fde(const Dwarf_FDE& raw) {
    const auto found = cies_.find(raw.CIE_pointer);
    if (found == cies_.end()) return;
    const Cie* cie = &found->second;
    if (!cie->usable || raw.start == nullptr || raw.start > raw.end) return;
    ByteCursor in({raw.start, raw.end});
    const auto start = read_start(in, *cie);
    const auto size = read_pointer(in, cie->encoding & 0x07);  // unsigned
    if (cie->sized_augmentation) (void)in.take(in.uleb());
    if (!start || !size || *size == 0 || !in.ok()) return;
    const auto home = std::ranges::find_if(code_, [&](const ElfFile::Range& range) {
      return *start >= range.start && *start < range.end;
    });
    if (home == code_.end()) return;
    const std::uint64_t end = *start + std::min(*size, home->end - *start);
    emit(*cie, *start, end, in.rest());
  }

  void emit(const Cie& cie, std::uint64_t start, std::uint64_t end,
            std::span<const std::uint8_t> code) {
    const std::size_t first = out_.rows.size();
    const auto on_row = [&](std::uint64_t pc, const CfiState& state) {
      if (pc < end) add_row(first, pc, state, cie.signal_frame);
    };
    Machine machine(cie, cie.initial, start, on_row);
    if (!machine.run(code) || overflow_) {
      out_.rows.resize(first);
      return;
    }
    on_row(machine.pc(), machine.state());
    out_.ranges.push_back({static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(end),
                           static_cast<std::uint32_t>(first),
                           static_cast<std::uint32_t>(out_.rows.size() - first)});
  }

  void add_row(std::size_t first, std::uint64_t pc, const CfiState& state, bool signal_frame) {
    if (overflow_) return;
    const auto rule = rules_.intern(make_rule(state, signal_frame));
    if (!rule || out_.rows.size() >= kMaxRows) {
      overflow_ = true;
      return;
    }
    const jt_row row{static_cast<std::uint32_t>(pc), *rule};
    if (out_.rows.size() > first && out_.rows.back().pc == row.pc) {
      out_.rows.back() = row;
    } else {
      out_.rows.push_back(row);
    }
  }

  const CfiSection& cfi_;
  std::span<const ElfFile::Range> code_;
  RuleSet& rules_;
  std::unordered_map<Dwarf_Off, Cie> cies_;
  CfiRows out_;
  bool overflow_ = false;
};

}  // namespace

Result<CfiRows> evaluate_cfi(const CfiSection& cfi, std::span<const ElfFile::Range> code,
                             RuleSet& rules) {
  return Evaluator(cfi, code, rules).run();
}

}  // namespace jtrace::unwind
