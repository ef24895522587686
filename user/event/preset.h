// SPDX-License-Identifier: Apache-2.0
// Families of tracepoints that answer one question, each with the fields and the weight that do.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/tracepoint.h"

namespace jtrace::event {

// Tracepoints that are treated alike.
struct PresetRow {
  std::string_view tracepoints;  // between blanks; without a category they are system calls
  std::string_view by = {};      // fields between blanks; `|` between what kernels call the same
  std::string_view weight = {};  // as the option's value; where it is empty, the preset's
  std::string_view filter = {};  // joined with --filter by &&
  // Calls that make descriptors, which count where they are open at the end: "ret", or the argument
  // that leads to two of them.
  std::string_view opens = {};
};

struct Preset {
  std::string_view name;
  std::string_view explanation;  // one line
  std::string_view weight;       // "count", "ret", "latency", or "length": a field of each
  std::span<const PresetRow> rows;
};

[[nodiscard]] std::span<const Preset> presets();
// nullptr where there is none.
[[nodiscard]] const Preset* find_preset(std::string_view name);

// What a tracepoint is asked for, where neither --by nor --weight says otherwise. The filter holds
// whatever they say: without it the event is not what the preset is about.
struct PresetEvent {
  Tracepoint tracepoint;
  std::vector<std::string> by;
  std::string weight;  // several between commas
  std::string filter;  // empty: every event
  std::string opens;   // PresetRow::opens
};
struct Expansion {
  std::vector<PresetEvent> events;
  std::vector<TracepointName> absent;  // not on this kernel
};

// Errc::Usage where this kernel has none of its tracepoints.
[[nodiscard]] Result<Expansion> expand(const Preset& preset, const Tracefs& tracefs);

// "no such preset" with those that resemble it.
[[nodiscard]] std::unexpected<Error> no_such_preset(std::string_view name);

}  // namespace jtrace::event
