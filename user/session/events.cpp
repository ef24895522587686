// SPDX-License-Identifier: Apache-2.0
#include "session/events.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "base/rights.h"
#include "event/format.h"
#include "filter/fields.h"

namespace jtrace::session {
namespace {

Result<filter::Program> compile(const event::Tracepoint& tracepoint,
                                const std::vector<std::string>& filters,
                                const event::Tracefs* tracefs) {
  if (filters.empty()) return filter::Program{};
  std::optional<event::Format> format;
  if (tracefs != nullptr) {
    JT_TRY(format, event::read_format(*tracefs, tracepoint));
  }
  return filter::compile(
      filters, filter::Fields(tracepoint, format ? &*format : nullptr, rights_are_lent()));
}

}  // namespace

bool Events::filtered() const {
  return std::ranges::any_of(filters, [](const auto& one) { return !one.empty(); });
}

std::size_t Events::patterns() const {
  return std::accumulate(programs.begin(), programs.end(), std::size_t{0},
                         [](std::size_t n, const auto& one) { return n + one.patterns.size(); });
}

Result<Events> find_events(const std::vector<cli::EventRequest>& requests,
                           const event::Tracefs* tracefs, const Error& why_none) {
  Events events;
  for (const cli::EventRequest& request : requests) {
    JT_TRY(const auto specs, event::parse_event_specs(request.text));
    JT_TRY(auto found, event::resolve_events(specs, tracefs, why_none));
    for (event::Tracepoint& one : found) {
      const auto known = std::ranges::find(events.tracepoints, one.id, &event::Tracepoint::id);
      if (known != events.tracepoints.end()) {
        const auto index = static_cast<std::size_t>(known - events.tracepoints.begin());
        if (events.filters[index] == request.filters) continue;
        return fail(Errc::Usage, one.display() + " is named twice, with different --filter",
                    "name it once; two filters of which one must pass are joined by ||");
      }
      JT_TRY(auto program, compile(one, request.filters, tracefs));
      events.tracepoints.push_back(std::move(one));
      events.filters.push_back(request.filters);
      events.programs.push_back(std::move(program));
    }
  }
  return events;
}

}  // namespace jtrace::session
