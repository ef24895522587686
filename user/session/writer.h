// SPDX-License-Identifier: Apache-2.0
// Who traces has no rights left to write files with: a process that was made before they were given
// up, and never sees anything of a target but finished outputs, keeps those.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "session/output.h"

namespace jtrace::session {

class Writer {
 public:
  // Only the files planned here can be written. Where all go to standard output there is no
  // process. To be called by a process with one thread, before anything is open that must close for
  // good.
  // Which number files of windows begin with and which of them go is the writer's.
  [[nodiscard]] static Result<Writer> start(const std::vector<Output>& outputs);
  Writer() = default;
  Writer(Writer&& other) noexcept;
  Writer& operator=(Writer&& other) noexcept;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  // -1: there is none.
  [[nodiscard]] pid_t pid() const { return pid_; }
  // The window that an output is of.
  struct Slot {
    std::uint32_t number = 0;
    std::chrono::system_clock::time_point begin{};
    std::int64_t process = 0;  // where each has a file of its own; 0: the rest
    bool last = true;          // of the output's files of this window
    cli::Keep keep{};          // of those of all windows
  };
  struct Written {
    std::string path;
    std::string trouble;  // not empty: old files could not be removed
  };
  // As write_file() and write_all(), of outputs[index].
  [[nodiscard]] Result<Written> write(const std::vector<Output>& outputs, std::size_t index,
                                      const Slot& slot, std::string_view bytes) const;

 private:
  Writer(UniqueFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

  UniqueFd socket_;
  pid_t pid_ = -1;
};

}  // namespace jtrace::session
