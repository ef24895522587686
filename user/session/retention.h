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

// The files of one pattern (session/file_pattern.h) whose last part alone varies; where a window
// has one for each of several processes, all of them stay or go. Only regular
// files of ours, of root or of who called sudo; whatever else has such a name is not looked at.
class Retention {
 public:
  Retention(std::string pattern, cli::Keep keep) : pattern_(std::move(pattern)), keep_(keep) {}

  void keep(const cli::Keep& other) { keep_ = other; }
  // The number that follows those of earlier runs; 0 where there is none.
  [[nodiscard]] std::uint64_t next_number() const;
  // Removes the oldest until the rest is what is to be kept; never the newest window, nor that of
  // `written` (a path), which is the newest whatever the clock was before. How many files went.
  [[nodiscard]] Result<std::size_t> enforce(std::chrono::system_clock::time_point now,
                                            const std::string& written = {}) const;

 private:
  std::string pattern_;
  cli::Keep keep_;
};

// Where the files of a window go: `pattern` with its time and number, and %p as it stands. One by
// time that is there already, of any process (a clock that was set back, two in a second), is not
// replaced: -2, -3, ... follow the time.
[[nodiscard]] Result<std::string> files_of_window(const std::string& pattern,
                                                  std::chrono::system_clock::time_point begin,
                                                  std::uint64_t number);
// What that, where it has a %p, makes of one process, or of the rest where `process` is 0.
[[nodiscard]] Result<std::string> file_of_process(const std::string& files, std::int64_t process);

}  // namespace jtrace::session
