// SPDX-License-Identifier: Apache-2.0
#include "filter/word_tables.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

#include "filter/constants.h"

namespace jtrace::filter {
namespace {

constexpr auto kFlags = event::Dictionary::Kind::Flags;
constexpr auto kSymbols = event::Dictionary::Kind::Symbols;
constexpr std::uint64_t kAll = ~std::uint64_t{0};

constexpr std::string_view kSignals =
    "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 "
    "SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG "
    "SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS";
constexpr std::string_view kClone =
    "CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_PIDFD CLONE_PTRACE CLONE_VFORK CLONE_PARENT "
    "CLONE_THREAD CLONE_NEWNS CLONE_SYSVSEM CLONE_SETTLS CLONE_PARENT_SETTID CLONE_CHILD_CLEARTID "
    "CLONE_UNTRACED CLONE_CHILD_SETTID CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER "
    "CLONE_NEWPID CLONE_NEWNET CLONE_IO";

// O_SYNC has the bit of O_DSYNC, O_TMPFILE that of O_DIRECTORY.
constexpr WordGroup kOpen[] = {
    {kSymbols, 3, "O_RDONLY O_WRONLY O_RDWR"},
    {kFlags, kAll & ~std::uint64_t{3},
     "O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC O_DSYNC O_DIRECT O_LARGEFILE "
     "O_TMPFILE O_DIRECTORY O_NOFOLLOW O_NOATIME O_CLOEXEC O_PATH"}};
constexpr WordGroup kDescriptor[] = {{kFlags, kAll, "O_CLOEXEC O_NONBLOCK O_DIRECT"}};
constexpr WordGroup kDirectory[] = {{kSymbols, kAll, "AT_FDCWD"}};
constexpr WordGroup kAt[] = {{kFlags, kAll,
                              "AT_SYMLINK_NOFOLLOW AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH "
                              "AT_STATX_FORCE_SYNC AT_STATX_DONT_SYNC"}};
constexpr WordGroup kAccessAt[] = {{kFlags, kAll, "AT_EACCESS AT_SYMLINK_NOFOLLOW AT_EMPTY_PATH"}};
constexpr WordGroup kUnlinkAt[] = {{kFlags, kAll, "AT_REMOVEDIR"}};
constexpr WordGroup kAccess[] = {{kFlags, kAll, "F_OK R_OK W_OK X_OK"}};
constexpr WordGroup kProt[] = {
    {kFlags, kAll, "PROT_NONE PROT_READ PROT_WRITE PROT_EXEC PROT_GROWSDOWN PROT_GROWSUP"}};
constexpr WordGroup kMap[] = {
    {kSymbols, 15, "MAP_SHARED MAP_PRIVATE MAP_SHARED_VALIDATE"},
    {kFlags, kAll & ~std::uint64_t{15},
     "MAP_FIXED MAP_ANONYMOUS MAP_32BIT MAP_GROWSDOWN MAP_DENYWRITE MAP_EXECUTABLE MAP_LOCKED "
     "MAP_NORESERVE MAP_POPULATE MAP_NONBLOCK MAP_STACK MAP_HUGETLB MAP_SYNC MAP_FIXED_NOREPLACE"}};
constexpr WordGroup kRemap[] = {{kFlags, kAll, "MREMAP_MAYMOVE MREMAP_FIXED MREMAP_DONTUNMAP"}};
constexpr WordGroup kAdvice[] = {
    {kSymbols, kAll,
     "MADV_NORMAL MADV_RANDOM MADV_SEQUENTIAL MADV_WILLNEED MADV_DONTNEED MADV_FREE MADV_REMOVE "
     "MADV_DONTFORK MADV_DOFORK MADV_HUGEPAGE MADV_NOHUGEPAGE MADV_DONTDUMP MADV_DODUMP MADV_COLD "
     "MADV_PAGEOUT MADV_POPULATE_READ MADV_POPULATE_WRITE MADV_MERGEABLE MADV_UNMERGEABLE "
     "MADV_WIPEONFORK MADV_KEEPONFORK MADV_COLLAPSE"}};
constexpr WordGroup kFileAdvice[] = {
    {kSymbols, kAll,
     "POSIX_FADV_NORMAL POSIX_FADV_RANDOM POSIX_FADV_SEQUENTIAL POSIX_FADV_WILLNEED "
     "POSIX_FADV_DONTNEED POSIX_FADV_NOREUSE"}};
constexpr WordGroup kMemorySync[] = {{kFlags, kAll, "MS_ASYNC MS_INVALIDATE MS_SYNC"}};
constexpr WordGroup kLockAll[] = {{kFlags, kAll, "MCL_CURRENT MCL_FUTURE MCL_ONFAULT"}};
constexpr WordGroup kMessage[] = {
    {kFlags, kAll,
     "MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_TRUNC MSG_DONTWAIT MSG_EOR MSG_WAITALL MSG_NOSIGNAL "
     "MSG_MORE MSG_WAITFORONE MSG_ERRQUEUE MSG_CMSG_CLOEXEC MSG_CONFIRM MSG_CTRUNC MSG_ZEROCOPY "
     "MSG_FASTOPEN"}};
constexpr WordGroup kFamily[] = {
    {kSymbols, kAll,
     "AF_UNSPEC AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_ALG AF_VSOCK AF_XDP"}};
constexpr WordGroup kSocketType[] = {
    {kSymbols, 15, "SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_SEQPACKET"},
    {kFlags, kAll & ~std::uint64_t{15}, "SOCK_CLOEXEC SOCK_NONBLOCK"}};
constexpr WordGroup kSocketFlags[] = {{kFlags, kAll, "SOCK_CLOEXEC SOCK_NONBLOCK"}};
constexpr WordGroup kShutdown[] = {{kSymbols, kAll, "SHUT_RD SHUT_WR SHUT_RDWR"}};
// The low byte is the signal of the child's end.
constexpr WordGroup kCloneFlags[] = {{kFlags, kAll & ~std::uint64_t{255}, kClone},
                                     {kSymbols, 255, kSignals}};
constexpr WordGroup kNamespaces[] = {{kFlags, kAll, kClone}};
constexpr WordGroup kSignal[] = {{kSymbols, kAll, kSignals}};
constexpr WordGroup kMask[] = {{kSymbols, kAll, "SIG_BLOCK SIG_UNBLOCK SIG_SETMASK"}};
constexpr WordGroup kEpollOperation[] = {
    {kSymbols, kAll, "EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD"}};
constexpr WordGroup kEpoll[] = {{kFlags, kAll, "EPOLL_CLOEXEC"}};
constexpr WordGroup kEvent[] = {{kFlags, kAll, "EFD_SEMAPHORE EFD_CLOEXEC EFD_NONBLOCK"}};
constexpr WordGroup kSignalFd[] = {{kFlags, kAll, "SFD_CLOEXEC SFD_NONBLOCK"}};
constexpr WordGroup kTimer[] = {{kFlags, kAll, "TFD_CLOEXEC TFD_NONBLOCK"}};
constexpr WordGroup kTimerSet[] = {{kFlags, kAll, "TIMER_ABSTIME"}};
constexpr WordGroup kNotify[] = {{kFlags, kAll, "IN_CLOEXEC IN_NONBLOCK"}};
constexpr WordGroup kControl[] = {
    {kSymbols, kAll,
     "F_DUPFD F_DUPFD_CLOEXEC F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_OFD_GETLK "
     "F_OFD_SETLK F_OFD_SETLKW F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS"}};
constexpr WordGroup kLock[] = {{kFlags, kAll, "LOCK_SH LOCK_EX LOCK_NB LOCK_UN"}};
constexpr WordGroup kFutex[] = {
    {kSymbols, kAll & ~std::uint64_t{0x180},
     "FUTEX_WAIT FUTEX_WAKE FUTEX_REQUEUE FUTEX_CMP_REQUEUE FUTEX_WAKE_OP FUTEX_LOCK_PI "
     "FUTEX_UNLOCK_PI FUTEX_TRYLOCK_PI FUTEX_WAIT_BITSET FUTEX_WAKE_BITSET FUTEX_WAIT_REQUEUE_PI "
     "FUTEX_CMP_REQUEUE_PI FUTEX_LOCK_PI2"},
    {kFlags, 0x180, "FUTEX_PRIVATE_FLAG FUTEX_CLOCK_REALTIME"}};
constexpr WordGroup kSeek[] = {{kSymbols, kAll, "SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE"}};
constexpr WordGroup kRename[] = {
    {kFlags, kAll, "RENAME_NOREPLACE RENAME_EXCHANGE RENAME_WHITEOUT"}};
constexpr WordGroup kAllocate[] = {
    {kFlags, kAll,
     "FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE FALLOC_FL_COLLAPSE_RANGE FALLOC_FL_ZERO_RANGE "
     "FALLOC_FL_INSERT_RANGE FALLOC_FL_UNSHARE_RANGE"}};
constexpr WordGroup kSplice[] = {
    {kFlags, kAll, "SPLICE_F_MOVE SPLICE_F_NONBLOCK SPLICE_F_MORE SPLICE_F_GIFT"}};
constexpr WordGroup kSyncRange[] = {
    {kFlags, kAll, "SYNC_FILE_RANGE_WAIT_BEFORE SYNC_FILE_RANGE_WRITE SYNC_FILE_RANGE_WAIT_AFTER"}};
constexpr WordGroup kReadWrite[] = {
    {kFlags, kAll, "RWF_HIPRI RWF_DSYNC RWF_SYNC RWF_NOWAIT RWF_APPEND"}};
constexpr WordGroup kClock[] = {
    {kSymbols, kAll,
     "CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID CLOCK_THREAD_CPUTIME_ID "
     "CLOCK_MONOTONIC_RAW CLOCK_REALTIME_COARSE CLOCK_MONOTONIC_COARSE CLOCK_BOOTTIME"}};
constexpr WordGroup kWait[] = {
    {kFlags, kAll, "WNOHANG WUNTRACED WEXITED WCONTINUED WNOWAIT __WNOTHREAD __WALL __WCLONE"}};
constexpr WordGroup kPolicy[] = {
    {kSymbols, kAll, "SCHED_NORMAL SCHED_FIFO SCHED_RR SCHED_BATCH SCHED_IDLE SCHED_DEADLINE"}};
constexpr WordGroup kLimit[] = {
    {kSymbols, kAll,
     "RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE RLIMIT_RSS RLIMIT_NPROC "
     "RLIMIT_NOFILE RLIMIT_MEMLOCK RLIMIT_AS"}};
constexpr WordGroup kRandom[] = {{kFlags, kAll, "GRND_NONBLOCK GRND_RANDOM GRND_INSECURE"}};
constexpr WordGroup kMemoryFile[] = {{kFlags, kAll, "MFD_CLOEXEC MFD_ALLOW_SEALING MFD_HUGETLB"}};
constexpr WordGroup kUnmount[] = {
    {kFlags, kAll, "MNT_FORCE MNT_DETACH MNT_EXPIRE UMOUNT_NOFOLLOW"}};
constexpr WordGroup kAttribute[] = {{kFlags, kAll, "XATTR_CREATE XATTR_REPLACE"}};

struct Row {
  std::string_view calls;  // between blanks; "*": all that no row before it names
  std::string_view arguments;
  WordTable table;
};
constexpr auto kRows = std::to_array<Row>({
    {"open openat open_by_handle_at mq_open", "flags oflag", {kOpen}},
    {"pipe2 dup3", "flags", {kDescriptor}},
    {"faccessat2", "flags", {kAccessAt}},
    {"unlinkat", "flag", {kUnlinkAt}},
    {"newfstatat fstatat64 statx fchownat fchmodat2 linkat name_to_handle_at utimensat execveat "
     "getxattrat setxattrat listxattrat removexattrat file_getattr file_setattr",
     "flag flags at_flags",
     {kAt}},
    {"access faccessat faccessat2", "mode", {kAccess}},
    {"mmap mprotect pkey_mprotect", "prot", {kProt}},
    {"mmap", "flags", {kMap}},
    {"mremap", "flags", {kRemap}},
    {"madvise process_madvise", "behavior", {kAdvice}},
    {"fadvise64 fadvise64_64", "advice", {kFileAdvice}},
    {"msync", "flags", {kMemorySync}},
    {"mlockall", "flags", {kLockAll}},
    {"sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg", "flags", {kMessage}},
    {"socket socketpair", "family", {kFamily}},
    {"socket socketpair", "type", {kSocketType}},
    {"accept4", "flags", {kSocketFlags}},
    {"shutdown", "how", {kShutdown}},
    {"clone", "clone_flags", {kCloneFlags}},
    {"unshare setns", "unshare_flags flags", {kNamespaces}},
    {"rt_sigprocmask", "how", {kMask}},
    {"kill tkill tgkill rt_sigaction rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal",
     "sig",
     {kSignal}},
    {"epoll_ctl", "op", {kEpollOperation}},
    {"epoll_create1", "flags", {kEpoll}},
    {"eventfd2", "flags", {kEvent}},
    {"signalfd4", "flags", {kSignalFd}},
    {"timerfd_create", "flags", {kTimer}},
    {"timerfd_settime timer_settime clock_nanosleep", "flags", {kTimerSet}},
    {"inotify_init1", "flags", {kNotify}},
    {"fcntl fcntl64", "cmd", {kControl}},
    {"flock", "cmd", {kLock}},
    {"futex", "op", {kFutex}},
    {"lseek", "whence", {kSeek}},
    {"renameat2", "flags", {kRename}},
    {"fallocate", "mode", {kAllocate}},
    {"splice tee vmsplice", "flags", {kSplice}},
    {"sync_file_range sync_file_range2", "flags", {kSyncRange}},
    {"preadv2 pwritev2", "flags", {kReadWrite}},
    {"wait4 waitid", "options", {kWait}},
    {"sched_setscheduler sched_get_priority_max sched_get_priority_min", "policy", {kPolicy}},
    {"prlimit64 getrlimit setrlimit", "resource", {kLimit}},
    {"getrandom", "flags", {kRandom}},
    {"memfd_create", "flags", {kMemoryFile}},
    {"umount", "flags", {kUnmount}},
    {"setxattr lsetxattr fsetxattr", "flags", {kAttribute}},
    {"*", "which_clock clockid", {kClock}},
    {"*", "dfd olddfd newdfd from_dfd to_dfd mountdirfd", {kDirectory}},
    {"execveat", "fd", {kDirectory}},
});
constexpr auto kTables = [] {
  std::array<WordTable, kRows.size()> tables{};
  for (std::size_t i = 0; i < tables.size(); ++i) tables[i] = kRows[i].table;
  return tables;
}();

bool has_word(std::string_view list, std::string_view word) {
  return std::ranges::any_of(list | std::views::split(' '), [word](auto part) {
    return std::string_view(part.begin(), part.end()) == word;
  });
}

// include/linux/errno.h of the kernel: a call that a signal interrupts ends with one of these, and
// is begun again or turned into EINTR after the event.
struct KernelError {
  std::uint64_t number;
  std::string_view name;
};
constexpr std::array<KernelError, 8> kKernelErrors{{{512, "ERESTARTSYS"},
                                                    {513, "ERESTARTNOINTR"},
                                                    {514, "ERESTARTNOHAND"},
                                                    {515, "ENOIOCTLCMD"},
                                                    {516, "ERESTART_RESTARTBLOCK"},
                                                    {517, "EPROBE_DEFER"},
                                                    {524, "ENOTSUPP"},
                                                    {529, "EIOCBQUEUED"}}};

}  // namespace

std::optional<WordTable> argument_words(std::string_view call, std::string_view argument) {
  const auto* found = std::ranges::find_if(kRows, [&](const Row& row) {
    return (row.calls == "*" || has_word(row.calls, call)) && has_word(row.arguments, argument);
  });
  if (found == kRows.end()) return std::nullopt;
  return found->table;
}

bool returns_address(std::string_view call) { return has_word("mmap mremap brk shmat", call); }

std::string_view error_name(std::uint64_t error) {
  if (error == 0) return {};
  const auto* hidden = std::ranges::find(kKernelErrors, error, &KernelError::number);
  if (hidden != kKernelErrors.end()) return hidden->name;
  // EAGAIN stands before EWOULDBLOCK, EDEADLK before EDEADLOCK.
  for (const Constant& one : linux_constants()) {
    const bool is_error = one.name.starts_with('E') && !one.name.starts_with("EPOLL");
    if (is_error && one.value == static_cast<std::int64_t>(error)) return one.name;
  }
  return {};
}

std::span<const WordTable> all_word_tables() { return kTables; }

WordTable signal_words() { return {kSignal}; }

}  // namespace jtrace::filter
