// SPDX-License-Identifier: Apache-2.0
// --max-memory: what the kernel's tables and this process take together.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "capture/capture.h"

namespace jtrace::session {

// What this process holds in memory, in bytes: all of it, and without files and what it shares with
// the kernel, the ring buffer, which is the kernel's already.
struct Resident {
  std::uint64_t all = 0;
  std::uint64_t own = 0;
};
[[nodiscard]] Resident resident();

class MemoryLimit {
 public:
  using Clock = std::chrono::steady_clock;

  // `most` 0: none.
  explicit MemoryLimit(std::uint64_t most) : most_(most) {}

  // Unwind rows, of which there are `most` where there is no limit.
  [[nodiscard]] std::uint32_t rows(std::uint32_t most) const;
  // Of the symbols of files, where `most` would do.
  [[nodiscard]] std::size_t symbol_bytes(std::size_t most) const;
  // Before they are there: whether this process takes less than the quarter that may be read ahead.
  [[nodiscard]] bool has_room_ahead() const;
  // Makes the kernel's tables small enough for it.
  void size(capture::CaptureConfig& config) const;
  // Once they are there, before anything is traced: Errc::Usage where what is left would not do.
  [[nodiscard]] Status check(std::uint64_t kernel_bytes);

  // Whether it is reached, `met` being the bytes of what the window has met; looked at 500 times a
  // second.
  [[nodiscard]] bool reached(Clock::time_point now, std::uint64_t met);
  // Whether there is room to look at that, beside what its end will take.
  [[nodiscard]] bool has_room_for(std::uint64_t met) const;
  // Whether names that no window needs any more are worth forgetting.
  [[nodiscard]] bool is_close() const;
  // Gives back to the kernel what was freed.
  static void give_back();

  [[nodiscard]] std::uint64_t kernel_bytes() const { return kernel_; }

 private:
  std::uint64_t most_;
  std::uint64_t kernel_ = 0;
  Clock::time_point next_{};
};

}  // namespace jtrace::session
