// SPDX-License-Identifier: Apache-2.0
#include "session/confine.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>

#include "base/sanitized.h"

namespace jtrace::session {
namespace {

// Why a list of what is refused, not of what is allowed: what libc, libelf and libbpf call differs
// from release to release (clone3, rseq, futex_waitv came with updates of libc), and a trace that
// loses its profile to a call that nobody thought of protects nobody. What could reach beyond this
// process is known, and is below. Why an error, not a kill: libraries take one (they try newer
// calls first), and what was traced so far is still written.
constexpr std::array kRefused{
    // Other programs, other processes.
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork),
    SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise), SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal), SCMP_SYS(kcmp), SCMP_SYS(setns), SCMP_SYS(unshare),
    // Mounts.
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(move_mount),
    SCMP_SYS(open_tree), SCMP_SYS(mount_setattr), SCMP_SYS(open_by_handle_at), SCMP_SYS(quotactl),
    // The kernel itself.
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(acct), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname), SCMP_SYS(syslog), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(personality),
    SCMP_SYS(vhangup),
    // Its operations pass no filter.
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    // What was read goes into the outputs and nowhere else.
    SCMP_SYS(socket),
    // Back to more rights.
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid),
    SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(setgroups),
    SCMP_SYS(capset)};

// What is among them for who asks JVMs: their sockets, SIGQUIT, their users.
constexpr std::array kAttaches{SCMP_SYS(fork),     SCMP_SYS(vfork),     SCMP_SYS(pidfd_send_signal),
                               SCMP_SYS(socket),   SCMP_SYS(setresuid), SCMP_SYS(setresgid),
                               SCMP_SYS(setgroups)};

// ... and for who sends profiles to a backend.
constexpr std::array kSends{SCMP_SYS(socket)};

// The sanitizer of leaks looks at the process by these when it ends.
constexpr std::array kRefusedUnlessSanitized{SCMP_SYS(ptrace)};

// Making or changing files is the writer's; a target's memory is such a file, too.
constexpr std::array kChangesFiles{
    SCMP_SYS(creat),       SCMP_SYS(truncate),  SCMP_SYS(rename),    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),   SCMP_SYS(link),      SCMP_SYS(linkat),    SCMP_SYS(symlink),
    SCMP_SYS(symlinkat),   SCMP_SYS(unlink),    SCMP_SYS(unlinkat),  SCMP_SYS(rmdir),
    SCMP_SYS(mkdir),       SCMP_SYS(mkdirat),   SCMP_SYS(mknod),     SCMP_SYS(mknodat),
    SCMP_SYS(chmod),       SCMP_SYS(fchmod),    SCMP_SYS(fchmodat),  SCMP_SYS(chown),
    SCMP_SYS(fchown),      SCMP_SYS(lchown),    SCMP_SYS(fchownat),  SCMP_SYS(setxattr),
    SCMP_SYS(lsetxattr),   SCMP_SYS(fsetxattr), SCMP_SYS(utimensat), SCMP_SYS(removexattr),
    SCMP_SYS(lremovexattr)};

