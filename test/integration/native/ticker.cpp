// SPDX-License-Identifier: Apache-2.0
// ticker CPU MICROSECONDS: fires a timer on that CPU as often, so that whatever runs there is
// interrupted anywhere. Ends with its parent.
#include <sched.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(std::atoi(argv[1]), &cpus);
  if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0) return 1;
  prctl(PR_SET_TIMERSLACK, 1UL);
  const timespec interval{0, std::atol(argv[2]) * 1000};
  for (;;) nanosleep(&interval, nullptr);
}
