// SPDX-License-Identifier: Apache-2.0
// truth_parent TIMES COMMAND [ARG]...: prints "ready", waits for a byte, then runs the command so
// many times, one after the other, and prints "process PID" behind what each has printed.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

extern char** environ;

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  for (int i = std::atoi(argv[1]); i > 0; --i) {
    pid_t pid = 0;
    int status = 0;
    if (posix_spawn(&pid, argv[2], nullptr, nullptr, argv + 2, environ) != 0) return 1;
    if (waitpid(pid, &status, 0) != pid || status != 0) return 1;
    std::printf("process %d\n", pid);
    std::fflush(stdout);
  }
  std::puts("over");
  return 0;
}
