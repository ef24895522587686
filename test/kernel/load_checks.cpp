// SPDX-License-Identifier: Apache-2.0
// The kernel's verifier must accept the programs in every shape that a run can ask for.
#include <algorithm>
#include <array>

#include "capture/capture.h"
#include "kernel/check.h"

namespace jtrace::test {
namespace {

using capture::Capture;
using capture::CaptureConfig;
using capture::KernelFeatures;

struct Shape {
  const char* name;
  CaptureConfig config;
};

// Each switches code on or off that the verifier otherwise removes or never sees.
const std::array kShapes{
    Shape{"mixed", {}},
    Shape{"mixed, kernel stacks", {.stack_ids = true}},
    Shape{"mixed, one target", {.only_tgid = 1}},
    Shape{"mixed, every second event", {.interval = 2}},
    Shape{"mixed, by thread, cost counted", {.by_thread = true, .count_cost = true}},
    Shape{"mixed, walks checked", {.check_walks = true}},
    Shape{"mixed, filtered", {.filters = true}},
    Shape{"mixed, values and sums of calls",
          {.filters = true, .values = true, .sums = true, .calls = true, .timed = true}},
    Shape{"mixed, held until they end",
          {.filters = true, .values = true, .sums = true, .held = true}},
    Shape{"mixed, descriptors that stay open",
          {.filters = true,
           .values = true,
           .sums = true,
           .calls = true,
           .held = true,
           .opens = true}},
    Shape{"mixed, raw tracepoints",
          {.stack_ids = true, .filters = true, .values = true, .sums = true, .raw = true}},
    Shape{"mixed, at functions",
          {.functions = {"openat", "mprotect"}, .tracepoints = false, .mapping_functions = true}},
    Shape{"mixed, at functions and tracepoints, values and sums of calls",
          {.stack_ids = true,
           .filters = true,
           .values = true,
           .sums = true,
           .calls = true,
           .functions = {"openat", "mprotect"},
           .governor = true}},
    Shape{"mixed, at raw tracepoints of all calls",
          {.raw_begins = true, .raw_ends = true, .tracepoints = false, .raw_mappings = true}},
    Shape{"mixed, at raw tracepoints of all calls, governed, values and sums of calls",
          {.stack_ids = true,
           .filters = true,
           .values = true,
           .sums = true,
           .calls = true,
           .timed = true,
           .raw_begins = true,
           .raw_ends = true,
           .tracepoints = false,
           .raw_mappings = true,
           .governor = true,
           .max_rate = true}},
    Shape{"frame pointers, at functions",
          {.cstack = JT_CSTACK_FP,
           .stack_ids = true,
           .functions = {"openat", "mprotect"},
           .tracepoints = false}},
    Shape{"mixed, governed", {.filters = true, .governor = true}},
    Shape{"mixed, governed, values and sums of calls",
          {.filters = true,
           .values = true,
           .sums = true,
           .calls = true,
           .timed = true,
           .raw = true,
           .governor = true,
           .max_rate = true}},
    Shape{"mixed, governed, all that is held",
          {.interval = 2,
           .check_walks = true,
           .filters = true,
           .values = true,
           .sums = true,
           .calls = true,
           .held = true,
           .opens = true,
           .lists = true,
           .governor = true,
           .max_rate = true}},
    Shape{"mixed, what targets start", {.follow = true}},
    Shape{"mixed, of a name, in cgroups, some threads",
          {.follow = true,
           .every = true,
           .comm = capture::CommGlobs{},
           .cgroups = 2,
           .only_tids = true}},
    Shape{"mixed, all processes", {.every = true, .filters = true}},
    Shape{"mixed, windows, kernel stacks", {.stack_ids = true, .windows = true, .events = 2}},
    Shape{"mixed, windows, values, held until they end",
          {.stack_ids = true,
           .filters = true,
           .values = true,
           .sums = true,
           .calls = true,
           .timed = true,
           .held = true,
           .raw = true,
           .lists = true,
           .windows = true}},
    Shape{"mixed, windows, descriptors that stay open",
          {.filters = true,
           .values = true,
           .sums = true,
           .calls = true,
           .held = true,
           .opens = true,
           .windows = true}},
    Shape{"frame pointers, windows", {.cstack = JT_CSTACK_FP, .stack_ids = true, .windows = true}},
    Shape{"mixed, few frames", {.max_frames = 1}},
    Shape{"frame pointers, filtered", {.cstack = JT_CSTACK_FP, .stack_ids = true, .filters = true}},
    Shape{"frame pointers", {.cstack = JT_CSTACK_FP, .stack_ids = true}},
};

Result<std::string> load(const Shape& shape, const KernelFeatures& features,
                         VerifiedInstructions& verified) {
  JT_TRY(const Capture capture, Capture::load(shape.config, features));
  for (const auto& program : capture.programs()) {
    auto& most = verified[program.name];
    most = std::max(most, program.verified_instructions);
  }
  return std::to_string(capture.programs().size()) + " programs";
}

}  // namespace

std::vector<Check> load_checks(const KernelFeatures& features, VerifiedInstructions& verified) {
  std::vector<Check> checks;
  for (const Shape& shape : kShapes) {
    const auto add = [&](const char* kind, const KernelFeatures& with) {
      checks.push_back({std::string("load, ") + kind + ": " + shape.name,
                        [&shape, with, &verified] { return load(shape, with, verified); }});
    };
    add("measured", features);
    // The fallbacks must load everywhere: what a kernel has not cannot be taken on trust.
    add("fallbacks", {});
  }
  return checks;
}

}  // namespace jtrace::test
