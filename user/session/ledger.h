// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "capture/capture.h"
#include "profile/profile.h"
#include "session/sample_store.h"

namespace jtrace::session {

struct LedgerInput {
  const capture::Counters& counters;
  const SampleStore& samples;
  std::uint64_t missed_by_recursion = 0;
  bool misses_measurable = true;
  bool cost_counted = false;
};

// fired = kept + lost{reason}, kept = complete + partial{reason}; checked here from counts that the
// kernel and we made apart from each other.
[[nodiscard]] profile::Ledger make_ledger(const LedgerInput& input);

}  // namespace jtrace::session
