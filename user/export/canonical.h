// SPDX-License-Identifier: Apache-2.0
// For formats that keep a profile's tables: the same data in the same order.
#pragma once

#include "profile/profile.h"

namespace jtrace::exporting {

// The profile with what its samples use only, every table in the order of its contents (entry 0
// stays the zero value) and equal samples as one. Ids are handed out in the order in which frames
// were seen, which is no property of the data.
[[nodiscard]] profile::Profile canonical(const profile::Profile& profile);

}  // namespace jtrace::exporting
