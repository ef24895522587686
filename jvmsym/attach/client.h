// SPDX-License-Identifier: Apache-2.0
// HotSpot's dynamic attach, JDK 8 to 26: asks a JVM to do what jcmd would.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "base/result.h"
#include "jvmsym/attach/placement.h"
#include "jvmsym/attach/protocol.h"

namespace jtrace::jvmsym::attach {

struct Process {
  int directory = -1;  // /proc/PID, opened while `pidfd` told that it lives
  int pidfd = -1;      // signals go by this: a number can be another process's by then
  pid_t pid = 0;
};

struct Limits {
  std::chrono::milliseconds patience{5000};
};

// For a process with one thread that does nothing else: it becomes the target's user for good. All
// is done below /proc/PID/root, so no namespace is entered; what the kernel cannot hold us up with
// is over within the patience. A signal is sent to a process only that catches it and maps libjvm.
// Errors are Errc::Target and name what mends them.
[[nodiscard]] Result<Answer> ask(const Process& process, const Operation& operation,
                                 const Limits& limits);

// The same, to have it load an agent. Loading one again hands it the new options.
[[nodiscard]] Status load(const Process& process, const Library& library,
                          const std::string& options, const Limits& limits);

}  // namespace jtrace::jvmsym::attach
