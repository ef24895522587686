// SPDX-License-Identifier: Apache-2.0
// many_values STACKS NAMES: prints "ready", waits for a byte, then asks for NAMES files that are
// not there from each of STACKS stacks, no name twice, and ends.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

[[gnu::noinline, gnu::noclone]] int open_all(int depth, int stack, int names) {
  if (depth != 0) {
    int n = open_all(depth - 1, stack, names);
    asm volatile("" : "+r"(n));
    return n;
  }
  int failed = 0;
  for (int i = 0; i < names; ++i) {
    const std::string path = "/no/such/" + std::to_string(stack) + "/" + std::to_string(i);
    failed += open(path.c_str(), O_RDONLY) < 0;
  }
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int stacks = std::atoi(argv[1]);
  const int names = std::atoi(argv[2]);
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  for (int stack = 0; stack < stacks; ++stack) {
    if (open_all(stack, stack, names) != names) return 1;
  }
  return 0;
}
