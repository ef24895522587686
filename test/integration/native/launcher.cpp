// SPDX-License-Identifier: Apache-2.0
// Starts a program at a known moment and with a known process id:
//
//   launcher wait -- COMMAND [ARG]...     prints "ready", reads a byte, becomes COMMAND
//   launcher tracefs -- COMMAND [ARG]...  becomes COMMAND in a mount namespace of its own, where
//                                         tracefs is mounted (and nowhere else)
//   launcher root TREE DIRECTORY AT -- COMMAND [ARG]...
//                                         becomes COMMAND with TREE as its root directory, in a
//                                         mount namespace of its own: with /proc, /dev, and
//                                         DIRECTORY of ours at AT
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

bool own_mounts() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

bool mount_tracefs() {
  return own_mounts() && mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr) == 0;
}

bool bind(const char* what, const std::string& at) {
  return mount(what, at.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0;
}

bool change_root(const std::string& tree, const char* directory, const std::string& at) {
  return own_mounts() && bind("/proc", tree + "/proc") && bind("/dev", tree + "/dev") &&
         bind(directory, tree + at) && chroot(tree.c_str()) == 0 && chdir("/") == 0;
}

bool wait_for_byte() {
  char byte = 0;
  return write(STDOUT_FILENO, "ready\n", 6) == 6 && read(STDIN_FILENO, &byte, 1) == 1;
}

}  // namespace

int main(int argc, char** argv) {
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view("--"));
  if (dashes - argv < 2 || end - dashes < 2) return 2;
  const std::string_view what = argv[1];
  const auto arguments = dashes - argv - 2;
  bool ok = false;
  if (what == "wait" && arguments == 0) ok = wait_for_byte();
  if (what == "tracefs" && arguments == 0) ok = mount_tracefs();
  if (what == "root" && arguments == 3) ok = change_root(argv[2], argv[3], argv[4]);
  if (!ok) {
    std::perror(argv[1]);
    return 126;
  }
  execvp(dashes[1], dashes + 1);
  std::perror(dashes[1]);
  return 127;
}
