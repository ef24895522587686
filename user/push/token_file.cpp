// SPDX-License-Identifier: Apache-2.0
#include "push/token_file.h"

#include <sys/stat.h>

#include <utility>

#include "push/destination.h"

namespace jtrace::push {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  constexpr std::int64_t kNano = 1'000'000'000;
  return time.tv_sec * kNano + time.tv_nsec;
}

}  // namespace

TokenFile::TokenFile(std::string path) : path_(std::move(path)) {
  struct stat info{};
  if (path_.empty() || ::stat(path_.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) path_.clear();
  seen_ = identity();
}

std::optional<TokenFile::Identity> TokenFile::identity() const {
  struct stat info{};
  if (path_.empty() || ::stat(path_.c_str(), &info) != 0) return std::nullopt;
  return Identity{.device = info.st_dev,
                  .inode = info.st_ino,
                  .modified_ns = nanoseconds(info.st_mtim),
                  .changed_ns = nanoseconds(info.st_ctim),
                  .size = info.st_size};
}

TokenFile::Look TokenFile::look() {
  if (path_.empty()) return {};
  const auto now = identity();
  if (now && now == seen_) return {};
  auto read = file_authorization(path_);
  if (read) {
    seen_ = now;
    troubled_ = false;
    return {.authorization = std::move(*read), .trouble = {}};
  }
  // One that is being written is whole the next time.
  seen_.reset();
  return {.authorization = {},
          .trouble = std::exchange(troubled_, true) ? std::string() : read.error().message};
}

}  // namespace jtrace::push
