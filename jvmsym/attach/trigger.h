// SPDX-License-Identifier: Apache-2.0
// The file by which a JVM knows that SIGQUIT asks it to listen.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::jvmsym::attach {

// .attach_pidN, there while this object is. To be made as the user whom the JVM takes for itself.
class Trigger {
 public:
  // In `working`, the process's directory, or else in `tmp`, as the JVM looks for it. Errc::Target
  // with the reason where neither takes it.
  [[nodiscard]] static Result<Trigger> put(int working, int tmp, pid_t inner_pid, uid_t owner);
  Trigger(Trigger&& other) noexcept = default;
  Trigger& operator=(Trigger&&) = delete;
  Trigger(const Trigger&) = delete;
  Trigger& operator=(const Trigger&) = delete;
  ~Trigger();

 private:
  Trigger(UniqueFd directory, std::string name)
      : directory_(std::move(directory)), name_(std::move(name)) {}

  UniqueFd directory_;  // invalid: another tool's file serves, and stays
  std::string name_;
};

}  // namespace jtrace::jvmsym::attach
