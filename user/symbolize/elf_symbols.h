// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "symbolize/debug_file.h"

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

  // The same in two steps, for a caller that may not look for debug files: they are given, open, or
  // `wanted` says which would help (empty where none is needed any more). One given is used
  // where its build id is the file's, or its CRC is the link's.
  [[nodiscard]] static Result<ElfSymbols> load(int fd, const std::string& path,
                                               std::span<const int> debug_files,
                                               DebugWanted& wanted);

  // What find() needs, to be handed from one process to another.
  struct Symbol {
    std::uint64_t start;
    std::uint64_t end;
    std::uint32_t name;    // offset in the names
    std::uint32_t parent;  // index of the innermost symbol around this one's start, or kNoParent
  };
  static constexpr std::uint32_t kNoParent = UINT32_MAX;
  struct Parts {
    std::vector<Symbol> symbols;
    std::vector<char> names;  // NUL-terminated
  };
  [[nodiscard]] Parts parts() const;
  // Whoever made the parts may have put anything in: what find() could stumble over is refused.
  [[nodiscard]] static Result<ElfSymbols> from_parts(Parts parts);

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
  // Memory it takes.
  [[nodiscard]] std::size_t bytes() const {
    return symbols_.capacity() * sizeof(Symbol) + named_.capacity() * sizeof(Named) +
           names_.capacity();
  }

 private:
  friend class ElfSymbolsBuilder;
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
