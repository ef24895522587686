// SPDX-License-Identifier: Apache-2.0
// The JVM's threads, by the number that its operating system knows them by.
#pragma once

#include <sys/types.h>

#include <unordered_map>

#include "base/ids.h"
#include "jvmsym/hotspot/layout.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// Thread id in the JVM's own pid namespace -> JavaThread. A thread that starts or ends meanwhile
// may be missing. Bounded; what cannot be read is left out.
[[nodiscard]] std::unordered_map<pid_t, ProcessAddr> read_java_threads(
    const process::MemoryReader& memory, const ThreadsLayout& layout);

}  // namespace jtrace::jvmsym::hotspot
