// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "cli/options.h"
#include "profile/profile.h"
#include "session/entry.h"
#include "session/events.h"
#include "session/output.h"
#include "session/window_clock.h"

namespace jtrace::session {

struct PlanInput {
  const cli::Options& options;
  const Events& events;
  const capture::KernelFeatures& features;
  const Entries& entries;
  const std::vector<Output>& outputs;
  const std::string& target;
  std::string sampling;  // by the governor; empty: there is none
  std::function<bool(const event::Tracepoint&)> kernel_stacks;
};

// --dry-run: what would be traced, and how.
[[nodiscard]] std::string plan_text(const PlanInput& input);

// What a profile says of itself.
[[nodiscard]] profile::Header make_header(const cli::Options& options, const Events& events,
                                          const std::string& target, const WindowClock::Span& span);

}  // namespace jtrace::session
