// SPDX-License-Identifier: Apache-2.0
// The files that windows leave behind (--keep): which there are, and which have to go.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/options.h"

namespace jtrace::session {

// The files of one pattern (session/file_pattern.h) whose last part alone varies. Only regular
// files of ours, of root or of who called sudo; whatever else has such a name is not looked at.
class Retention {
 public:
  Retention(std::string pattern, cli::Keep keep) : pattern_(std::move(pattern)), keep_(keep) {}

  // The number that follows those of earlier runs; 0 where there is none.
  [[nodiscard]] std::uint64_t next_number() const;
  // Removes the oldest until the rest is what is to be kept; never the newest one, nor `written`
  // (a path), which is the newest whatever the clock was before. How many went.
  [[nodiscard]] Result<std::size_t> enforce(std::chrono::system_clock::time_point now,
                                            const std::string& written = {}) const;

 private:
  std::string pattern_;
  cli::Keep keep_;
};

// Where the file of a window goes: `pattern` with its time and number. One by time that is there
// already (a clock that was set back, two in a second) is not replaced: -2, -3, ... follow the
// time.
[[nodiscard]] Result<std::string> path_of_window(const std::string& pattern,
                                                 std::chrono::system_clock::time_point begin,
                                                 std::uint64_t number);

}  // namespace jtrace::session
