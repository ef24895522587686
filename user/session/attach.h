// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "capture/capture.h"
#include "cli/options.h"
#include "event/tracepoint.h"
#include "session/entry.h"
#include "session/events.h"
#include "session/targets.h"

namespace jtrace::session {

struct AttachInput {
  const cli::Options& options;
  const Events& events;
  const Entries& entries;
  const event::Tracefs* tracefs;  // null: there is none
  Targets& targets;
  capture::Capture& capture;
  std::function<bool(const event::Tracepoint&)> kernel_stacks;  // whether it is to have them
  std::function<void(const std::string&)> say;
  std::function<void(const std::string&)> progress;
};

// What is at functions, before all else: where the kernel refuses it after all, there is another
// way yet. The capture is paused then.
[[nodiscard]] Status attach_functions(
    capture::Capture& capture, const Entries& entries,
    const std::function<bool(std::uint32_t event)>& kernel_stacks);

// Tells the kernel of the targets, attaches what watches processes, then all other events; nothing
// is counted before Capture::resume().
[[nodiscard]] Status attach_all(const AttachInput& input);

}  // namespace jtrace::session
