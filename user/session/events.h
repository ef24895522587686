// SPDX-License-Identifier: Apache-2.0
// What -t asks for, found on this host: tracepoints, and what is read, compared, shown and added up
// of each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"
#include "event/pair.h"
#include "event/tracepoint.h"
#include "filter/compile.h"
#include "filter/words.h"

namespace jtrace::session {

struct Event {
  event::Tracepoint tracepoint;  // as asked for
  filter::Wanted wanted;
  filter::Program program = {};
  // The one that is counted: the same, or the end of the call.
  event::Tracepoint counted = {};
  std::optional<event::Tracepoint> call_begin = {};  // where latency is asked for
  std::optional<event::Tracepoint> held_end = {};
  std::string opens = {};  // event::PresetRow::opens: its descriptors count, where they stay open
  std::vector<filter::Vocabulary> words = {};  // of program.by

  [[nodiscard]] bool is_call() const { return (program.spec.flags & JT_EVENT_CALL) != 0; }
  [[nodiscard]] bool has_errors() const { return program.spec.error != JT_NO_VALUE; }
};

// An event's number is its index.
struct Events {
  std::vector<Event> all;

  [[nodiscard]] bool filtered() const;
  [[nodiscard]] bool shows_values() const;
  [[nodiscard]] bool has_sums() const;
  [[nodiscard]] bool has_calls() const;
  [[nodiscard]] bool has_timed() const;
  [[nodiscard]] bool has_held() const;
  [[nodiscard]] bool has_opens() const;
  // Whether some are counted at an end of their own.
  [[nodiscard]] bool has_ends() const;
  [[nodiscard]] bool has_raw() const;
  // Whether anything but the number of each is to be written into the kernel's table.
  [[nodiscard]] bool has_specs() const;
  [[nodiscard]] std::size_t patterns() const;
};

// Without a tracefs (`tracefs` is null) ids pass unchecked, names fail with `why_none`, and only
// what every event has can be filtered by.
[[nodiscard]] Result<Events> find_events(const std::vector<cli::EventRequest>& requests,
                                         const event::Tracefs* tracefs, const Error& why_none);

}  // namespace jtrace::session
