// SPDX-License-Identifier: Apache-2.0
// guest LIBRARY TIMES: prints "ready", waits for a byte, loads the library, opens what is not there
// so often through its wide_back, prints "over", waits for a byte and ends; where it is an a, it
// does that again first.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "integration/native/chain.h"

extern "C" TRUTH_FRAME void guest_open() { close(open("/no/such/file", O_RDONLY | O_CLOEXEC)); }

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  void* const library = dlopen(argv[1], RTLD_NOW);
  if (library == nullptr) return 3;
  const auto back = reinterpret_cast<void (*)(truth::Callback)>(dlsym(library, "wide_back"));
  if (back == nullptr) return 4;
  do {
    for (int i = std::atoi(argv[2]); i > 0; --i) {
      back(guest_open);
      usleep(1000);
    }
    std::puts("over");
    std::fflush(stdout);
    if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  } while (byte == 'a');
  return 0;
}
