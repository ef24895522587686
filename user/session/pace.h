// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <chrono>
#include <utility>

namespace jtrace::session {

// One thread serves all targets, and how long reading one of them takes is for that one to say:
// lists without an end, tables that lead to tables. Each call has a budget of reads; a call that
// used a lot of it is paid for by a pause, in which the other targets are served. Counted in CPU
// time: on a busy machine an honest target takes long by the clock.
class Pace {
 public:
  [[nodiscard]] bool allows() const { return std::chrono::steady_clock::now() >= rested_; }

  // `honest`: more than any real program needs for it.
  template <class Work>
  auto run(std::chrono::milliseconds honest, Work&& work) {
    const auto before = used();
    auto result = std::forward<Work>(work)();
    if (const auto took = used() - before; took > honest) {
      rested_ = std::chrono::steady_clock::now() + kRest * took;
    }
    return result;
  }

 private:
  static constexpr int kRest = 20;

  static std::chrono::nanoseconds used() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }

  std::chrono::steady_clock::time_point rested_;
};

}  // namespace jtrace::session
