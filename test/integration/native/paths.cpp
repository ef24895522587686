// SPDX-License-Identifier: Apache-2.0
// paths BITS ROUNDS: opens /dev/null along each of 2^BITS call paths, ROUNDS times over. Prints
// "ready", waits for a byte; prints "round" after each round and "opens N" at the end.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

unsigned long opens = 0;

void left(unsigned bits, unsigned path);
void right(unsigned bits, unsigned path);

[[gnu::noinline]] void next(unsigned bits, unsigned path) {
  if (bits == 0) {
    const int fd = openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) std::abort();
    close(fd);
    ++opens;
  } else if ((path & 1U) != 0) {
    left(bits - 1, path >> 1U);
  } else {
    right(bits - 1, path >> 1U);
  }
}

[[gnu::noinline]] void left(unsigned bits, unsigned path) {
  next(bits, path);
  asm volatile("");
}

[[gnu::noinline]] void right(unsigned bits, unsigned path) {
  next(bits, path);
  asm volatile("" ::: "memory");
}

void say(const char* text) {
  std::fputs(text, stdout);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto bits = static_cast<unsigned>(std::atoi(argv[1]));
  const int rounds = std::atoi(argv[2]);
  say("ready\n");
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  for (int round = 0; round < rounds; ++round) {
    for (unsigned path = 0; path < 1U << bits; ++path) next(bits, path);
    say("round\n");
  }
  std::printf("opens %lu\n", opens);
}
