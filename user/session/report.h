// SPDX-License-Identifier: Apache-2.0
// From what a run recorded to its profile, and to the words about it.
#pragma once

#include <string>
#include <vector>

#include "capture/capture.h"
#include "cli/options.h"
#include "profile/profile.h"
#include "session/events.h"
#include "session/governor.h"
#include "session/output.h"
#include "session/recorder.h"
#include "session/target.h"

namespace jtrace::session {

struct ReportInput {
  const cli::Options& options;
  const Events& events;
  capture::WindowCounts& counts;
  const capture::KernelFeatures& features;
  Recorder& recorder;
  Window& window;
  const SharedTables& tables;
  const Governor& governor;
  Governor::Figures governed;
  profile::Header header;
  std::int64_t wall_ns = 0;  // what to add to CLOCK_MONOTONIC for the time since the epoch
  // The window goes on: `counts` were read while events came (Capture::peek).
  bool goes_on = false;
};

struct Report {
  std::uint32_t window = 0;  // its number
  profile::Profile profile;
  capture::Counters counters{};
  std::uint64_t partial = 0;  // events whose stack is not whole
  std::uint64_t unread = 0;   // ... that were counted, and whose stack could not be read
  int why_unread = 0;         // errno
  bool lossless = true;
  cli::Keep keep{};                  // --keep, which may change while tracing
  std::vector<std::string> remarks;  // lines for the person who waits: 0 events explained, ...
};

[[nodiscard]] Report make_report(ReportInput input);

// --json: what was traced, the ledger, the files written.
// `indent` -1: in one line.
[[nodiscard]] std::string summary_json(const Report& report, const std::vector<Output>& outputs,
                                       int indent = 2);

// Why nothing was seen, and what to try: never fired on this host, fired for others only, or all
// left out; glibc opens files by openat.
[[nodiscard]] std::vector<std::string> explain_nothing(const Events& events,
                                                       const capture::Counters& counters,
                                                       const std::string& target);

}  // namespace jtrace::session
