// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "unwind/binary_reader.h"
#include "unwind/table.h"

namespace jtrace::unwind {

// What is kept of a binary.
struct CachedBinary {
  BinaryFacts facts;
  UnwindTable table;
};

// Binaries as they were read, on disk, one file each: libjvm takes 18 ms to compile, 2 ms to load,
// and what is loaded need not be parsed by somebody else first. Files carry a format version, sizes
// and an XXH3 checksum; one that does not check out is treated as absent and replaced. Only files
// owned by who we were when it was made and writable by nobody else are trusted. Written beside and
// renamed. A directory that cannot be used costs speed, nothing else.
class TableCache {
 public:
  explicit TableCache(std::filesystem::path directory);

  // /var/cache/jtrace for root, else $XDG_CACHE_HOME/jtrace or ~/.cache/jtrace; empty: no cache,
  // and none where our rights are lent, since the caller's variables would say where.
  [[nodiscard]] static std::filesystem::path default_directory();

  // `key`: of hexadecimal digits, at most 128.
  [[nodiscard]] std::optional<CachedBinary> load(const std::string& key) const;
  void store(const std::string& key, const CachedBinary& binary) const;

 private:
  std::filesystem::path directory_;
  uid_t owner_;
};

}  // namespace jtrace::unwind
