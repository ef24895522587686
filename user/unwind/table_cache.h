// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "unwind/table.h"

namespace jtrace::unwind {

// Compiled tables on disk, one file per build id: libjvm takes 18 ms to compile, 2 ms to read.
// Files carry a format version, sizes and an XXH3 checksum; one that does not check out is treated
// as absent and replaced. Only files owned by us and writable by nobody else are trusted. Written
// beside and renamed. A directory that cannot be used costs speed, nothing else.
class TableCache {
 public:
  explicit TableCache(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // /var/cache/jtrace for root, else $XDG_CACHE_HOME/jtrace or ~/.cache/jtrace; empty: no cache.
  [[nodiscard]] static std::filesystem::path default_directory();

  [[nodiscard]] std::optional<UnwindTable> load(const std::string& build_id) const;
  void store(const std::string& build_id, const UnwindTable& table) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace jtrace::unwind
