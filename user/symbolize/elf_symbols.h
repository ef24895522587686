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
//
// Several names at one address give one symbol. A typed symbol (STT_FUNC) beats a bare label, an
// exported one a local one, then fewer leading underscores, then the shorter, then the alphabet:
// libc's __libc_openat, __openat64, openat64 and openat are shown as openat. Symbol versions
// ("@@GLIBC_2.4") are not part of a name. Immutable, so any thread may ask.
class ElfSymbols {
 public:
  // `path` names the file as its process sees it and serves for messages and for the directory
  // that .gnu_debuglink starts from; `root` is where debug files are looked up, e.g.
  // /proc/PID/root: no symbolic link in there leads out of it. A file without any symbol is not an
  // error; what is no ELF executable or shared object is (Errc::Target).
  [[nodiscard]] static Result<ElfSymbols> load(int fd, const std::string& path,
                                               const std::string& root = "/");

  struct Found {
    std::string_view name;  // mangled, lives as long as this object; at most 4 KiB
    std::uint64_t offset;   // of the address from the symbol's start
  };
  // Symbol that covers `addr` (size 0: up to the next one, in the same section only). Where symbols
  // nest the innermost one is meant.
  [[nodiscard]] std::optional<Found> find(ElfAddr addr) const;

  // Address of the symbol of exactly this name, functions and data, aliases that find() does not
  // show included. Linear (1 ms for libjvm): meant for a few dozen look-ups per file.
  [[nodiscard]] std::optional<ElfAddr> address_of(std::string_view name) const;

  [[nodiscard]] std::size_t size() const { return symbols_.size(); }

 private:
  friend class ElfSymbolsBuilder;
  static constexpr std::uint32_t kNoParent = UINT32_MAX;

  struct Symbol {
    std::uint64_t start;
    std::uint64_t end;
    std::uint32_t name;    // offset in names_
    std::uint32_t parent;  // innermost symbol around this one's start, or kNoParent
  };
  struct Named {
    std::uint64_t address;
    std::uint32_t name;
  };
  std::vector<Symbol> symbols_;  // sorted by start, one per address
  std::vector<Named> named_;     // in the order of the file: what address_of() searches
  std::vector<char> names_;      // string tables, NUL-terminated (no std::string: views into a
                                 // short one would not survive a move)
};

// "ns::f(int)" -> "ns::f" as profilers show it; what is not mangled is returned as it is. Strips
// .part.N, .cold, .constprop.N, .isra.N suffixes: " [clone ...]" is never shown. Argument lists and
// the return types of template instances are dropped; template arguments, "operator()",
// "(anonymous namespace)" and "{lambda(int)#1}" stay.
[[nodiscard]] std::string demangle(std::string_view name);

// Last component of a mapping's path: "libc.so.6"; "[vdso]" and the like as they are.
[[nodiscard]] std::string module_name(std::string_view path);

}  // namespace jtrace::symbolize
