// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace jtrace::capture {

// An executable mapping, as the kernel told of it when it was made.
struct LoggedMapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t offset = 0;
  std::uint64_t device = 0;  // makedev(major, minor)
  std::uint64_t inode = 0;
  std::string path;
};

// One thing that the kernel tells of a process's code, and when.
struct MappingRecord {
  enum class Kind { Map, Exec, Fork, Exit };
  Kind kind = Kind::Map;
  std::uint64_t time = 0;
  pid_t tgid = 0;
  pid_t parent = 0;         // Fork
  LoggedMapping mapping{};  // Map
};

// What processes have mapped, by records: what each has right now, or had at its end.
class MappedCode {
 public:
  // In the order of their times.
  void apply(const MappingRecord& record);
  // Sorted and disjoint; empty where not all of it is known. Of one that has ended as long as
  // forget() leaves it.
  [[nodiscard]] std::vector<LoggedMapping> of(pid_t tgid) const;
  // Those that ended before this record time.
  void forget(std::uint64_t before);

 private:
  struct Process {
    std::map<std::uint64_t, LoggedMapping> by_start;
    bool whole = false;  // its beginning was seen: an exec, its own or of whom it was forked from
    std::uint64_t ended = 0;
  };
  static void add(Process& process, const LoggedMapping& mapping);

  std::map<pid_t, Process> processes_;
};

// The kernel's own log of executable mappings (PERF_RECORD_MMAP2), which `perf record` lives by: of
// a process that has ended before anybody could read its /proc/PID/maps it is all there is.
class MappingLog {
 public:
  // On every CPU, for processes that begin from now on.
  [[nodiscard]] static Result<MappingLog> open();
  MappingLog(MappingLog&&) noexcept;
  MappingLog& operator=(MappingLog&&) noexcept;
  ~MappingLog();

  // Takes what has come.
  void drain();
  [[nodiscard]] std::vector<LoggedMapping> of(pid_t tgid) const { return code_.of(tgid); }

 private:
  class Ring;
  explicit MappingLog(std::vector<std::unique_ptr<Ring>> rings);

  std::vector<std::unique_ptr<Ring>> rings_;
  MappedCode code_;
};

}  // namespace jtrace::capture
