// SPDX-License-Identifier: Apache-2.0
#include "helper/jail.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/rights.h"
#include "base/sanitized.h"

namespace jtrace::helper {
namespace {

constexpr rlim_t kAddressSpace = 1536UL << 20;
constexpr rlim_t kCpuSeconds = 5;
constexpr rlim_t kOpenFiles = 32;

// What parsing takes. The memory calls are below, since they may not make code.
constexpr std::array kAllowed = {
    SYS_read,         SYS_pread64,   SYS_recvmsg,    SYS_sendmsg,     SYS_close,
    SYS_lseek,        SYS_fstat,     SYS_fcntl,      SYS_munmap,      SYS_mremap,
    SYS_madvise,      SYS_brk,       SYS_futex,      SYS_exit,        SYS_exit_group,
    SYS_rt_sigreturn, SYS_getrandom, SYS_newfstatat, SYS_sched_yield, SYS_clock_gettime,
};
constexpr std::array kMemory = {SYS_mmap, SYS_mprotect};

sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
sock_filter give(std::uint32_t verdict) { return BPF_STMT(BPF_RET | BPF_K, verdict); }
// The next `skip` statements are for this value only.
sock_filter unless(long value, std::uint8_t skip) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(value), 0, skip);
}

std::vector<sock_filter> make_filter() {
  std::vector<sock_filter> code{load(offsetof(seccomp_data, arch)),
                                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
                                give(SECCOMP_RET_KILL_PROCESS), load(offsetof(seccomp_data, nr))};
  for (const long call : kAllowed) {
    code.push_back(unless(call, 1));
    code.push_back(give(SECCOMP_RET_ALLOW));
  }
  for (const long call : kMemory) {
    code.push_back(unless(call, 4));
    code.push_back(load(offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t)));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
    code.push_back(give(SECCOMP_RET_KILL_PROCESS));
    code.push_back(give(SECCOMP_RET_ALLOW));
  }
  code.push_back(give(SECCOMP_RET_ERRNO | EPERM));
  return code;
}

bool restrict_calls() {
  std::vector<sock_filter> code = make_filter();
  const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void limit(__rlimit_resource_t resource, rlim_t value) {
  const rlimit both{.rlim_cur = value, .rlim_max = value};
  (void)::setrlimit(resource, &both);
}

}  // namespace

void limit_resources() {
  // The sanitizers' shadow takes terabytes of addresses.
  if (!kSanitized) limit(RLIMIT_AS, kAddressSpace);
  limit(RLIMIT_CPU, kCpuSeconds);
  // Their reports are files.
  if (!kSanitized) limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, kOpenFiles);
}

bool give_up_rights() {
  if (!jtrace::give_up_rights({}, true)) return false;
  // Nobody has many processes: only now.
  limit(RLIMIT_NPROC, 0);
  // Its runtime reads its options when it has something to report: from /proc/self/environ, which
  // is root's after that change of user.
  if (kSanitized) return ::prctl(PR_SET_DUMPABLE, 1UL, 0UL, 0UL, 0UL) == 0;
  return restrict_calls();
}

}  // namespace jtrace::helper
