// SPDX-License-Identifier: Apache-2.0
#include "unwind/store.h"

#include <algorithm>
#include <limits>

namespace jtrace::unwind {

TableStore::TableStore(std::size_t max_rows)
    : space_(static_cast<std::uint32_t>(
          std::min<std::size_t>(max_rows, std::numeric_limits<std::uint32_t>::max()))) {}

Result<TableStore::Span> TableStore::add(const UnwindTable& table) {
  const auto first = table.rows.size() > space_.size()
                         ? std::nullopt
                         : space_.take(static_cast<std::uint32_t>(table.rows.size()));
  if (!first) {
    return fail(Errc::Internal,
                "unwind tables are full (" + std::to_string(space_.size()) + " rows)");
  }
  const Span span{*first, static_cast<std::uint32_t>(table.rows.size())};
  const auto no_rule = rules_.intern(jt_rule{});
  std::vector<std::uint32_t> global;
  global.reserve(table.rules.size());
  for (const jt_rule& rule : table.rules) {
    const auto index = rules_.intern(rule);
    if (!index) {
      space_.give_back(span.first_row, span.rows);
      return fail(Errc::Internal,
                  "unwind tables are full (" + std::to_string(JT_MAX_RULES) + " rules)");
    }
    global.push_back(*index);
  }
  if (rows_.size() < span.first_row + std::size_t{span.rows}) {
    rows_.resize(span.first_row + std::size_t{span.rows});
  }
  std::ranges::transform(table.rows, rows_.begin() + span.first_row, [&](const jt_row& row) {
    return jt_row{row.pc, row.rule < global.size() ? global[row.rule] : no_rule.value_or(0)};
  });
  changes_.push_back(span);
  return span;
}

std::uint32_t TableStore::remove(const Span& span) {
  if (span.rows == 0) return 0;
  std::erase(changes_, span);
  return space_.give_back(span.first_row, span.rows);
}

Status TableStore::write_changes(const Writer& write) {
  for (; !changes_.empty(); changes_.pop_front()) {
    const auto [first, count] = changes_.front();
    JT_CHECK_OK(write(first, rows().subspan(first, count)));
  }
  return {};
}

}  // namespace jtrace::unwind
