// SPDX-License-Identifier: Apache-2.0
// The names of -f, where % begins what differs from run to run.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace jtrace::session {

// What a pattern can name.
struct PatternFacts {
  pid_t pid = 0;
  std::chrono::system_clock::time_point time;
  std::string host;
  std::uint64_t number = 0;                             // of the output, from 0
  std::function<const char*(const char*)> environment;  // as getenv; empty: nothing is set
  int again = 0;            // not 0: follows the time, as -2 where such a file is there already
  bool of_window = false;   // %t and %n differ from window to window: they stay, as does %%
  bool of_process = false;  // %p differs from file to file: it stays, as does %%
  std::string process{};    // what %p says then: a number, or kRestOfProcesses; empty: `pid`
};

// Of the file of all processes that have none of their own.
inline constexpr const char* kRestOfProcesses = "rest";

// %p process, %t local time as yyyymmdd-hhmmss, %h host, %n number, %n{MAX} number modulo MAX,
// %{NAME} environment variable, %% a percent sign. Errc::Usage for any other % and for a variable
// that is not set. What comes from outside stays one part of a path: no '/', no leading dot, no
// control characters.
[[nodiscard]] Result<std::string> expand_file_pattern(const std::string& pattern,
                                                      const PatternFacts& facts);

// How a pattern tells the files of windows apart.
enum class Varies {
  No,        // each window replaces the one before
  ByTime,    // %t
  ByNumber,  // %n
  InTurns    // %n{MAX}
};
[[nodiscard]] Varies varies(const std::string& pattern);

// Whether there is a %p that stayed (PatternFacts::of_process).
[[nodiscard]] bool tells_processes(const std::string& pattern);

// A regular expression for the names that a pattern of windows makes; of its last part alone. A
// time may be followed by -2, -3, ..., where it was there already.
struct PatternNames {
  std::string expression;
  int number = 0;   // the group that is one; 0: none
  int process = 0;  // likewise
};
[[nodiscard]] PatternNames names_of(const std::string& pattern);

// "20260131-235959", local time.
[[nodiscard]] std::string file_stamp(std::chrono::system_clock::time_point time);

}  // namespace jtrace::session
