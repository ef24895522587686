// SPDX-License-Identifier: Apache-2.0
// Constants that a filter may call by their names, with the values of the system's headers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace jtrace::filter {

struct Constant {
  std::string_view name;
  std::int64_t value;
};

[[nodiscard]] std::optional<std::int64_t> constant(std::string_view name);
// All names, for suggestions.
[[nodiscard]] std::vector<std::string> constant_names();

// The two tables, sorted by nothing: what linux/ has, and what the C library's headers alone have.
[[nodiscard]] std::span<const Constant> linux_constants();
[[nodiscard]] std::span<const Constant> libc_constants();

}  // namespace jtrace::filter
