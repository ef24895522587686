// SPDX-License-Identifier: Apache-2.0
#include "process/identity.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <latch>
#include <string>
#include <thread>

namespace jtrace::process {
namespace {

TEST(FindProcess, findsOurselves) {
  const auto info = find_process(::getpid());
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->key.tgid, ::getpid());
  EXPECT_GT(info->key.start_ticks, 0U);
  EXPECT_FALSE(info->kernel_thread);
  EXPECT_TRUE(info->is_64bit);
  EXPECT_EQ(find_process(::getpid())->key, info->key);
}

TEST(FindProcess, hostileNamesDoNotMisleadTheParser) {
  char before[16] = {};
  ::prctl(PR_GET_NAME, before);
  const auto honest = find_process(::getpid());
  ::prctl(PR_SET_NAME, "x) Z 1\n(y) R 2");
  const auto info = find_process(::getpid());
  ::prctl(PR_SET_NAME, before);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->key, honest->key);
  EXPECT_TRUE(info->comm.starts_with("x) Z 1"));
}

TEST(Programs, theBusiestComeFirstAndThreadsOfTheKernelNot) {
  const pid_t zombie = ::fork();
  if (zombie == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT), 0);
  const auto programs = programs_by_cpu_time();
  ::waitpid(zombie, nullptr, 0);
  const auto has = [&](pid_t pid) {
    return std::ranges::find(programs, pid, &ProcessText::tgid) != programs.end();
  };
  EXPECT_TRUE(has(::getpid()));
  EXPECT_FALSE(has(zombie));
  EXPECT_FALSE(has(2)) << "kthreadd, in the pid namespace of the host";
  EXPECT_TRUE(std::ranges::is_sorted(programs, std::ranges::greater(), &ProcessText::cpu_ticks));
}

TEST(ParseProcess, addsItsTimeInUserAndKernel) {
  const std::string rest = ") S 1 7 7 0 -1 4194560 10 20 30 40 250 17 9 9 20 0 1 0 4711 0\n";
  const auto process = parse_process("Tgid:\t7\n", "7 (a b) c" + rest);
  ASSERT_TRUE(process);
  EXPECT_EQ(process->cpu_ticks, 267U);
  EXPECT_EQ(process->start_ticks, 4711U);
  EXPECT_EQ(process->comm, "a b) c");
}

TEST(FindProcess, saysThereIsNone) {
  for (const pid_t pid : {0, -1, 0x7fffffff}) {
    const auto info = find_process(pid);
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().code, Errc::Target);
    EXPECT_EQ(info.error().message, fmt::format("no such process: {}", pid));
  }
}

TEST(FindProcess, namesTheProcessOfAThread) {
  std::latch known(1);
  std::latch done(1);
  pid_t tid = 0;
  const std::jthread thread([&] {
    tid = static_cast<pid_t>(::syscall(SYS_gettid));
    known.count_down();
    done.wait();
  });
  known.wait();
  const auto info = find_process(tid);
  done.count_down();
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, Errc::Target);
  EXPECT_EQ(info.error().message, fmt::format("{} is a thread of process {}", tid, ::getpid()));
  EXPECT_EQ(info.error().hint, fmt::format("use -p {}", ::getpid()));
}

TEST(FindProcess, refusesAZombie) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(0);
  siginfo_t exited{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &exited, WEXITED | WNOWAIT), 0);
  const auto info = find_process(child);
  ::waitpid(child, nullptr, 0);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, Errc::Target);
  EXPECT_NE(info.error().message.find("zombie"), std::string::npos);
}

// A process that is `inner` in a pid namespace of its own; it ends when the writing end of `stop`
// is closed. Returns the process to wait for.
pid_t start_in_namespace(pid_t inner, int ready, const int (&stop)[2]) {
  const pid_t maker = ::fork();
  if (maker != 0) return maker;
  ::close(stop[1]);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::unshare(CLONE_NEWPID) != 0) ::_exit(1);
  const pid_t first = ::fork();  // its death ends the namespace
  if (first != 0) {
    ::waitpid(first, nullptr, 0);
    ::_exit(0);
  }
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uint64_t>(&inner);
  arguments.set_tid_size = 1;
  char byte = '!';
  if (::syscall(SYS_clone3, &arguments, sizeof arguments) != 0) {
    ::waitpid(-1, nullptr, 0);
    ::_exit(0);
  }
  (void)!::write(ready, &byte, 1);
  (void)!::read(stop[0], &byte, 1);
  ::_exit(0);
}

TEST(FindProcess, tellsANumberOfAnotherPidNamespace) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: cannot make a pid namespace";
  pid_t inner = 32'000;  // below any pid_max
  while (::kill(inner, 0) == 0) --inner;
  int ready[2] = {};
  int stop[2] = {};
  ASSERT_EQ(::pipe(ready) | ::pipe(stop), 0);
  const pid_t maker = start_in_namespace(inner, ready[1], stop);
  ::close(ready[1]);
  ::close(stop[0]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1) << "no namespace";
  const auto info = find_process(inner);
  ::close(stop[1]);
  ::close(ready[0]);
  ::waitpid(maker, nullptr, 0);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, Errc::Target);
  EXPECT_EQ(info.error().message,
            fmt::format("no such process: {} is a number in another pid namespace", inner));
  EXPECT_TRUE(info.error().hint.starts_with("here it is -p ")) << info.error().hint;
}

TEST(PidNamespace, agreesWithTheKernelsFixedInode) {
  struct stat own{};
  ASSERT_EQ(::stat("/proc/self/ns/pid", &own), 0);
  // 0xEFFFFFFC is the initial namespace's inode; where process 1 can be looked at it decides.
  struct stat first{};
  const bool first_seen = ::stat("/proc/1/ns/pid", &first) == 0;
  EXPECT_EQ(in_initial_pid_namespace(), (first_seen ? first : own).st_ino == 0xEFFFFFFCU);
}

}  // namespace
}  // namespace jtrace::process
