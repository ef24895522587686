// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "bpf/jtrace_abi.h"
#include "unwind/rule_set.h"
#include "unwind/table.h"

namespace jtrace::unwind {

// The one copy in user memory of what the kernel's flat tables hold: all rows and rules of all
// binaries in use, at the indices of the kernel's arrays. Append only.
class TableStore {
 public:
  struct Span {
    std::uint32_t first_row = 0;
    std::uint32_t rows = 0;
  };

  explicit TableStore(std::size_t max_rows) : max_rows_(max_rows) {}

  // Appends the table; its rules are shared with those of all binaries, jt_row::rule becomes the
  // index into rules(). Errc::Internal where the rows or JT_MAX_RULES rules would be exceeded: then
  // no row was added. A row whose rule is out of range counts as having no rule.
  [[nodiscard]] Result<Span> add(const UnwindTable& table);

  // Valid until the next add().
  [[nodiscard]] std::span<const jt_row> rows() const { return rows_; }
  [[nodiscard]] std::span<const jt_rule> rules() const { return rules_.rules(); }

 private:
  std::size_t max_rows_;
  std::vector<jt_row> rows_;
  RuleSet rules_;
};

}  // namespace jtrace::unwind
