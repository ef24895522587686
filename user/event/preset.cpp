// SPDX-License-Identifier: Apache-2.0
#include "event/preset.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ranges>
#include <utility>

#include "base/near_names.h"
#include "base/printable.h"
#include "event/format.h"

namespace jtrace::event {
namespace {

// What the kernels since 4.17 call the argument: the parameter's name in fs/*.c.
constexpr std::string_view kPath = "filename|pathname|path";

constexpr PresetRow kFileOpen[] = {{"open openat openat2 creat", kPath}};
constexpr PresetRow kFileMeta[] = {
    {"newstat newlstat newfstatat statx stat64 lstat64 fstatat64 access faccessat faccessat2 "
     "readlink readlinkat getxattr lgetxattr getxattrat listxattr llistxattr listxattrat statfs "
     "file_getattr",
     kPath},
    {"newfstat fstat64 fgetxattr flistxattr fstatfs", "fd"}};
constexpr PresetRow kFileChange[] = {
    {"unlink unlinkat rmdir mkdir mkdirat mknod mknodat chmod fchmodat fchmodat2 chown lchown "
     "fchownat truncate utime utimes utimensat futimesat setxattr lsetxattr setxattrat removexattr "
     "lremovexattr removexattrat file_setattr",
     kPath},
    {"rename renameat renameat2 link linkat symlink symlinkat", "oldname newname"},
    {"fchmod fchown ftruncate fallocate fsetxattr fremovexattr", "fd"}};
constexpr PresetRow kFileIo[] = {
    {"read write pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 vmsplice", "fd"},
    {"sendfile sendfile64", "in_fd out_fd"},
    {"copy_file_range splice", "fd_in fd_out"},
    {"tee", "fdin fdout"}};
constexpr PresetRow kFileSync[] = {
    {"fsync fdatasync sync_file_range sync_file_range2 syncfs", "fd"},
    {"msync", "flags"},
    {"sync"}};
constexpr PresetRow kNet[] = {
    {"connect accept accept4 bind listen shutdown sendto recvfrom sendmsg "
     "recvmsg sendmmsg recvmmsg",
     "fd"},
    {"socket", "family type"}};
constexpr PresetRow kProc[] = {{"fork vfork"},
                               {"clone", "clone_flags"},
                               {"clone3"},
                               {"execve execveat", "filename"},
                               {"exit_group", "error_code"},
                               {"kill tkill tgkill rt_sigqueueinfo pidfd_send_signal", "sig"}};
constexpr PresetRow kMap[] = {{"mmap mprotect pkey_mprotect", "prot", "len"},
                              {"munmap", "", "len"},
                              {"mremap", "", "new_len"},
                              {"madvise", "behavior", "len_in|len"},
                              {"brk", "", "count"}};
// Two of three calls of a server wake others (67 % in a ZooKeeper); only these wait.
constexpr PresetRow kLockWait[] = {
    {"futex", "op", "",
     "(op & 127) == FUTEX_WAIT || (op & 127) == FUTEX_WAIT_BITSET || (op & 127) == FUTEX_LOCK_PI "
     "|| "
     "(op & 127) == FUTEX_LOCK_PI2 || (op & 127) == FUTEX_WAIT_REQUEUE_PI"},
    {"futex_wait futex_waitv"}};
constexpr PresetRow kOffCpu[] = {{"sched:sched_switch", "prev_state"}};

// Who opens what, and does not close it.
constexpr std::string_view kOpened = "opened thread";
constexpr PresetRow kFdLeak[] = {
    {.tracepoints = "open openat openat2 creat open_by_handle_at dup socket accept accept4 "
                    "epoll_create epoll_create1 eventfd eventfd2 signalfd signalfd4 "
                    "timerfd_create inotify_init inotify_init1 fanotify_init memfd_create "
                    "memfd_secret userfaultfd perf_event_open pidfd_open pidfd_getfd mq_open "
                    "io_uring_setup fsopen fspick fsmount open_tree",
     .by = kOpened,
     .opens = "ret"},
    // Standard input, output and error are put in place, to stay.
    {.tracepoints = "dup2 dup3", .by = kOpened, .filter = "newfd > 2", .opens = "ret"},
    {.tracepoints = "fcntl",
     .by = kOpened,
     .filter = "cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC",
     .opens = "ret"},
    {.tracepoints = "pipe pipe2", .by = kOpened, .opens = "fildes"},
    {.tracepoints = "socketpair", .by = kOpened, .opens = "usockvec"}};

constexpr auto kPresets = std::to_array<Preset>({
    {"file-open", "files that are opened, by name", "count", kFileOpen},
    {"file-meta", "files that are asked for their status, rights, links and attributes, by name",
     "count", kFileMeta},
    {"file-change", "files that are made, removed, renamed, cut, or change owner or mode, by name",
     "count", kFileChange},
    {"file-io", "bytes that are read and written, by what the descriptor is open on", "ret",
     kFileIo},
    {"file-sync", "time until data are on disk, by what the descriptor is open on", "latency",
     kFileSync},
    {"net", "calls on sockets, by what they are connected to", "count", kNet},
    {"proc", "processes and threads that begin and end, programs, signals", "count", kProc},
    {"map", "bytes of address space that are mapped, given back, protected and advised on",
     "length", kMap},
    {"fd-leak",
     "descriptors that are opened and not closed until the end, by what they are open on",
     "events,age", kFdLeak},
    {"lock-wait", "time that threads wait in futex, where Java's locks wait, by operation",
     "latency", kLockWait},
    {"off-cpu", "time off the CPU, by the state it was left in: R was preempted, S and D wait",
     "latency", kOffCpu},
});

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (auto part : text | std::views::split(at)) {
    if (!part.empty()) parts.emplace_back(part.begin(), part.end());
  }
  return parts;
}

TracepointName name_of(const std::string& word) {
  const std::size_t colon = word.find(':');
  if (colon == std::string::npos) return {"syscalls", "sys_enter_" + word};
  return {word.substr(0, colon), word.substr(colon + 1)};
}

// The first of the names that the event has.
std::optional<std::string> known(const Format& format, const std::string& names) {
  for (std::string& name : split(names, '|')) {
    if (format.find(name) != nullptr) return std::move(name);
  }
  return std::nullopt;
}

bool is_field(std::string_view weight) {
  return weight != "count" && weight != "ret" && weight != "latency" && weight != "events,age";
}

Result<PresetEvent> event_of(const Preset& preset, const PresetRow& row, Tracepoint tracepoint,
                             const Tracefs& tracefs) {
  JT_TRY(const Format format, read_format(tracefs, tracepoint));
  PresetEvent event{.tracepoint = std::move(tracepoint),
                    .by = {},
                    .weight = std::string(row.weight.empty() ? preset.weight : row.weight),
                    .filter = std::string(row.filter),
                    .opens = std::string(row.opens)};
  for (const std::string& names : split(row.by, ' ')) {
    if (!row.opens.empty()) {
      event.by.push_back(names);  // no fields of the record
      continue;
    }
    if (auto name = known(format, names)) event.by.push_back(std::move(*name));
  }
  if (is_field(event.weight)) event.weight = known(format, event.weight).value_or("count");
  return event;
}

}  // namespace

