// SPDX-License-Identifier: Apache-2.0
// Whether another user of a tracepoint (perf) notices that our programs are at it: a counter of one
// process's events has to count each of them before, while and after.
#pragma once

#include <array>
#include <string>

#include "base/result.h"
#include "capture/features.h"

namespace jtrace::test {

struct PerfScene {
  const char* name;
  Result<std::string> (*run)(const capture::KernelFeatures&);
};

// One for each kind of program: events, begins and ends of others, mappings, processes.
extern const std::array<PerfScene, 4> kPerfScenes;

}  // namespace jtrace::test
