// SPDX-License-Identifier: Apache-2.0
// To be preloaded: the clock of the day jumps a day forth and a day back, in turn, at each look.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <ctime>

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static std::atomic<unsigned> looks{0};
  constexpr long kDay = 86400;
  const long result = syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += looks++ % 2 == 0 ? kDay : -kDay;
  return static_cast<int>(result);
}