std::span<const Preset> presets() { return kPresets; }

const Preset* find_preset(std::string_view name) {
  const auto* found = std::ranges::find(kPresets, name, &Preset::name);
  return found == kPresets.end() ? nullptr : found;
}

std::unexpected<Error> no_such_preset(std::string_view name) {
  std::vector<std::string> names;
  for (const Preset& one : kPresets) names.push_back("preset:" + std::string(one.name));
  std::string hint = did_you_mean(near_names("preset:" + std::string(name), names));
  if (!hint.empty()) hint += " ";
  return fail(Errc::Usage, "no such preset '" + printable(name.substr(0, 80)) + "'",
              hint + "jtrace list preset: explains them");
}

Result<Expansion> expand(const Preset& preset, const Tracefs& tracefs) {
  Expansion expansion;
  for (const PresetRow& row : preset.rows) {
    for (const std::string& word : split(row.tracepoints, ' ')) {
      TracepointName name = name_of(word);
      JT_TRY(auto tracepoint, tracefs.find(name));
      if (!tracepoint) {
        expansion.absent.push_back(std::move(name));
        continue;
      }
      JT_TRY(auto event, event_of(preset, row, std::move(*tracepoint), tracefs));
      expansion.events.push_back(std::move(event));
    }
  }
  if (expansion.events.empty()) {
    return fail(Errc::Usage,
                "this kernel has none of the tracepoints of preset:" + std::string(preset.name),
                "system calls have them with CONFIG_FTRACE_SYSCALLS (doctor: tracefs)");
  }
  return expansion;
}

}  // namespace jtrace::event
