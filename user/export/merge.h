// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/result.h"
#include "profile/profile.h"

namespace jtrace::exporting {

// Windows of one run as if they were one: equal stacks are one sample, ledgers are added line by
// line. It begins with the first of them and ends with the last. Errc::Usage where there is none,
// or where their weights differ.
[[nodiscard]] Result<profile::Profile> merge_profiles(std::span<const profile::Profile> windows);

}  // namespace jtrace::exporting
