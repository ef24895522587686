// SPDX-License-Identifier: Apache-2.0
// Starts a program at a known moment and with a known process id:
//
//   launcher wait -- COMMAND [ARG]...     prints "ready", reads a byte, becomes COMMAND
//   launcher tracefs -- COMMAND [ARG]...  becomes COMMAND in a mount namespace of its own, where
//                                         tracefs is mounted (and nowhere else)
//   launcher refuse COMMAND-NUMBER -- COMMAND [ARG]...
//                                         becomes COMMAND, whose bpf(COMMAND-NUMBER) has no memory
//   launcher root TREE DIRECTORY AT -- COMMAND [ARG]...
//                                         becomes COMMAND with TREE as its root directory, in a
//                                         mount namespace of its own: with /proc, /dev, and
//                                         DIRECTORY of ours at AT
//   launcher container TREE DIRECTORY AT UID ro|rw -- COMMAND [ARG]...
//                                         runs COMMAND as process 2 of a pid namespace, as an
//                                         ordinary user, the root directory an overlay on TREE that
//                                         has no /tmp; ro: nothing can be written there. Process 1
//                                         stays a launcher and ends as COMMAND ends
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

bool own_mounts() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

bool mount_tracefs() {
  // Busy: it is there already.
  return own_mounts() &&
         (mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr) == 0 || errno == EBUSY);
}

bool refuse_bpf(unsigned command) {
  constexpr std::uint32_t kAnswer = SECCOMP_RET_ERRNO | ENOMEM;
  std::array<sock_filter, 6> code{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, command, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kAnswer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

bool bind(const char* what, const std::string& at) {
  return mount(what, at.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0;
}

bool change_root(const std::string& tree, const char* directory, const std::string& at) {
  return own_mounts() && bind("/proc", tree + "/proc") && bind("/dev", tree + "/dev") &&
         bind(directory, tree + at) && chroot(tree.c_str()) == 0 && chdir("/") == 0;
}

// The child is killed with us; we end as it ends. True in the child.
bool fork_and_wait() {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
  int status = 0;
  if (waitpid(child, &status, 0) != child) std::_Exit(126);
  std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

bool make(const std::string& directory) {
  constexpr mode_t kMode = 0755;
  return mkdir(directory.c_str(), kMode) == 0 || access(directory.c_str(), F_OK) == 0;
}

// As container runtimes do: changes are kept in memory, the old root is nowhere.
bool overlay(const std::string& tree, const char* directory, const std::string& at, bool writable) {
  const std::string scratch = tree + "/tmp";
  const std::string root = scratch + "/root";
  const std::string layers =
      "lowerdir=" + tree + ",upperdir=" + scratch + "/upper,workdir=" + scratch + "/work";
  const unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;
  return mount("tmpfs", scratch.c_str(), "tmpfs", 0, nullptr) == 0 && make(root) &&
         make(scratch + "/upper") && make(scratch + "/work") &&
         mknod((scratch + "/upper/tmp").c_str(), S_IFCHR, 0) == 0 &&  // a whiteout
         mount("overlay", root.c_str(), "overlay", 0, layers.c_str()) == 0 && make(root + at) &&
         make(root + "/proc") && mount("proc", (root + "/proc").c_str(), "proc", 0, nullptr) == 0 &&
         bind("/dev", root + "/dev") && bind(directory, root + at) &&
         (writable || mount(nullptr, root.c_str(), nullptr, flags, nullptr) == 0) &&
         chdir(root.c_str()) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
         umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
}

bool become(uid_t user) {
  return setgroups(0, nullptr) == 0 && setgid(user) == 0 && setuid(user) == 0;
}

bool contain(char** argv) {
  const auto user = static_cast<uid_t>(std::atoi(argv[3]));
  const bool writable = argv[4] == std::string_view("rw");
  return own_mounts() && unshare(CLONE_NEWPID | CLONE_NEWIPC) == 0 && fork_and_wait() &&
         overlay(argv[0], argv[1], argv[2], writable) && fork_and_wait() && become(user);
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
  if (what == "refuse" && arguments == 1)
    ok = refuse_bpf(static_cast<unsigned>(std::atoi(argv[2])));
  if (what == "root" && arguments == 3) ok = change_root(argv[2], argv[3], argv[4]);
  if (what == "container" && arguments == 5) ok = contain(argv + 2);
  if (!ok) {
    std::perror(argv[1]);
    return 126;
  }
  execvp(dashes[1], dashes + 1);
  std::perror(dashes[1]);
  return 127;
}
