// SPDX-License-Identifier: Apache-2.0
#include "unwind/store.h"

#include <algorithm>
#include <limits>

namespace jtrace::unwind {

Result<TableStore::Span> TableStore::add(const UnwindTable& table) {
  const std::size_t room =
      std::min<std::size_t>(max_rows_, std::numeric_limits<std::uint32_t>::max()) -
      std::min(max_rows_, rows_.size());
  if (table.rows.size() > room) {
    return fail(Errc::Internal, "unwind tables are full (" + std::to_string(max_rows_) + " rows)");
  }
  const auto no_rule = rules_.intern(jt_rule{});
  std::vector<std::uint32_t> global;
  global.reserve(table.rules.size());
  for (const jt_rule& rule : table.rules) {
    const auto index = rules_.intern(rule);
    if (!index) {
      return fail(Errc::Internal,
                  "unwind tables are full (" + std::to_string(JT_MAX_RULES) + " rules)");
    }
    global.push_back(*index);
  }
  const Span span{static_cast<std::uint32_t>(rows_.size()),
                  static_cast<std::uint32_t>(table.rows.size())};
  for (const jt_row& row : table.rows) {
    rows_.push_back({row.pc, row.rule < global.size() ? global[row.rule] : no_rule.value_or(0)});
  }
  return span;
}

}  // namespace jtrace::unwind
