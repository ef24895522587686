// SPDX-License-Identifier: Apache-2.0
#include "session/preflight.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <set>

#include "base/printable.h"
#include "base/redacted.h"
#include "event/tracepoint.h"
#include "session/events.h"
#include "session/observers.h"
#include "session/output.h"
#include "session/uploads.h"

namespace jtrace::session {

Status check_ahead(const cli::Options& options) {
  Failures wrong;
  const auto tracefs = event::Tracefs::open();
  const Error why = tracefs ? Error{} : tracefs.error();
  wrong.add(find_events(options.events, tracefs ? &*tracefs : nullptr, why));
  const bool several = options.selects() || options.follow || options.traces_command() ||
                       std::set(options.pids.begin(), options.pids.end()).size() > 1;
  wrong.add(plan_outputs(options, {}, std::chrono::system_clock::now(), several));
  wrong.add(Uploads::check(options));
  wrong.add(Observers::check(options));
  return wrong.status();
}

std::string plan_of_outlets(const cli::Options& options) {
  std::string plan;
  const auto line = [&](const char* what, const std::string& value) {
    if (!value.empty()) plan += fmt::format("{:<9}{}\n", what, printable(value));
  };
  line("push", redacted_url(options.push));
  line("spool", Uploads::plan(options));
  const auto [pages, metrics] = Observers::plan(options);
  line("serve", pages);
  line("metrics", metrics);
  return plan;
}

}  // namespace jtrace::session
