// SPDX-License-Identifier: Apache-2.0
// PerfMemory, where a JVM keeps the counters that jstat shows (perfMemory.hpp, jvmstat's
// format 2.0).
#pragma once

#include <optional>
#include <string_view>

#include "base/ids.h"
#include "jvmsym/hotspot/layout.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// Where the 64-bit counter `name` lies. nullopt where the JVM keeps none (-XX:-UsePerfData), has
// not got that one, or its memory makes no sense.
[[nodiscard]] std::optional<ProcessAddr> find_perf_counter(const process::MemoryReader& memory,
                                                           const PerfMemoryLayout& layout,
                                                           std::string_view name);

}  // namespace jtrace::jvmsym::hotspot
