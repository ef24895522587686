// SPDX-License-Identifier: Apache-2.0
// The flame graph page (-o html) for who shows many profiles on one.
#pragma once

#include <string>

#include "profile/profile.h"

namespace jtrace::exporting {

// The profile as the page has it in itself, JSON: for `renew` of a page that is there already
// (assets/renew.js).
[[nodiscard]] std::string page_data(const profile::Profile& profile);

}  // namespace jtrace::exporting
