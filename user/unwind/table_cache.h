// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/cache_folder.h"
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
// and an XXH3 checksum; one that does not check out is treated as absent and replaced.
class TableCache {
 public:
  explicit TableCache(std::filesystem::path directory) : folder_(std::move(directory)) {}

  // As CacheFolder has them.
  [[nodiscard]] std::optional<CachedBinary> load(const std::string& key) const;
  void store(const std::string& key, const CachedBinary& binary) const;

 private:
  CacheFolder folder_;
};

}  // namespace jtrace::unwind
