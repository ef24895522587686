// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "cli/options.h"
#include "session/session.h"

namespace jtrace::session {

// Does what the command line asks for; the exit status.
[[nodiscard]] Result<int> dispatch(const cli::Options& options, Reread reread);

}  // namespace jtrace::session
