// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "profile/profile.h"
#include "session/governor.h"
#include "session/sample_store.h"
#include "session/walk_check.h"

namespace jtrace::session {

// One of several events.
struct EventFigures {
  std::string name;
  capture::Counters counters;
  StatusCounts statuses;
  std::uint64_t scaled = 0;  // what its counts add up to
};

struct LedgerInput {
  const capture::Counters& counters;
  const SampleStore& samples;
  bool unread = false;  // not all of the table of stacks could be read
  std::uint64_t missed_by_recursion = 0;
  bool misses_measurable = true;
  bool cost_counted = false;
  bool recall_checked = false;         // --recall check
  const WalkCheck* checked = nullptr;  // --check-walks
  bool event_filters = false;          // --filter was given
  bool calls = false;                  // some event has a begin and an end
  bool timed = false;                  // ... and its begin is noted
  bool opens = false;                  // some count where their descriptors are open at the end
  std::uint64_t in_flight = 0;         // of those, at the end
  std::optional<std::uint64_t> under_way = {};  // of a window that goes on: settle_counters()
  std::vector<EventFigures> events = {};        // where there are several
  std::uint64_t unlisted = 0;                   // events that -o events has no room for
  bool sampled = false;                         // -i was given
  const Governor::Figures* governor = nullptr;  // --max-overhead, --max-rate
  std::uint64_t interval = 1;                   // of -i
  bool filtered = false;                        // -I or -X were given
  std::uint64_t left_out = 0;  // events whose stack they left out; still part of kept
};

// Whether anything was lost or ended as partial (--strict).
[[nodiscard]] bool is_lossless(const capture::Counters& counters, const StatusCounts& statuses);

// Kept events of which no stack is there; they are lost where `LedgerInput::unread`, and must not
// be elsewhere.
[[nodiscard]] std::uint64_t missing_events(const capture::Counters& counters,
                                           const StatusCounts& statuses);

// Events that were lost, and those of which the stack is not whole.
[[nodiscard]] std::uint64_t lost_events(const capture::Counters& counters);
[[nodiscard]] std::uint64_t partial_events(const StatusCounts& statuses);

// Of counters that were read while events came, behind the stacks: what the stacks have is what was
// kept, and what has come to its end is what fired. Returns how many events have fired beside
// those.
std::uint64_t settle_counters(capture::WindowCounts& counts, const SampleStore& samples);

// fired = kept + filtered + sampled out + rate limited + lost{reason}, kept = complete +
// partial{reason}; checked here from counts that the kernel and we made apart from each other.
[[nodiscard]] profile::Ledger make_ledger(const LedgerInput& input);

}  // namespace jtrace::session
