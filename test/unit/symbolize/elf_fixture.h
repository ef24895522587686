// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/unique_fd.h"
#include "symbolize/elf_symbols.h"

namespace jtrace::symbolize {

inline const std::filesystem::path kFixtures = FIXTURE_DIR;

inline UniqueFd open_file(const std::filesystem::path& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// A directory that plays a target's root.
class TemporaryRoot {
 public:
  TemporaryRoot() {
    std::string name = std::filesystem::temp_directory_path() / "jtrace-root-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  TemporaryRoot(const TemporaryRoot&) = delete;
  TemporaryRoot& operator=(const TemporaryRoot&) = delete;
  ~TemporaryRoot() {
    if (!path_.empty()) std::filesystem::remove_all(path_);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Path below the root, its directories made.
  [[nodiscard]] std::filesystem::path at(const std::string& relative) const {
    const std::filesystem::path full = path_ / relative;
    std::filesystem::create_directories(full.parent_path());
    return full;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace jtrace::symbolize
