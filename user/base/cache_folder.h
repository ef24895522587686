// SPDX-License-Identifier: Apache-2.0
// What is read once and kept on disk, one file each. A folder that cannot be used costs speed,
// nothing else.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace jtrace {

// Only files owned by who we were when it was made and writable by nobody else are trusted. Written
// beside and renamed.
class CacheFolder {
 public:
  // An empty path: none.
  explicit CacheFolder(std::filesystem::path directory);

  // /var/cache/jtrace for root, else $XDG_CACHE_HOME/jtrace or ~/.cache/jtrace; empty: no cache,
  // and none where our rights are lent, since the caller's variables would say where.
  [[nodiscard]] static std::filesystem::path default_directory();

  struct File {
    UniqueFd fd;
    std::uint64_t bytes = 0;
  };
  // `key`: of hexadecimal digits, at most 128; what is none has no file.
  [[nodiscard]] std::optional<File> open(const std::string& key) const;
  void replace(const std::string& key, std::span<const std::span<const std::byte>> parts) const;

 private:
  std::filesystem::path directory_;
  uid_t owner_;
};

// False where the file ends before.
[[nodiscard]] bool read_exactly(int fd, std::span<std::byte> into);
[[nodiscard]] bool write_exactly(int fd, std::span<const std::byte> from);

}  // namespace jtrace
