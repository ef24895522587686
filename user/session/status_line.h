// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

#include "capture/capture.h"

namespace jtrace::session {

// One line on a terminal that is written over twice a second; nothing anywhere else.
class StatusLine {
 public:
  using Clock = std::chrono::steady_clock;

  // `wanted` false (-q) never shows.
  explicit StatusLine(bool wanted);
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;
  ~StatusLine() { clear(); }

  [[nodiscard]] bool due(Clock::time_point now) const { return shows_ && now >= next_; }
  void show(Clock::time_point now, Clock::duration elapsed, const capture::Counters& counters,
            std::size_t stacks, std::uint32_t ratio = 1);
  void clear();

 private:
  bool shows_;
  bool visible_ = false;
  Clock::time_point next_{};
  Clock::time_point last_{};
  std::uint64_t last_fired_ = 0;
};

}  // namespace jtrace::session
