// SPDX-License-Identifier: Apache-2.0
// What became of a profile: stacks of two of them side by side.
#pragma once

#include <string>

#include "export/exporter.h"
#include "profile/profile.h"

namespace jtrace::exporting {

// The stacks of both as one profile with three sample types: "delta" (new less base; the first, so
// every format shows it by default), "base" and "new". With `normalise` base is scaled to the total
// of new, for runs of different length.
[[nodiscard]] profile::Profile diff_profile(const profile::Profile& base,
                                            const profile::Profile& next, bool normalise = false);

// "stack base new" lines, as the differential flame graph tools read them, of a diff_profile().
[[nodiscard]] std::string diff_collapsed(const profile::Profile& diff, const WriteOptions& options);

}  // namespace jtrace::exporting
