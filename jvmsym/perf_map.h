// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::jvmsym {

// /tmp/perf-<inner pid>.map of a process: "START SIZE name" lines, hex with or without 0x.
// Overlapping entries: the last one wins, as after recompilation. Lines that do not parse (a
// partial last line, negative sizes, control characters) are skipped and counted. Immutable, so any
// thread may ask.
class PerfMap {
 public:
  [[nodiscard]] static PerfMap parse(std::string_view text);

  // /proc/PID/root/tmp/perf-<inner>.map. Refuses what is not a regular file, is not owned by the
  // target's uid or root, or is larger than 256 MiB; follows no symbolic link. Errc::Target, for
  // all of these are the target's doing.
  [[nodiscard]] static Result<PerfMap> load(pid_t tgid, pid_t inner_tgid);

  // The same in two steps: one that opens, of the directory /proc/PID, and one that reads. Whoever
  // serves /tmp of the process can hold either for ever.
  [[nodiscard]] static Result<UniqueFd> open(int process_directory, pid_t inner_tgid);
  [[nodiscard]] static Result<std::string> read(int fd);

  // At most 4 KiB of the name, valid until this object is moved or destroyed.
  [[nodiscard]] std::optional<std::string_view> find(std::uint64_t pc) const;
  // Pieces that find() tells apart: an entry that others overlap may be several or none.
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t skipped_lines() const { return skipped_; }

 private:
  struct Entry {
    std::uint64_t start;
    std::uint64_t end;
    std::uint32_t name;  // offset in text_
    std::uint32_t name_size;
  };
  [[nodiscard]] static PerfMap build(std::string text);
  [[nodiscard]] std::optional<Entry> parse_line(std::string_view line) const;
  void resolve_overlaps(const std::vector<Entry>& lines);

  std::vector<Entry> entries_;  // sorted, disjoint
  std::string text_;
  std::size_t skipped_ = 0;
};

// "void java.io.FileInputStream.open0(java.lang.String)", as HotSpot's Compiler.perfmap writes a
// method, to "java/io/FileInputStream.open0"; nullopt where the entry is no Java method.
[[nodiscard]] std::optional<std::string> perf_map_method(std::string_view entry);

}  // namespace jtrace::jvmsym
