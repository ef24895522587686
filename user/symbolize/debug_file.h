// SPDX-License-Identifier: Apache-2.0
// Where the symbols of a stripped ELF file may be: separate debug files and xz-compressed sections.
// Knows file systems and compression, nothing of symbols.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
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

// The files below a root directory, as a process confined to it would see them: absolute symbolic
// links start at that root again, ".." stops there, magic links are refused.
class DebugRoot {
 public:
  explicit DebugRoot(const std::string& root);

  // /usr/lib/debug/.build-id/ab/cdef....debug; invalid where there is none.
  [[nodiscard]] UniqueFd open_by_build_id(const BuildId& id) const;

  // Next to `path`, in .debug/ there, then below /usr/lib/debug, as GDB searches; the CRC-32 of the
  // whole file must be the link's.
  [[nodiscard]] UniqueFd open_by_link(const DebugLink& link, const std::string& path) const;

 private:
  [[nodiscard]] UniqueFd open_regular(const std::string& path) const;
  UniqueFd root_;
};

// The .gnu_debugdata ELF image; nullopt where it is corrupt or inflates beyond `limit`.
[[nodiscard]] std::optional<std::vector<char>> decompress_xz(std::span<const std::uint8_t> input,
                                                             std::size_t limit);

}  // namespace jtrace::symbolize
