// SPDX-License-Identifier: Apache-2.0
#include "filter/constants.h"

#include <algorithm>

namespace jtrace::filter {

std::optional<std::int64_t> constant(std::string_view name) {
  for (const auto table : {linux_constants(), libc_constants()}) {
    const auto found = std::ranges::find(table, name, &Constant::name);
    if (found != table.end()) return found->value;
  }
  return std::nullopt;
}

std::vector<std::string> constant_names() {
  std::vector<std::string> names;
  for (const auto table : {linux_constants(), libc_constants()}) {
    for (const Constant& one : table) names.emplace_back(one.name);
  }
  return names;
}

}  // namespace jtrace::filter
