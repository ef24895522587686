// SPDX-License-Identifier: Apache-2.0
// What /proc says of a process that may be a JVM.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace::jvmsym::attach {

struct ProcessStatus {
  uid_t uid = 0;  // effective, which the JVM compares with those of who connects
  gid_t gid = 0;
  pid_t inner_pid = 0;  // in its own pid namespace: part of the names of the files
  bool catches_quit = false;
};

// Of /proc/PID/status; nullopt where it is not understood.
[[nodiscard]] std::optional<ProcessStatus> parse_status(std::string_view text);

enum class Runtime { None, HotSpot, OpenJ9 };
// Of /proc/PID/maps: by the library's name, which is the target's word.
[[nodiscard]] Runtime runtime_of(std::string_view maps);

// Of /proc/PID/cmdline; a JVM takes flags from elsewhere, too.
[[nodiscard]] bool says_disabled(std::string_view command_line);

}  // namespace jtrace::jvmsym::attach
