// SPDX-License-Identifier: Apache-2.0
// In a child each: what was given up is gone for good.
#include "session/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>

#include "base/sanitized.h"

namespace jtrace::session {
namespace {

// What `attempt`, a system call's result and errno, comes to in a child that did `confine`: 0 or
// the error; -1 where it could not be confined.
int in_child(const std::function<Status()>& confine, const std::function<long()>& attempt) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (!confine()) ::_exit(255);
    errno = 0;
    ::_exit(attempt() < 0 ? errno : 0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  constexpr int kNot = 255;
  return WIFEXITED(status) && WEXITSTATUS(status) != kNot ? WEXITSTATUS(status) : -1;
}

Status tracing() { return confine_tracing(kReadTargets); }

struct Attempt {
  const char* name;
  std::function<long()> call;
};

long open_null(int flags) { return ::open("/dev/null", flags | O_CLOEXEC); }

const std::array<Attempt, 9> kReachingOut{{
    {"execve", [] { return ::execl("/bin/true", "true", nullptr); }},
    {"fork", [] { return ::syscall(SYS_fork); }},
    {"process_vm_writev",
     [] {
       char from = 1;
       char to = 0;
       const iovec local{&from, 1};
       const iovec remote{&to, 1};
       return ::process_vm_writev(::getpid(), &local, 1, &remote, 1, 0);
     }},
    {"socket", [] { return long{::socket(AF_INET, SOCK_STREAM, 0)}; }},
    {"io_uring", [] { return ::syscall(SYS_io_uring_setup, 1UL, nullptr); }},
    {"perf_event_open", [] { return ::syscall(SYS_perf_event_open, nullptr, 0UL, 0UL, 0UL, 0UL); }},
    {"a BPF program", [] { return ::syscall(SYS_bpf, BPF_PROG_LOAD, nullptr, 0UL); }},
    {"a BPF map", [] { return ::syscall(SYS_bpf, BPF_MAP_CREATE, nullptr, 0UL); }},
    {"a newer BPF command", [] { return ::syscall(SYS_bpf, 1000UL, nullptr, 0UL); }},
}};

// By these, and by the open() of the kernel, not libc's, a sanitizer looks for leaks and reports.
const std::array<Attempt, 2> kReachingOutUnlessSanitized{{
    {"clone", [] { return ::syscall(SYS_clone, 17UL, nullptr, nullptr, nullptr, 0UL); }},
    {"ptrace", [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
}};
const Attempt kChangingUnlessSanitized{
    "the old open", [] { return ::syscall(SYS_open, "/dev/null", O_WRONLY | O_CLOEXEC); }};

const std::array<Attempt, 3> kChanging{{
    {"open for writing", [] { return open_null(O_WRONLY); }},
    {"open for both", [] { return open_null(O_RDWR); }},
    {"mkdir", [] { return long{::mkdir("/tmp", 0700)}; }},
}};

TEST(Confine, WhatReachesOutIsRefused) {
  for (const auto& [name, call] : kReachingOut) {
    EXPECT_EQ(in_child(tracing, call), EPERM) << name;
    EXPECT_EQ(in_child(confine_writing, call), EPERM) << name;
  }
  for (const auto& [name, call] : kReachingOutUnlessSanitized) {
    if (kSanitized) continue;
    EXPECT_EQ(in_child(tracing, call), EPERM) << name;
    EXPECT_EQ(in_child(confine_writing, call), EPERM) << name;
  }
  // Each of them but those that a filter alone refuses is no error otherwise.
  const auto nothing = [] { return Status(); };
  EXPECT_EQ(in_child(nothing, kReachingOut.front().call), 0);
}

TEST(Confine, OnlyTheWriterChangesFiles) {
  for (const auto& [name, call] : kChanging) {
    EXPECT_EQ(in_child(tracing, call), EPERM) << name;
    EXPECT_NE(in_child(confine_writing, call), EPERM) << name;
  }
  const auto& [name, call] = kChangingUnlessSanitized;
  EXPECT_EQ(in_child(tracing, call), kSanitized ? 0 : EPERM) << name;
}

TEST(Confine, TheSenderHasSocketsAndNothingElseOfThat) {
  for (const auto& [name, call] : kReachingOut) {
    const bool socket = std::string_view(name) == "socket";
    EXPECT_EQ(in_child(confine_sending, call), socket ? 0 : EPERM) << name;
  }
  const auto nobody = [] { return ::geteuid() != 0 ? 0L : -1L; };
  EXPECT_EQ(in_child(confine_sending, nobody), 0);
  const auto rights = [] { return permitted_rights() == CapabilitySet() ? 0L : -1L; };
  EXPECT_EQ(in_child(confine_sending, rights), 0);
  // It resolves names in a thread.
  EXPECT_EQ(in_child(confine_sending,
                     [] {
                       int done = 0;
                       std::thread([&] { done = 1; }).join();
                       return done - 1L;
                     }),
            0);
}

TEST(Confine, TheServerHasTheSocketsThatItWasGiven) {
  for (const auto& [name, call] : kReachingOut) {
    EXPECT_EQ(in_child(confine_serving, call), EPERM) << name;
  }
  for (const auto& [name, call] : kChanging) {
    EXPECT_EQ(in_child(confine_serving, call), EPERM) << name;
  }
  const auto nobody = [] { return ::geteuid() != 0 ? 0L : -1L; };
  EXPECT_EQ(in_child(confine_serving, nobody), 0);
  const auto rights = [] { return permitted_rights() == CapabilitySet() ? 0L : -1L; };
  EXPECT_EQ(in_child(confine_serving, rights), 0);
}

TEST(Confine, WhatTracingTakesGoesOn) {
  EXPECT_EQ(in_child(tracing, [] { return open_null(O_RDONLY); }), 0);
  EXPECT_EQ(in_child(tracing, [] { return long{::memfd_create("vdso", MFD_CLOEXEC)}; }), 0);
  EXPECT_EQ(in_child(tracing,
                     [] {
                       int done = 0;
                       std::thread([&] { done = 1; }).join();
                       return done - 1L;
                     }),
            0);
}

TEST(Confine, RightsAreGoneForGood) {
  EXPECT_EQ(in_child(tracing, [] { return ::setuid(0) == 0 ? 0L : -1L; }), EPERM);
  const auto kept = [] {
    const bool fewer = (permitted_rights().without(kReadTargets)) == CapabilitySet();
    return fewer && effective_rights() == permitted_rights() ? 0L : -1L;
  };
  EXPECT_EQ(in_child(tracing, kept), 0);
  const auto not_root = [] { return ::geteuid() != 0 && ::getuid() != 0 ? 0L : -1L; };
  EXPECT_EQ(in_child(tracing, not_root), 0);
}

}  // namespace
}  // namespace jtrace::session
