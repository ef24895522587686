// SPDX-License-Identifier: Apache-2.0
// A child process of a test: what it prints is gathered, every wait has a deadline.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::test {

class Child {
 public:
  // argv[0] is a path or is searched in PATH; no shell in between. `environment` is added to ours,
  // each "NAME=value".
  [[nodiscard]] static Result<Child> start(const std::vector<std::string>& argv,
                                           const std::vector<std::string>& environment = {});
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();  // kills it where it still runs

  // Reads what it prints until `done` says so of the child. Errc::Target where the child ended
  // first or the deadline passed: the message names `what` was waited for, and what was printed.
  [[nodiscard]] Status wait_until(const std::string& what,
                                  const std::function<bool(const Child&)>& done,
                                  std::chrono::milliseconds limit);

  // Reads what it has printed by now, so that it need not wait for us while we wait for another.
  void gather();

  // Until it has ended and all it printed is read. The exit status, or 128 + signal.
  [[nodiscard]] Result<int> wait_exit(std::chrono::milliseconds limit);

  // Errc::Target where it no longer reads.
  [[nodiscard]] Status send(std::string_view text);
  [[nodiscard]] Status signal(int number) const;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& out() const { return out_; }
  [[nodiscard]] const std::string& err() const { return err_; }

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  Child(pid_t pid, UniqueFd pidfd, UniqueFd in, UniqueFd out, UniqueFd err);
  // One poll(); false where the deadline has passed.
  bool read_some(Deadline deadline);
  // One poll() of at most `limit`; whether something was there.
  bool read_ready(std::chrono::milliseconds limit);
  bool reap();
  [[nodiscard]] std::string printed() const;

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd in_fd_, out_fd_, err_fd_;
  std::string out_, err_;
  int status_ = -1;  // once reaped
};

}  // namespace jtrace::test
