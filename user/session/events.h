// SPDX-License-Identifier: Apache-2.0
// What -t asks for, found on this host: tracepoints, and what is read and compared of each.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "event/tracepoint.h"
#include "filter/compile.h"

namespace jtrace::session {

struct Events {
  // One of each per event, whose number is its index.
  std::vector<event::Tracepoint> tracepoints;
  std::vector<std::vector<std::string>> filters;  // as given
  std::vector<filter::Program> programs;

  [[nodiscard]] bool filtered() const;
  [[nodiscard]] std::size_t patterns() const;
};

// Without a tracefs (`tracefs` is null) ids pass unchecked, names fail with `why_none`, and only
// what every event has can be filtered by.
[[nodiscard]] Result<Events> find_events(const std::vector<cli::EventRequest>& requests,
                                         const event::Tracefs* tracefs, const Error& why_none);

}  // namespace jtrace::session
