// SPDX-License-Identifier: Apache-2.0
// argv to the words of each option. Private to cli/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/option_table.h"

namespace jtrace::cli {

inline constexpr const char* kSeeHelp = "see jtrace --help";
inline constexpr const char* kForm =
    "jtrace -t EVENT -p PID [OPTIONS], or -- COMMAND; see jtrace --help";

// The largest pid_max that the kernel allows (PID_MAX_LIMIT).
inline constexpr unsigned kLargestPid = 4U << 20U;

[[nodiscard]] std::unexpected<Error> usage(std::string message, std::string hint = kSeeHelp);

// A word of the command line as part of a message: one line, not long, steering no terminal.
[[nodiscard]] std::string shown(std::string_view word);

// "-d '5x': "
[[nodiscard]] std::string quoted(std::string_view label, std::string_view value);

// The form that argv asks for: that of its first word, else tracing.
[[nodiscard]] const Command& command_of(int argc, const char* const* argv);

// Words of `command`, which argv was found to be.
[[nodiscard]] Result<Words> read_words(const Command& command, int argc, const char* const* argv);

// Of a flag; `fallback` where it was not given. Environment and `--flag=no` may say no.
[[nodiscard]] Result<bool> read_flag(const Values& values, bool fallback = false);

}  // namespace jtrace::cli
