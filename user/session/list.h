// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "capture/raw_tracepoints.h"
#include "cli/options.h"
#include "event/tracepoint.h"

namespace jtrace::session {

// The tracepoints that options.glob matches: "category:name" and id, with -v their fields, with
// --json all of it as one array. A glob without a colon is matched with names and categories. None
// matching is an error with near names.
[[nodiscard]] Result<std::string> list_text(const event::Tracefs& tracefs,
                                            const cli::Options& options);

// The same of raw tracepoints, whose glob is of names; with -v their arguments.
[[nodiscard]] Result<std::string> list_raw_text(const capture::RawTracepoints& raw,
                                                const std::string& glob,
                                                const cli::Options& options);

[[nodiscard]] Result<int> run_list(const cli::Options& options);

}  // namespace jtrace::session
