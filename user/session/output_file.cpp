// SPDX-License-Identifier: Apache-2.0
#include "session/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>

#include "base/unique_fd.h"
#include "session/signals.h"

namespace jtrace::session {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kMode = 0644;

std::unexpected<Error> cannot_write(const std::string& path, int error) {
  return fail(Errc::Internal, errno_text("write " + path, error),
              error == ENOSPC || error == EDQUOT ? "make room, or choose another place with -f FILE"
                                                 : "choose another place with -f FILE");
}

std::optional<Caller> sudo_caller() {
  const auto number = [](const char* name) -> std::optional<unsigned> {
    const char* text = ::geteuid() == 0 ? std::getenv(name) : nullptr;  // NOLINT: one thread
    unsigned value = 0;
    if (text == nullptr || *text == 0) return std::nullopt;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    return error == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
  };
  const auto uid = number("SUDO_UID");
  const auto gid = number("SUDO_GID");
  if (!uid || !gid) return std::nullopt;
  return Caller{*uid, *gid};
}

// In a directory that others can write, a name may be somebody's trap: a link to /etc/shadow, a
// FIFO that holds us.
Status check_owner(const std::string& path, const struct stat& info) {
  const uid_t owner = info.st_uid;
  if (is_ours(info)) return {};
  return fail(Errc::Internal,
              fmt::format("write {}: a {} of user {}, not followed", path,
                          S_ISLNK(info.st_mode) ? "symbolic link" : "special file", owner),
              "choose another place with -f FILE");
}

// Where bytes go: a name in a directory, or something that is written in place.
struct Place {
  UniqueFd directory;
  std::string name;
  bool in_place = false;
  std::optional<struct stat> before;  // the regular file that is there now
};

Result<Place> find_place(const std::string& path) {
  struct stat link{};
  std::string real = path;
  if (::lstat(path.c_str(), &link) == 0) {
    if (S_ISDIR(link.st_mode)) return cannot_write(path, EISDIR);
    if (!S_ISREG(link.st_mode)) JT_CHECK_OK(check_owner(path, link));
  } else if (errno != ENOENT) {
    return cannot_write(path, errno);
  }
  Place place;
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return cannot_write(path, EISDIR);
    place.in_place = !S_ISREG(info.st_mode);
    if (place.in_place) return place;
    place.before = info;
  }
  if (S_ISLNK(link.st_mode)) {
    // The link stays, what it names is replaced.
    std::error_code error;
    real = fs::weakly_canonical(path, error).string();
    if (error) return cannot_write(path, error.value());
  }
  const fs::path parent = fs::path(real).parent_path();
  place.name = fs::path(real).filename().string();
  place.directory.reset(
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A directory that may be written and searched but not listed.
  if (!place.directory.valid() && errno == EACCES) {
    place.directory.reset(
        ::open(parent.empty() ? "." : parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  if (!place.directory.valid()) return cannot_write(path, errno);
  return place;
}

// A new file of ours: without a name where the file system can do that (all but NFS, FAT and a few
// others), so that nothing is left of it if we are killed; else under a name beside.
struct NewFile {
  UniqueFd fd;
  std::string beside;  // its name, if it has one
};

std::string name_beside(const Place& place) {
  std::random_device random;
  constexpr std::size_t kMostOfName = 200;  // of 255
  return fmt::format(".{}.{:08x}{:08x}.tmp", place.name.substr(0, kMostOfName), random(), random());
}

Result<NewFile> create(const Place& place, const std::string& path, bool nameless) {
  NewFile file;
  if (nameless) {
    file.fd.reset(::openat(place.directory.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode));
    if (file.fd.valid()) return file;
    // EISDIR is how what does not know the flag takes it.
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) return cannot_write(path, errno);
  }
  file.beside = name_beside(place);
  file.fd.reset(::openat(place.directory.get(), file.beside.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
  if (!file.fd.valid()) return cannot_write(path, errno);
  return file;
}

// Its name, at once: linkat() does not replace, so that takes a name beside for microseconds.
Status put(const Place& place, NewFile& file, const std::string& path) {
  const int directory = place.directory.get();
  if (file.beside.empty()) {
    const std::string self = fmt::format("/proc/self/fd/{}", file.fd.get());
    const auto link_as = [&](const std::string& name) {
      return ::linkat(AT_FDCWD, self.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
    };
    if (link_as(place.name)) return {};
    const std::string beside = name_beside(place);
    if (errno != EEXIST || !link_as(beside)) return cannot_write(path, errno);
    file.beside = beside;
  }
  if (::renameat(directory, file.beside.c_str(), directory, place.name.c_str()) != 0) {
    return cannot_write(path, errno);
  }
  file.beside.clear();
  return {};
}

void give_to_caller(const Place& place, int fd) {
  const auto caller = sudo_caller();
  struct stat directory{};
  if (!caller || ::fstat(place.directory.get(), &directory) != 0) return;
  if (!may_own(*caller, directory, place.before ? &*place.before : nullptr)) return;
  (void)!::fchown(fd, caller->uid, caller->gid);
}

Status write_in_place(const std::string& path, std::string_view bytes) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.valid()) return cannot_write(path, errno);
  // Looked at again: it may be another one by now.
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0 || S_ISREG(info.st_mode)) return cannot_write(path, EEXIST);
  return write_all(fd.get(), path, bytes);
}

}  // namespace

bool is_ours(const struct stat& info) {
  const auto caller = sudo_caller();
  return info.st_uid == 0 || info.st_uid == ::geteuid() || (caller && info.st_uid == caller->uid);
}

bool may_own(const Caller& caller, const struct stat& directory, const struct stat* before) {
  const auto allowed = [&](mode_t write, mode_t search) {
    return (directory.st_mode & write) != 0 && (directory.st_mode & search) != 0;
  };
  bool writes = allowed(S_IWOTH, S_IXOTH);
  if (directory.st_gid == caller.gid) writes = allowed(S_IWGRP, S_IXGRP);
  if (directory.st_uid == caller.uid) writes = allowed(S_IWUSR, S_IXUSR);
  if (!writes) return false;
  const bool sticky = (directory.st_mode & S_ISVTX) != 0;
  const bool foreign = before != nullptr && before->st_uid != caller.uid;
  return !(sticky && foreign && directory.st_uid != caller.uid);
}

Status check_writable(const std::string& path) {
  JT_TRY(const Place place, find_place(path));
  if (place.in_place) {
    if (::access(path.c_str(), W_OK) == 0) return {};
    return cannot_write(path, errno);
  }
  const HeldSignals held;
  JT_TRY(const NewFile file, create(place, path, true));
  if (!file.beside.empty()) ::unlinkat(place.directory.get(), file.beside.c_str(), 0);
  return {};
}

Status write_all(int fd, const std::string& path, std::string_view bytes) {
  constexpr std::size_t kAtOnce = 1U << 20;  // then a signal is looked for
  while (!bytes.empty()) {
    if (HeldSignals::wanted()) return fail(Errc::Internal, "write " + path + ": given up");
    const ssize_t n = ::write(fd, bytes.data(), std::min(bytes.size(), kAtOnce));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) return {};
    if (n < 0) return cannot_write(path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Status write_file(const std::string& path, std::string_view bytes, bool nameless) {
  JT_TRY(const Place place, find_place(path));
  if (place.in_place) return write_in_place(path, bytes);
  const HeldSignals held;
  JT_TRY(NewFile file, create(place, path, nameless));
  give_to_caller(place, file.fd.get());
  auto status = write_all(file.fd.get(), path, bytes);
  if (status) status = put(place, file, path);
  if (!file.beside.empty()) ::unlinkat(place.directory.get(), file.beside.c_str(), 0);
  return status;
}

}  // namespace jtrace::session
