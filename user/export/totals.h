// SPDX-License-Identifier: Apache-2.0
// What each value of a field adds up to, over all stacks: --by as a table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "profile/profile.h"

namespace jtrace::exporting {

struct ValueTotal {
  std::string value;
  std::vector<std::int64_t> sums;  // one per sample type
};

struct FieldTotals {
  std::string field;
  std::vector<ValueTotal> values;  // most of the default weight first, then events, then by name
};

// In the order of the fields' names. Event and thread, which every output shows in its own way, are
// not among them; of a difference there are none.
[[nodiscard]] std::vector<FieldTotals> make_totals(const profile::Profile& profile);

// A table a field, of the first twenty values and of what the others have together.
[[nodiscard]] std::string totals_text(const profile::Profile& profile);

}  // namespace jtrace::exporting
