// SPDX-License-Identifier: Apache-2.0
// The words of the continuous mode, and of what it may take. Private to cli/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/option_table.h"
#include "cli/options.h"

namespace jtrace::cli {

// "500M", "2G", "64K", "2GiB", "1000000B": more than zero. `label` names the value in messages.
[[nodiscard]] Result<std::uint64_t> parse_size(const std::string& text, std::string_view label);

// --continuous, --loop, --keep, --max-memory.
[[nodiscard]] Status read_windows(const Words& words, Options& options);

}  // namespace jtrace::cli
