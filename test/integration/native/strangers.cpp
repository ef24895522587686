// SPDX-License-Identifier: Apache-2.0
// strangers DEPTH EVENTS [SAME [REPEATED]]: prints "ready", waits for a byte, opens what is not
// there through SAME calls that are always the same and DEPTH that are others each time, so that no
// stack comes twice, and then REPEATED times by one path, says "over", waits for a byte and ends.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace {

std::uint64_t state = 1;
// Volatile, so that no call is one that the compiler could put last.
volatile int last = 0;

void go(int depth);

template <int N>
__attribute__((noinline)) void way(int depth) {
  if (depth == 0) {
    last = open("/no/such/file", O_RDONLY);
    return;
  }
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  go(depth - 1);
  last = N;
}

template <std::size_t... N>
constexpr std::array<void (*)(int), sizeof...(N)> ways(std::index_sequence<N...>) {
  return {way<N>...};
}

void go(int depth) {
  constexpr int kWays = 8;
  static constexpr auto kAll = ways(std::make_index_sequence<kWays>());
  constexpr int kGoodBits = 40;
  kAll[(state >> kGoodBits) % kWays](depth);
}

__attribute__((noinline)) void same(int calls, int depth) {
  if (calls == 0) {
    go(depth);
  } else {
    same(calls - 1, depth);
  }
  last = calls;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int calls = argc > 3 ? std::atoi(argv[3]) : 0;
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  for (int i = std::atoi(argv[2]); i > 0; --i) same(calls, std::atoi(argv[1]));
  for (int i = argc > 4 ? std::atoi(argv[4]) : 0; i > 0; --i) {
    state = 1;
    same(calls, std::atoi(argv[1]));
  }
  std::puts("over");
  std::fflush(stdout);
  return read(STDIN_FILENO, &byte, 1) == 1 ? 0 : 1;
}
