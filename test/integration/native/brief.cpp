// SPDX-License-Identifier: Apache-2.0
// truth_brief MILLISECONDS: opens files for as long, about one each millisecond, prints "opens N"
// and ends.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

long now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

extern "C" [[gnu::noinline]] void brief_open() {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd < 0) std::abort();
  close(fd);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const timespec nap{.tv_sec = 0, .tv_nsec = 1'000'000};
  int opens = 0;
  for (const long end = now_ms() + std::atoi(argv[1]); now_ms() < end; ++opens) {
    brief_open();
    nanosleep(&nap, nullptr);
  }
  std::printf("opens %d\n", opens);
  return 0;
}
