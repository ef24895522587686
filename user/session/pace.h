// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace jtrace::session {

// One thread serves all targets, and how long reading one of them takes is for that one to say:
// lists without an end, tables that lead to tables. Each call has a budget of reads; calls that use
// a lot of it, time and again, are paid for by a pause, in which the other targets are served. A
// single one is not: on a busy machine it may be an honest target's, whose names would be gone by
// then. Counted in CPU time, since there an honest target takes long by the clock.
class Pace {
 public:
  [[nodiscard]] bool allows() { return credit() > Nanoseconds::zero(); }

  // `honest`: more than any real program needs for it.
  template <class Work>
  auto run(std::chrono::milliseconds honest, Work&& work) {
    const auto before = used();
    auto result = std::forward<Work>(work)();
    if (const auto took = used() - before; took > honest) credit_ = credit() - took;
    return result;
  }

 private:
  using Nanoseconds = std::chrono::nanoseconds;
  using Clock = std::chrono::steady_clock;
  static constexpr Nanoseconds kCredit = std::chrono::milliseconds(200);
  static constexpr int kRest = 20;  // a pause is that many times what was used beyond it

  Nanoseconds credit() {
    const auto now = Clock::now();
    credit_ = std::min(kCredit, credit_ + Nanoseconds(now - seen_) / kRest);
    seen_ = now;
    return credit_;
  }
  static Nanoseconds used() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + Nanoseconds(now.tv_nsec);
  }

  Nanoseconds credit_ = kCredit;
  Clock::time_point seen_ = Clock::now();
};

}  // namespace jtrace::session
