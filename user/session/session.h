// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "cli/options.h"

namespace jtrace::session {

// Words of -o, for the help text: "html, collapsed, text".
[[nodiscard]] std::string format_names();

// One shot: resolve, load, attach, trace until a signal, the duration or the targets' end, then
// write the profile. Returns the exit status.
[[nodiscard]] Result<int> run(const cli::Options& options);

}  // namespace jtrace::session
