// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "bpf/jtrace_abi.h"
#include "unwind/row_space.h"
#include "unwind/rule_set.h"
#include "unwind/table.h"

namespace jtrace::unwind {

// The one copy in user memory of what the kernel's flat tables hold: all rows and rules of all
// binaries in use, at the indices of the kernel's arrays. Rows are given back; rules, which
// binaries share, are append only.
class TableStore {
 public:
  struct Span {
    std::uint32_t first_row = 0;
    std::uint32_t rows = 0;
    friend bool operator==(const Span&, const Span&) = default;
  };

  explicit TableStore(std::size_t max_rows);

  // Puts the table where there is room; its rules are shared with those of all binaries,
  // jt_row::rule becomes the index into rules(). Errc::Internal where the rows or JT_MAX_RULES
  // rules would be exceeded: then no row was added. A row whose rule is out of range counts as
  // having no rule.
  [[nodiscard]] Result<Span> add(const UnwindTable& table);
  // Gives its rows back: the next add() may take them, so that nobody may look there any more.
  // Returns how large the gap is that they are in now.
  std::uint32_t remove(const Span& span);
  [[nodiscard]] bool has_room(std::size_t rows) const { return rows <= space_.largest_gap(); }

  // To try on a copy what would fit.
  [[nodiscard]] const RowSpace& space() const { return space_; }
  [[nodiscard]] std::uint32_t capacity() const { return space_.size(); }
  [[nodiscard]] std::uint32_t used() const { return space_.used(); }
  // Has written what add() has put there since. What fails, and all behind it, is written the next
  // time: ranges rely on it.
  using Writer = std::function<Status(std::uint32_t first, std::span<const jt_row> rows)>;
  [[nodiscard]] Status write_changes(const Writer& write);

  // Up to the last one that ever was in use. Valid until the next add().
  [[nodiscard]] std::span<const jt_row> rows() const { return rows_; }
  [[nodiscard]] std::span<const jt_rule> rules() const { return rules_.rules(); }

 private:
  RowSpace space_;
  std::vector<jt_row> rows_;
  std::deque<Span> changes_;  // not written yet
  RuleSet rules_;
};

}  // namespace jtrace::unwind
