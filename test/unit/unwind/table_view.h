// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/unique_fd.h"
#include "unwind/table.h"

namespace jtrace::unwind {

inline UniqueFd open_file(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// The rule at an ELF address, as the walker finds it.
inline jt_rule rule_at(const UnwindTable& table, std::uint64_t pc) {
  const auto after = std::ranges::upper_bound(table.rows, pc, {}, &jt_row::pc);
  return after == table.rows.begin() ? jt_rule{} : table.rules[std::prev(after)->rule];
}

// What the walker relies on.
inline bool is_sound(const UnwindTable& table) {
  const bool ascending = std::ranges::adjacent_find(table.rows, [](const auto& a, const auto& b) {
                           return a.pc >= b.pc || a.rule == b.rule;
                         }) == table.rows.end();
  const bool in_range = std::ranges::all_of(
      table.rows, [&](const jt_row& row) { return row.rule < table.rules.size(); });
  return ascending && in_range && !table.rows.empty() &&
         table.rules[table.rows.back().rule].cfa_kind == JT_CFA_INVALID;
}

inline const std::string kLibc = "/lib/x86_64-linux-gnu/libc.so.6";
inline const std::string kLoader = "/lib64/ld-linux-x86-64.so.2";

// libjvm.so of any JDK installed; empty where there is none.
inline std::string find_libjvm() {
  std::error_code error;
  for (const auto& jdk : std::filesystem::directory_iterator("/usr/lib/jvm", error)) {
    const auto path = jdk.path() / "lib/server/libjvm.so";
    if (std::filesystem::is_regular_file(path, error)) return path;
  }
  return {};
}

}  // namespace jtrace::unwind
