// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jtrace::process {

// A process is its tgid and its start time: a tgid alone is handed out again.
struct ProcessKey {
  pid_t tgid = 0;
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  friend auto operator<=>(const ProcessKey&, const ProcessKey&) = default;
};

struct ProcessInfo {
  ProcessKey key;
  std::string comm;      // up to 15 bytes, as the kernel has it: hostile text
  pid_t inner_tgid = 0;  // in the process's own innermost pid namespace (NStgid)
  bool kernel_thread = false;
  bool is_64bit = true;  // ELF class of its executable
};

// What /proc/PID/status and /proc/PID/stat say; nullopt where they are not understood.
struct ProcessText {
  pid_t tgid = 0;
  std::string comm;
  char state = '?';
  unsigned flags = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t cpu_ticks = 0;  // its threads' until now, those that ended included
  std::optional<pid_t> inner_tgid;
};
[[nodiscard]] std::optional<ProcessText> parse_process(std::string_view status,
                                                       std::string_view stat);

// Errc::Target where there is no such process ("no such process: 123"), where `pid` is a thread of
// another process (the hint names the process), or a zombie.
[[nodiscard]] Result<ProcessInfo> find_process(pid_t pid);

// Every process that has a program (threads of the kernel and zombies have none), those first that
// used most CPU time.
[[nodiscard]] std::vector<ProcessText> programs_by_cpu_time();

// The process that has this thread; Errc::Target where there is no such thread.
[[nodiscard]] Result<pid_t> process_of(pid_t tid);

// What a thread of that process is called in its own innermost pid namespace; nullopt: it is gone.
[[nodiscard]] std::optional<pid_t> inner_tid(pid_t tgid, pid_t tid);

// The threads of a process, as our pid namespace numbers them; no more than `limit`.
[[nodiscard]] std::vector<pid_t> thread_ids(pid_t tgid, std::size_t limit);

// True where /proc shows the initial pid namespace, whose numbers BPF sees.
[[nodiscard]] bool in_initial_pid_namespace();

}  // namespace jtrace::process
