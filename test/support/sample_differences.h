// SPDX-License-Identifier: Apache-2.0
// Differences that tests of exporters share.
#pragma once

#include <vector>

#include "profile/profile.h"
#include "support/sample_profiles.h"

namespace jtrace::test {

// "difference": 1,000 events to 1,500, in which a method was compiled meanwhile, one path is as it
// was, one shrank, one grew, one is gone and one is new. "hostile-difference": names an attacker
// would choose on either side.
[[nodiscard]] std::vector<NamedProfile> small_differences();

// 100,000 frames on one side, half of them on the other.
[[nodiscard]] profile::Profile large_difference();

}  // namespace jtrace::test
