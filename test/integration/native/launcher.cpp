// SPDX-License-Identifier: Apache-2.0
// Starts a program at a known moment and with a known process id:
//
//   launcher wait -- COMMAND [ARG]...     prints "ready", reads a byte, becomes COMMAND
//   launcher tracefs -- COMMAND [ARG]...  becomes COMMAND in a mount namespace of its own, where
//                                         tracefs is mounted (and nowhere else)
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

namespace {

bool mount_tracefs() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr) == 0;
}

bool wait_for_byte() {
  char byte = 0;
  return write(STDOUT_FILENO, "ready\n", 6) == 6 && read(STDIN_FILENO, &byte, 1) == 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::string_view(argv[2]) != "--") return 2;
  const std::string_view what = argv[1];
  const bool ok = what == "wait" ? wait_for_byte() : what == "tracefs" && mount_tracefs();
  if (!ok) {
    std::perror(argv[1]);
    return 126;
  }
  execvp(argv[3], argv + 3);
  std::perror(argv[3]);
  return 127;
}
