// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace jtrace::session {

// When windows begin and end: at whole lengths from the begin of the trace, so that they do not
// drift; later where something held us up, and the next one is shorter for it.
class WindowClock {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  using Wall = std::chrono::system_clock::time_point;
  struct Span {
    Wall begin;
    std::chrono::steady_clock::duration length{};
  };

  // `length` 0: there is one window, which is never due.
  WindowClock(std::chrono::nanoseconds length, Steady now, Wall wall)
      : length_(length), begin_(now), wall_(wall), due_(now + length) {}

  [[nodiscard]] bool has_windows() const { return length_.count() != 0; }
  [[nodiscard]] bool is_due(Steady now) const { return has_windows() && now >= due_; }
  [[nodiscard]] Steady due() const { return due_; }

  // The window that goes on.
  [[nodiscard]] Span so_far(Steady now) const { return {.begin = wall_, .length = now - begin_}; }

  // Ends the window and begins the next one.
  Span cut(Steady now, Wall wall) {
    const Span ended{.begin = wall_, .length = now - begin_};
    begin_ = now;
    wall_ = wall;
    if (has_windows() && now >= due_) due_ += length_ * ((now - due_) / length_ + 1);
    return ended;
  }

  // Of a window that has just begun, and of those behind it.
  void set_length(std::chrono::nanoseconds length) {
    length_ = length;
    due_ = begin_ + length;
  }

 private:
  std::chrono::nanoseconds length_;
  Steady begin_;
  Wall wall_;
  Steady due_;
};

}  // namespace jtrace::session
