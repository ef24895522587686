// SPDX-License-Identifier: Apache-2.0
// The command behind `--`: made before rights are given up, held before its first instruction.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::session {

class Command {
 public:
  // To be called by a process with one thread, first of all that forks: the child has our files,
  // and whoever forks later must not keep its pipe open. Errc::NotFound, Errc::NotExecutable.
  [[nodiscard]] static Result<Command> start(const std::vector<std::string>& words);
  Command(Command&& other) noexcept;
  Command& operator=(Command&&) = delete;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  // One that was not released ends without having executed anything.
  ~Command();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The last part of its path: what its process is called.
  [[nodiscard]] const std::string& name() const { return name_; }
  // Lets it go.
  void release();
  // Has it ended? Asked in each turn; has_ended() is what came of it.
  [[nodiscard]] bool ended();
  [[nodiscard]] bool has_ended() const { return status_.has_value(); }
  // Its exit status, or 128 and its signal; the error where it was not executed at all.
  [[nodiscard]] Result<int> status() const;

 private:
  Command(pid_t pid, std::string name, UniqueFd hold, UniqueFd report)
      : pid_(pid), name_(std::move(name)), hold_(std::move(hold)), report_(std::move(report)) {}

  pid_t pid_ = -1;
  std::string name_;
  UniqueFd hold_;    // it waits for a byte
  UniqueFd report_;  // closed by its exec; else it says why that failed
  std::optional<int> status_;
  int failure_ = 0;  // errno of its exec
};

}  // namespace jtrace::session
