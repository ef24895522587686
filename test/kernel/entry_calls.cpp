// SPDX-License-Identifier: Apache-2.0
#include "kernel/entry_calls.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <utility>

#include "base/unique_fd.h"

namespace jtrace::test {
namespace {

struct Gate {
  UniqueFd entrance, exit;
};

Result<Gate> make_gate() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return fail(Errc::Internal, errno_text("pipe", errno));
  return Gate{.entrance = UniqueFd(ends[1]), .exit = UniqueFd(ends[0])};
}

// No call is made but those of the scene: what the target closes is counted.
[[noreturn]] void wait_and_run(const Gate& gate, const std::function<int()>& calls) {
  char byte = 0;
  (void)!::read(gate.exit.get(), &byte, 1);
  const int status = calls();
  ::syscall(SYS_exit_group, status);
  __builtin_unreachable();
}

void open_gate(const Gate& gate) { (void)!::write(gate.entrance.get(), "", 1); }

Result<int> end_of(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return fail(Errc::Internal, errno_text("waitpid", errno));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

long raw_call(long number, long argument) {
  long result = 0;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(argument) : "rcx", "r11", "memory");
  return result;
}

// At the begin of a call.
void meddle(pid_t pid) {
  user_regs_struct regs{};
  ::ptrace(PTRACE_GETREGS, pid, nullptr, &regs);
  const auto argument = static_cast<long>(regs.rdi);
  const bool closes = regs.orig_rax == SYS_close;
  if (closes && argument == kOther) {
    regs.orig_rax = static_cast<unsigned long long>(-1);
  } else if (closes && argument == kChanged) {
    regs.rdi = kTaken;
  } else if (closes && argument == kReplaced) {
    regs.orig_rax = SYS_getppid;
  } else if (regs.orig_rax == SYS_getppid && argument == kFromOther) {
    regs.orig_rax = SYS_close;
    regs.rdi = kTaken;
  } else {
    return;
  }
  ::ptrace(PTRACE_SETREGS, pid, nullptr, &regs);
}

}  // namespace

Result<int> in_child(const std::function<int()>& calls, const std::function<Status(pid_t)>& ready) {
  JT_TRY(const Gate gate, make_gate());
  const pid_t pid = ::fork();
  if (pid == 0) wait_and_run(gate, calls);
  const Status told = ready(pid);
  open_gate(gate);
  JT_TRY(const int status, end_of(pid));
  JT_CHECK_OK(told);
  return status;
}

Result<int> in_traced_child(const std::function<int()>& calls,
                            const std::function<Status(pid_t)>& ready) {
  JT_TRY(const Gate gate, make_gate());
  const pid_t pid = ::fork();
  if (pid == 0) wait_and_run(gate, calls);
  const Status told = ready(pid);
  ::ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACESYSGOOD);
  ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
  int status = 0;
  open_gate(gate);
  constexpr int kCallStop = SIGTRAP | 0x80;
  while (::waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
    if (WSTOPSIG(status) == kCallStop) {
      __ptrace_syscall_info info{};
      ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
      if (info.op == PTRACE_SYSCALL_INFO_ENTRY) meddle(pid);
    }
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
  }
  JT_CHECK_OK(told);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void close_often(long argument, int times) {
  const long number = argument == kFromOther ? SYS_getppid : SYS_close;
  for (int i = 0; i < times; ++i) raw_call(number, argument);
}

void call_often(CallOf call, int times) {
  constexpr std::array kNumbers{SYS_getpgid, SYS_mmap, SYS_mprotect, SYS_mremap};
  for (int i = 0; i < times; ++i) raw_call(kNumbers.at(static_cast<std::size_t>(call)), -1);
}

bool refuse_other() {
  std::array<sock_filter, 6> filter{
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kOther, 0, 1),
       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog program{.len = filter.size(), .filter = filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
         raw_call(SYS_close, kOther) == -EPERM;
}

void close_by_other_abis(int times) {
  constexpr long kX32 = 0x40000000, kClose32 = 6;
  for (int i = 0; i < times; ++i) {
    raw_call(SYS_close | kX32, kTaken);
    long result = 0;
    asm volatile("int $0x80" : "=a"(result) : "a"(kClose32), "b"(kTaken) : "memory");
  }
}

int close_by_long_number(int times) {
  long result = 0;
  for (int i = 0; i < times; ++i) result = raw_call(SYS_close | 1L << 32, kTaken);
  return result == -EBADF ? 0 : 1;
}

void gettimeofday_by_vsyscall(int times) {
  // Where it has been since 2.6; the kernel does what is called there.
  const auto vsyscall = reinterpret_cast<int (*)(timeval*, void*)>(0xffffffffff600000UL);
  timeval now{};
  for (int i = 0; i < times; ++i) (void)vsyscall(&now, nullptr);
}

std::pair<double, double> time_calls(int times) {
  const auto time = [times](long number, long argument) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) raw_call(number, argument);
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start)
               .count() /
           times;
  };
  (void)time(SYS_getppid, 0);
  const double others = time(SYS_getppid, 0);
  return {others, time(SYS_close, -1)};
}

}  // namespace jtrace::test
