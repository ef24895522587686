// SPDX-License-Identifier: Apache-2.0
// steady MILLISECONDS THREADS: prints "ready", waits for a byte, has its threads open what is not
// there as fast as they can, by two paths, says how often by each ("open_once 12"), waits for a
// byte and ends.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

std::atomic<bool> stop;

// Volatile, so that the call is none that the compiler could put last.
volatile int last = 0;

}  // namespace

extern "C" {
__attribute__((noinline)) void open_once() { last = open("/no/such/file", O_RDONLY); }
__attribute__((noinline)) void open_twice() { last = open("/no/such/other/file", O_RDONLY); }
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  std::atomic<unsigned long> rounds = 0;
  std::vector<std::jthread> threads;
  for (int i = std::atoi(argv[2]); i > 0; --i) {
    threads.emplace_back([&rounds] {
      unsigned long mine = 0;
      while (!stop) {
        open_once();
        open_twice();
        open_twice();
        ++mine;
      }
      rounds += mine;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(argv[1])));
  stop = true;
  threads.clear();
  std::printf("open_once %lu\nopen_twice %lu\nover\n", rounds.load(), 2 * rounds.load());
  std::fflush(stdout);
  return read(STDIN_FILENO, &byte, 1) == 1 ? 0 : 1;
}
