// SPDX-License-Identifier: Apache-2.0
// naps N: prints "ready", waits for a byte, sleeps N times for 100 us, and ends.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  const timespec nap{.tv_sec = 0, .tv_nsec = 100'000};
  for (int i = std::atoi(argv[1]); i > 0; --i) clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
  return 0;
}
