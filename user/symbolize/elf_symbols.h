// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace jtrace::symbolize {

// Function symbols of one ELF file: .symtab, else .dynsym completed by .gnu_debugdata (xz
// "MiniDebugInfo"), else a separate file by build id or .gnu_debuglink (CRC checked) under
// /usr/lib/debug of `root`. Names are demangled on look-up. Hostile input: everything is capped.
class ElfSymbols {
 public:
  // `root` is where debug files are looked up, e.g. /proc/PID/root.
  [[nodiscard]] static Result<ElfSymbols> load(int fd, const std::string& path,
                                               const std::string& root = "/");

  struct Found {
    std::string_view name;  // mangled, lives as long as this object
    std::uint64_t offset;   // of the address from the symbol's start
  };
  // Symbol that covers `addr` (size 0: up to the next one, in the same section only).
  [[nodiscard]] std::optional<Found> find(ElfAddr addr) const;

  // Address of the symbol of exactly this name, functions and data.
  [[nodiscard]] std::optional<ElfAddr> address_of(std::string_view name) const;

  [[nodiscard]] std::size_t size() const { return symbols_.size(); }

 private:
  struct Symbol {
    std::uint64_t start;
    std::uint64_t end;
    std::uint32_t name;  // offset in names_
  };
  std::vector<Symbol> symbols_;  // sorted by start, one per address
  std::string names_;            // NUL-separated
};

// "ns::f(int)" -> "ns::f" as profilers show it; what is not mangled is returned as it is. Strips
// .part.N, .cold, .constprop.N, .isra.N suffixes into the name as " [clone ...]" is never shown.
[[nodiscard]] std::string demangle(std::string_view name);

}  // namespace jtrace::symbolize
