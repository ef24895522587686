// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace jtrace {

// A line for a terminal: control characters, escape codes and line breaks among them, become '?'.
// Messages can hold a target's words: its comm, paths it mapped.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace jtrace