// The commands of bpf() that work on what there is. A program may not even be looked for by id.
constexpr std::array<scmp_datum_t, 7> kBpfCommands{BPF_MAP_LOOKUP_ELEM,
                                                   BPF_MAP_UPDATE_ELEM,
                                                   BPF_MAP_DELETE_ELEM,
                                                   BPF_MAP_GET_NEXT_KEY,
                                                   BPF_OBJ_GET_INFO_BY_FD,
                                                   BPF_MAP_LOOKUP_BATCH,
                                                   BPF_MAP_LOOKUP_AND_DELETE_BATCH};

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ALLOW), ::seccomp_release) {}

  void refuse(int call) { add(EPERM, call, {}); }
  void refuse_all(std::span<const int> calls) {
    for (const int call : calls) refuse(call);
  }
  void refuse_where(int call, const scmp_arg_cmp& argument) { add(EPERM, call, {&argument, 1}); }
  void unknown(int call) { add(ENOSYS, call, {}); }
  // All values of its first argument but these, which ascend.
  void allow_only(int call, std::span<const scmp_datum_t> values) {
    scmp_datum_t next = 0;
    for (const scmp_datum_t value : values) {
      for (; next < value; ++next) refuse_where(call, SCMP_A0(SCMP_CMP_EQ, next));
      next = value + 1;
    }
    refuse_where(call, SCMP_A0(SCMP_CMP_GE, next));
  }
  [[nodiscard]] Status load() {
    if (!context_) return failed(ENOMEM);
    // This process runs no code of others: no need to slow it down against its own speculation.
    ::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_SSB, 1);
    if (error_ != 0) return failed(error_);
    if (const int result = ::seccomp_load(context_.get()); result != 0) return failed(-result);
    return {};
  }

 private:
  static std::unexpected<Error> failed(int error) {
    return fail(Errc::Internal, errno_text("give up rights: seccomp", error));
  }
  void add(int refusal, int call, std::span<const scmp_arg_cmp> arguments) {
    if (!context_) return;
    const int result = ::seccomp_rule_add_array(
        context_.get(), SCMP_ACT_ERRNO(static_cast<std::uint32_t>(refusal)), call,
        static_cast<unsigned>(arguments.size()), arguments.data());
    if (result != 0 && error_ == 0) error_ = -result;
  }

  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
  int error_ = 0;
};

// `but`: what is among them for this process.
void refuse_what_reaches_out(Filter& filter, std::span<const int> but = {}) {
  for (const int call : kRefused) {
    if (std::ranges::find(but, call) == but.end()) filter.refuse(call);
  }
  if (!kSanitized) filter.refuse_all(kRefusedUnlessSanitized);
  // Threads, not processes. The flags of clone3 lie in memory, where no filter looks; libc then
  // takes clone.
  filter.unknown(SCMP_SYS(clone3));
  if (!kSanitized) {
    filter.refuse_where(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  }
  // Typing into the terminal that we were started from.
  filter.refuse_where(SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffU, TIOCSTI));
  filter.refuse_where(SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffU, TIOCLINUX));
  filter.allow_only(SCMP_SYS(bpf), kBpfCommands);
}

void refuse_changes_of_files(Filter& filter) {
  filter.refuse_all(kChangesFiles);
  for (const int mode : {O_WRONLY, O_RDWR}) {
    const auto value = static_cast<scmp_datum_t>(mode);
    // By open() a sanitizer makes its report; libc's open() is openat.
    if (!kSanitized) {
      filter.refuse_where(SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE, value));
    }
    filter.refuse_where(SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, value));
  }
}

// So that no other process of this user can look at what we hold.
void hide() { ::prctl(PR_SET_DUMPABLE, kSanitized ? 1UL : 0UL, 0UL, 0UL, 0UL); }

}  // namespace

Status confine_tracing(CapabilitySet kept) {
  JT_CHECK_OK(give_up_rights(kept, true));
  hide();
  Filter filter;
  refuse_what_reaches_out(filter);
  refuse_changes_of_files(filter);
  return filter.load();
}

Status confine_attaching() {
  JT_CHECK_OK(give_up_rights(rights_are_lent() ? CapabilitySet() : kAttach, false));
  hide();
  Filter filter;
  for (const int call : kRefused) {
    if (std::ranges::find(kAttaches, call) == kAttaches.end()) filter.refuse(call);
  }
  if (!kSanitized) filter.refuse_all(kRefusedUnlessSanitized);
  filter.refuse(SCMP_SYS(bpf));
  return filter.load();
}

Status confine_writing() {
  JT_CHECK_OK(give_up_rights(rights_are_lent() ? CapabilitySet() : kWriteOutputs, false));
  hide();
  Filter filter;
  refuse_what_reaches_out(filter);
  return filter.load();
}

Status confine_sending() {
  JT_CHECK_OK(give_up_rights({}, true));
  hide();
  Filter filter;
  refuse_what_reaches_out(filter, kSends);
  return filter.load();
}

Status confine_serving() {
  JT_CHECK_OK(give_up_rights({}, true));
  hide();
  Filter filter;
  refuse_what_reaches_out(filter);
  refuse_changes_of_files(filter);
  return filter.load();
}

}  // namespace jtrace::session
