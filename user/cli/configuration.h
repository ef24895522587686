// SPDX-License-Identifier: Apache-2.0
// What environment and configuration file add to the command line. Private to cli/.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/option_table.h"
#include "cli/options.h"

namespace jtrace::cli {

// Fills what the command line left open: from the environment, else from the file.
[[nodiscard]] Status add_configuration(const Command& command, const Sources& sources,
                                       Words& words);

// What each option is set to, in the order of the table; nothing of those that no file may set.
[[nodiscard]] std::vector<std::vector<std::string>> settings_of(const Words& words);

// The file that `sources` stand for; empty where there is none.
[[nodiscard]] std::string file_of(const Sources& sources);

// --print-config: every option as the configuration file would have it, its origin as a comment.
[[nodiscard]] std::string configuration_text(const Sources& sources, const Words& words);

}  // namespace jtrace::cli
