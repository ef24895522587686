// SPDX-License-Identifier: Apache-2.0
// Evaluates the instructions of a CFI section into rows. libdw splits the section into its entries;
// its own evaluator (dwarf_frame_info) is not used, because it runs an entry from its start for
// every row (quadratic) and sizes its memory by register numbers and remember_state counts that a
// hostile file chooses. Here each entry runs once in fixed memory. The tests compare both.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "unwind/elf_file.h"
#include "unwind/rule_set.h"
#include "unwind/table.h"

namespace jtrace::unwind {

// How one register of the caller is found.
struct RegisterRule {
  enum class Kind : std::uint8_t { Unset, Same, Offset, Expression, Undefined, Register, Other };
  Kind kind = Kind::Unset;
  std::int64_t offset = 0;                   // Offset: from the CFA; Register: its number
  std::span<const std::uint8_t> expression;  // Expression: its value is where the register lies
};

struct CfaRule {
  enum class Kind : std::uint8_t { None, Register, Expression };
  Kind kind = Kind::None;
  std::uint64_t reg = 0;
  std::int64_t offset = 0;
  std::span<const std::uint8_t> expression;
};

// The part of a CFI row that a walk of pc, sp, fp and bx needs.
struct CfiState {
  CfaRule cfa;
  RegisterRule rbp;
  RegisterRule rbx;
  RegisterRule ra;
};

// The rule for the walker. Total: what it cannot express becomes JT_CFA_OTHER or JT_REG_UNKNOWN.
[[nodiscard]] jt_rule make_rule(const CfiState& state, bool signal_frame);

// A stretch of code that one FDE describes; its rows are rows[first_row, first_row + row_count).
struct CfiRange {
  std::uint32_t start = 0;
  std::uint32_t end = 0;
  std::uint32_t first_row = 0;
  std::uint32_t row_count = 0;
};

struct CfiRows {
  std::vector<CfiRange> ranges;  // as the section has them: unsorted, may overlap
  std::vector<jt_row> rows;
};

struct CfiSection {
  const char* ident;  // e_ident of the file
  ElfFile::Section section;
  bool eh_frame;
};

// Entries outside `code` (left by the linker for dropped functions) and damaged ones are left out.
[[nodiscard]] Result<CfiRows> evaluate_cfi(const CfiSection& cfi,
                                           std::span<const ElfFile::Range> code, RuleSet& rules);

}  // namespace jtrace::unwind
