// SPDX-License-Identifier: Apache-2.0
#include "push/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/rights.h"

namespace jtrace::push {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr const char* kUnfinished = "unfinished";
constexpr std::string_view kSuffix = ".window";

std::string name_of(std::uint64_t number) { return fmt::format("{:020}{}", number, kSuffix); }

std::optional<std::uint64_t> number_of(std::string_view name) {
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || name != name_of(number)) return std::nullopt;
  return number;
}

std::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(Errc::Internal, fmt::format("spool {}: {}", path, why),
              "name another folder for what waits to be sent");
}

// Of a folder that was there before.
Status check_owner(const std::string& whole, const struct stat& info) {
  const uid_t sender = uid_without_root();
  if (info.st_uid != sender) {
    return refuse(whole, fmt::format("it belongs to user {}, not to {}", info.st_uid, sender));
  }
  if ((info.st_mode & 07777U) != kFolderMode) return refuse(whole, "others may look into it");
  return {};
}

}  // namespace

Result<UniqueFd> open_spool(const std::string& path, std::string_view name) {
  constexpr mode_t kParentMode = 0755;
  const std::string whole = fmt::format("{}/{}", path, name);
  if (::mkdir(path.c_str(), kParentMode) != 0 && errno != EEXIST) {
    return fail(Errc::Internal, errno_text("spool " + path, errno));
  }
  const bool made = ::mkdir(whole.c_str(), kFolderMode) == 0;
  UniqueFd folder(::open(whole.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  if (!folder.valid() || ::fstat(folder.get(), &info) != 0) {
    return fail(Errc::Internal, errno_text("spool " + whole, errno));
  }
  const uid_t sender = uid_without_root();
  if (made && sender != ::geteuid() && ::fchown(folder.get(), sender, sender) != 0) {
    return fail(Errc::Internal, errno_text("spool " + whole, errno));
  }
  if (!made) JT_CHECK_OK(check_owner(whole, info));
  // A dry run holds it for as long as it takes to see that nobody does.
  constexpr int kTries = 20;
  constexpr std::chrono::milliseconds kPause{5};
  for (int i = 0; ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0; ++i) {
    if (i == kTries) return refuse(whole, "another jtrace sends from it");
    std::this_thread::sleep_for(kPause);
  }
  return folder;
}

Result<SpoolFolder> look_at_spool(const std::string& path, std::string_view name) {
  SpoolFolder found{.folder = fmt::format("{}/{}", path, name)};
  const UniqueFd folder(
      ::open(found.folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) {
    if (errno != ENOENT) return fail(Errc::Internal, errno_text("spool " + found.folder, errno));
    // It would be made in what is there of its path.
    std::filesystem::path there(path);
    std::error_code ignored;
    while (there.has_relative_path() && !std::filesystem::exists(there, ignored)) {
      there = there.parent_path();
    }
    if (::faccessat(AT_FDCWD, there.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
      return fail(Errc::Internal, errno_text("spool " + found.folder, errno));
    }
    return found;
  }
  struct stat info{};
  // Another user's is his to write to: of it we see only whether anybody could.
  if (::fstat(folder.get(), &info) != 0 ||
      (::faccessat(folder.get(), ".", W_OK | X_OK, AT_EACCESS) != 0 &&
       (errno == EROFS || info.st_uid == ::geteuid()))) {
    return fail(Errc::Internal, errno_text("spool " + found.folder, errno));
  }
  JT_CHECK_OK(check_owner(found.folder, info));
  found.held = ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0;
  return found;
}

Spool::Spool(UniqueFd folder, std::uint64_t limit) : folder_(std::move(folder)), limit_(limit) {
  take_over();
  (void)make_room(0);
}

void Spool::take_over() {
  ::unlinkat(folder_.get(), kUnfinished, 0);
  const int listing = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> names(listing < 0 ? nullptr : ::fdopendir(listing),
                                                  &::closedir);
  while (names) {
    const dirent* entry = ::readdir(names.get());  // NOLINT(concurrency-mt-unsafe): our own stream
    if (entry == nullptr) break;
    const auto number = number_of(entry->d_name);
    struct stat info{};
    if (!number || ::fstatat(folder_.get(), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode)) {
      continue;
    }
    entries_.push_back({*number, static_cast<std::uint64_t>(info.st_size)});
    bytes_ += entries_.back().bytes;
  }
  std::ranges::sort(entries_, {}, &Entry::number);
  if (!entries_.empty()) next_ = entries_.back().number + 1;
}

bool Spool::make_room(std::uint64_t bytes) {
  const std::size_t oldest = held_ ? 1 : 0;
  while (bytes_ + bytes > limit_ && entries_.size() > oldest) drop(oldest);
  return bytes_ + bytes <= limit_;
}

void Spool::drop(std::size_t at) {
  remove(at);
  ++dropped_;
}

void Spool::remove(std::size_t at) {
  const auto entry = entries_.begin() + static_cast<std::ptrdiff_t>(at);
  ::unlinkat(folder_.get(), name_of(entry->number).c_str(), 0);
  bytes_ -= entry->bytes;
  entries_.erase(entry);
}

bool Spool::write(std::string_view body, std::uint64_t number) const {
  const UniqueFd file(::openat(folder_.get(), kUnfinished,
                               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!file.valid()) return false;
  while (!body.empty()) {
    const ssize_t n = ::write(file.get(), body.data(), body.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    body.remove_prefix(static_cast<std::size_t>(n));
  }
  // Without waiting for the disk, so that hundreds are taken at once: what is to survive is our
  // end, not that of the machine's power.
  return ::renameat(folder_.get(), kUnfinished, folder_.get(), name_of(number).c_str()) == 0;
}

bool Spool::add(std::string_view body) {
  if (body.size() > limit_ || !make_room(body.size()) || !write(body, next_)) {
    ::unlinkat(folder_.get(), kUnfinished, 0);
    ++dropped_;
    return false;
  }
  entries_.push_back({next_++, body.size()});
  bytes_ += body.size();
  return true;
}

std::optional<std::string> Spool::front() {
  while (!entries_.empty()) {
    const UniqueFd file(::openat(folder_.get(), name_of(entries_.front().number).c_str(),
                                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    auto body = file.valid() ? read_open_file(file.get(), "spool", limit_ + 1)
                             : Result<std::string>(std::unexpected(Error{}));
    if (body && !body->empty() && body->size() == entries_.front().bytes) {
      held_ = true;
      return std::move(*body);
    }
    drop(0);
  }
  return std::nullopt;
}

void Spool::pop() {
  remove(0);
  held_ = false;
}

}  // namespace jtrace::push
