// SPDX-License-Identifier: Apache-2.0
// Where the symbols of a stripped ELF file may be: separate debug files and xz-compressed sections.
// Knows file systems and compression, nothing of symbols.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace jtrace::symbolize {

using BuildId = std::vector<std::uint8_t>;

// Content of a .gnu_debuglink section.
struct DebugLink {
  std::string name;
  std::uint32_t crc = 0;
};

// nullopt where the section is malformed, or names anything but a plain file name.
[[nodiscard]] std::optional<DebugLink> parse_debug_link(std::span<const std::uint8_t> section);

// What a file that was stripped says of where its symbols went.
struct DebugWanted {
  BuildId build_id;
  std::optional<DebugLink> link;
};

// Where they may be below a root, in the order of GDB: /usr/lib/debug/.build-id/ab/cdef....debug,
// then next to `path`, in .debug/ there, below /usr/lib/debug.
[[nodiscard]] std::vector<std::string> debug_paths(const DebugWanted& wanted,
                                                   const std::string& path);

// The first of them; empty where the build id is none.
[[nodiscard]] std::string debug_path(std::string_view build_id_text);

// The files below a root directory, as a process confined to it would see them: absolute symbolic
// links start at that root again, ".." stops there, magic links are refused. Whoever serves the
// directories can hold a look-up for ever.
class DebugRoot {
 public:
  explicit DebugRoot(const std::string& root);
  explicit DebugRoot(UniqueFd root) : root_(std::move(root)) {}

  // A regular file, open for reading; invalid where there is none.
  [[nodiscard]] UniqueFd open(const std::string& path) const;

 private:
  UniqueFd root_;
};

// CRC-32 of the whole file, which .gnu_debuglink names it by; nullopt where it cannot be read or
// is above 4 GiB.
[[nodiscard]] std::optional<std::uint32_t> file_crc(int fd);

// The .gnu_debugdata ELF image; nullopt where it is corrupt or inflates beyond `limit`.
[[nodiscard]] std::optional<std::vector<char>> decompress_xz(std::span<const std::uint8_t> input,
                                                             std::size_t limit);

}  // namespace jtrace::symbolize
