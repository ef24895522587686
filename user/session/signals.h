// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::session {

// SIGINT, SIGTERM and SIGHUP as something to poll, without a handler or a global.
class StopSignals {
 public:
  [[nodiscard]] static Result<StopSignals> block();
  StopSignals(StopSignals&&) = default;
  StopSignals& operator=(StopSignals&&) = delete;
  ~StopSignals();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Takes the signal that came; from now on a second one ends the program at once (130 for SIGINT).
  void release();

 private:
  explicit StopSignals(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace jtrace::session
