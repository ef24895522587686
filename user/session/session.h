// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "cli/options.h"

namespace jtrace::session {

// Words of -o, for the help text: "html, collapsed, text".
[[nodiscard]] std::string format_names();

// The same command line, with what its configuration file says by now.
using Reread = std::function<Result<cli::Options>()>;

// One shot: resolve, load, attach, trace until a signal, the duration or the targets' end, then
// write the profile. Returns the exit status.
// `reread`: the options as they are by now.
[[nodiscard]] Result<int> run(const cli::Options& options, Reread reread);

}  // namespace jtrace::session
