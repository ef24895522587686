// SPDX-License-Identifier: Apache-2.0
#include "unwind/table_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <system_error>
#include <type_traits>

#include "base/rights.h"
#include "base/unique_fd.h"

namespace jtrace::unwind {
namespace {

constexpr std::array<char, 8> kMagic{'j', 't', 'u', 'n', 'w', 'i', 'n', 'd'};
// To be raised with every change of what the rows and rules mean.
constexpr std::uint32_t kVersion = 7;
constexpr std::uint32_t kMaxRows = kMaxTableRows;
// Linkers write one executable segment.
constexpr std::size_t kMaxSegments = 8;
constexpr std::size_t kMaxBuildId = 128;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t abi = JT_ABI_VERSION;
  std::uint32_t rules = 0;
  std::uint32_t rows = 0;
  std::uint64_t checksum = 0;  // of all else
  std::uint32_t build_id_bytes = 0;
  std::uint32_t segments = 0;
  std::array<char, kMaxBuildId> build_id{};
  std::array<CodeSegment, kMaxSegments> code{};
};
static_assert(std::has_unique_object_representations_v<Header>, "padding has no checksum");

bool is_key(const std::string& text) {
  constexpr std::size_t kLongest = 128;
  return !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

bool read_all(int fd, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t n = ::read(fd, into.data(), into.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

bool write_all(int fd, std::span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t n = ::write(fd, from.data(), from.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    from = from.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

std::uint64_t checksum(Header header, const UnwindTable& table) {
  header.checksum = 0;
  const XXH64_hash_t start = XXH3_64bits(&header, sizeof header);
  const XXH64_hash_t rules =
      XXH3_64bits_withSeed(table.rules.data(), table.rules.size() * sizeof(jt_rule), start);
  return XXH3_64bits_withSeed(table.rows.data(), table.rows.size() * sizeof(jt_row), rules);
}

bool is_trusted(int fd, uid_t owner, std::uint64_t& size) {
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != owner ||
      (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return false;
  }
  size = static_cast<std::uint64_t>(info.st_size);
  return true;
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

TableCache::TableCache(std::filesystem::path directory)
    : directory_(std::move(directory)), owner_(::geteuid()) {}

std::filesystem::path TableCache::default_directory() {
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

std::optional<CachedBinary> TableCache::load(const std::string& key) const {
  if (directory_.empty() || !is_key(key)) return std::nullopt;
  const UniqueFd fd(
      ::open((directory_ / key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  std::uint64_t size = 0;
  Header header;
  if (!fd.valid() || !is_trusted(fd.get(), owner_, size) ||
      !read_all(fd.get(), std::as_writable_bytes(std::span(&header, 1)))) {
    return std::nullopt;
  }
  if (header.magic != kMagic || header.version != kVersion || header.abi != JT_ABI_VERSION ||
      header.rules > JT_MAX_RULES || header.rows > kMaxRows ||
      header.build_id_bytes > kMaxBuildId || header.segments > kMaxSegments ||
      size != sizeof header + header.rules * sizeof(jt_rule) + header.rows * sizeof(jt_row)) {
    return std::nullopt;
  }
  CachedBinary binary;
  binary.facts.build_id.assign(header.build_id.data(), header.build_id_bytes);
  binary.facts.code.assign(header.code.begin(), header.code.begin() + header.segments);
  UnwindTable& table = binary.table;
  table.rules.resize(header.rules);
  table.rows.resize(header.rows);
  if (!read_all(fd.get(), std::as_writable_bytes(std::span(table.rules))) ||
      !read_all(fd.get(), std::as_writable_bytes(std::span(table.rows))) ||
      checksum(header, table) != header.checksum || !is_sound(table)) {
    return std::nullopt;
  }
  return binary;
}

void TableCache::store(const std::string& key, const CachedBinary& binary) const {
  const auto& [facts, table] = binary;
  if (directory_.empty() || !is_key(key) || !is_sound(table) ||
      facts.build_id.size() > kMaxBuildId || facts.code.size() > kMaxSegments) {
    return;
  }
  std::error_code ignored;
  std::filesystem::create_directories(directory_, ignored);
  Header header;
  header.rules = static_cast<std::uint32_t>(table.rules.size());
  header.rows = static_cast<std::uint32_t>(table.rows.size());
  header.build_id_bytes = static_cast<std::uint32_t>(facts.build_id.size());
  header.segments = static_cast<std::uint32_t>(facts.code.size());
  std::ranges::copy(facts.build_id, header.build_id.begin());
  std::ranges::copy(facts.code, header.code.begin());
  header.checksum = checksum(header, table);
  const std::string path = directory_ / key;
  // A name left by a process that died with our number is in the way once, then gone.
  Temporary file(fmt::format("{}.{}.new", path, ::getpid()));
  if (!file.fd().valid()) {
    if (errno == EEXIST) ::unlink(fmt::format("{}.{}.new", path, ::getpid()).c_str());
    return;
  }
  const int fd = file.fd().get();
  if (write_all(fd, std::as_bytes(std::span(&header, 1))) &&
      write_all(fd, std::as_bytes(std::span(table.rules))) &&
      write_all(fd, std::as_bytes(std::span(table.rows)))) {
    file.rename_to(path);
  }
}

}  // namespace jtrace::unwind
