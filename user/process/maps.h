// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::process {

// One line of /proc/PID/maps.
struct MapEntry {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t offset = 0;  // in the file
  std::uint64_t device = 0;  // makedev(major, minor)
  std::uint64_t inode = 0;   // 0: no file
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool deleted = false;  // " (deleted)" stripped from path
  std::string path;      // "/usr/lib/...", "[vdso]", "[stack]", "" for anonymous

  friend bool operator==(const MapEntry&, const MapEntry&) = default;
};

// Text of a maps file. Lines that do not parse are skipped, overlapping or descending ones too: the
// result is sorted and disjoint whatever the text says.
[[nodiscard]] std::vector<MapEntry> parse_maps(std::string_view text);

// Maps of a process; Errc::Target where it is gone or exiting, so that nobody takes it for empty.
[[nodiscard]] Result<std::vector<MapEntry>> read_maps(pid_t tgid);

// What stat says of a file, out of the kernel's cache: nobody who serves its file system is asked.
struct FileStatus {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  std::uint32_t uid = 0;
  std::uint32_t mode = 0;
};
[[nodiscard]] Result<FileStatus> file_status(int fd);

// Finds the file behind a mapping as the target sees it: /proc/PID/map_files/START-END first (right
// even when the file was deleted or replaced), then /proc/PID/root/PATH checked by inode (devices
// differ between stat and maps on overlayfs and btrfs). Refuses what is not a regular file. The
// descriptor (O_PATH) names the file without having opened it: whoever serves the file system, the
// traced process perhaps, could hold an open, a read or a close for ever, but is not asked.
[[nodiscard]] Result<UniqueFd> find_mapped_file(pid_t tgid, const MapEntry& entry);

// Opens what was found for reading. This and every use of the result can block for ever.
[[nodiscard]] UniqueFd open_found(int fd);

// Both at once, for files that nobody hostile serves.
[[nodiscard]] Result<UniqueFd> open_mapped_file(pid_t tgid, const MapEntry& entry);

// The root directory of a process, as O_PATH; invalid where it is gone.
[[nodiscard]] UniqueFd root_directory(pid_t tgid);

}  // namespace jtrace::process
