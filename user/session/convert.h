// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "cli/options.h"

namespace jtrace::session {

// `jtrace convert IN -f OUT [--push URL]`: a profile of one format as another, and sent. Returns
// the exit status.
[[nodiscard]] Result<int> run_convert(const cli::Options& options);

// `jtrace diff BASE NEW -f OUT`: what changed, as collapsed text of two columns or as pprof.
[[nodiscard]] Result<int> run_diff(const cli::Options& options);

}  // namespace jtrace::session
