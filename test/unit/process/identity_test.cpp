// SPDX-License-Identifier: Apache-2.0
#include "process/identity.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <latch>
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
