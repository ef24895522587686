// SPDX-License-Identifier: Apache-2.0
#include "base/cache_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/rights.h"

namespace jtrace {
namespace {

bool is_key(const std::string& text) {
  constexpr std::size_t kLongest = 128;
  return !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

// Removes the temporary unless it became the file.
class Temporary {
 public:
  explicit Temporary(std::string path)
      : path_(std::move(path)),
        fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (fd_.valid()) ::unlink(path_.c_str());
  }
  [[nodiscard]] const UniqueFd& fd() const { return fd_; }
  void rename_to(const std::string& path) {
    if (::rename(path_.c_str(), path.c_str()) == 0) fd_.reset();
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace

bool read_exactly(int fd, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t n = ::read(fd, into.data(), into.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

bool write_exactly(int fd, std::span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t n = ::write(fd, from.data(), from.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    from = from.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

CacheFolder::CacheFolder(std::filesystem::path directory)
    : directory_(std::move(directory)), owner_(::geteuid()) {}

std::filesystem::path CacheFolder::default_directory() {
  if (rights_are_lent()) return {};
  // Root does not follow XDG_CACHE_HOME, which sudo -E hands on from a user.
  if (::geteuid() == 0) return "/var/cache/jtrace";
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  if (const auto xdg = variable("XDG_CACHE_HOME"); xdg.is_absolute()) return xdg / "jtrace";
  if (const auto home = variable("HOME"); home.is_absolute()) return home / ".cache" / "jtrace";
  return {};
}

std::optional<CacheFolder::File> CacheFolder::open(const std::string& key) const {
  if (directory_.empty() || !is_key(key)) return std::nullopt;
  UniqueFd fd(::open((directory_ / key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
      info.st_uid != owner_ || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return std::nullopt;
  }
  return File{.fd = std::move(fd), .bytes = static_cast<std::uint64_t>(info.st_size)};
}

void CacheFolder::replace(const std::string& key,
                          std::span<const std::span<const std::byte>> parts) const {
  if (directory_.empty() || !is_key(key)) return;
  std::error_code ignored;
  std::filesystem::create_directories(directory_, ignored);
  const std::string path = directory_ / key;
  const std::string beside = fmt::format("{}.{}.new", path, ::getpid());
  // A name left by a process that died with our number is in the way once, then gone.
  Temporary file(beside);
  if (!file.fd().valid()) {
    if (errno == EEXIST) ::unlink(beside.c_str());
    return;
  }
  if (std::ranges::all_of(parts, [&](auto part) { return write_exactly(file.fd().get(), part); })) {
    file.rename_to(path);
  }
}

}  // namespace jtrace
