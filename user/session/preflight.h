// SPDX-License-Identifier: Apache-2.0
// What --dry-run looks at that needs no target: also what a trace would come upon only later.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/options.h"

namespace jtrace::session {

// Events, outputs, backend, addresses and their tokens: all that is wrong at once, a line each.
[[nodiscard]] Status check_ahead(const cli::Options& options);

// Of the plan: where profiles go besides into files.
[[nodiscard]] std::string plan_of_outlets(const cli::Options& options);

}  // namespace jtrace::session
