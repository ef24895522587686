// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/attach/placement.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace jtrace::jvmsym::attach {
namespace {

// Where anybody may make files, in most containers.
constexpr std::array<const char*, 3> kDirectories{"/tmp", "/var/tmp", "/dev/shm"};
// The agent has 40 KB.
constexpr off_t kMaxBytes = 16 << 20;
constexpr mode_t kMode = 0500;

// A link in there leads to where it does for the process.
UniqueFd open_in(int root, const char* path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how)));
}

bool may_execute(int fd) {
  struct statvfs mount = {};
  return ::fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_NOEXEC) == 0;
}

bool sees_ours(int root, const Library& library) {
  const UniqueFd there = open_in(root, library.path.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK);
  struct stat theirs = {}, ours = {};
  return there.valid() && ::fstat(there.get(), &theirs) == 0 && ::fstat(library.fd, &ours) == 0 &&
         theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino && may_execute(there.get());
}

// 0, or the errno.
int copy(const Library& library, int directory, const std::string& name) {
  struct stat ours = {};
  if (::fstat(library.fd, &ours) != 0) return errno;
  if (ours.st_size > kMaxBytes) return EFBIG;
  constexpr int kFlags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd file(::openat(directory, name.c_str(), kFlags, kMode));
  // Left over by a tracer that was killed; somebody else's is not ours to remove, and stays.
  if (!file.valid() && errno == EEXIST && ::unlinkat(directory, name.c_str(), 0) == 0) {
    file.reset(::openat(directory, name.c_str(), kFlags, kMode));
  }
  if (!file.valid()) return errno;
  off_t at = 0;
  while (at < ours.st_size) {
    const ssize_t n =
        ::sendfile(file.get(), library.fd, &at, static_cast<std::size_t>(ours.st_size - at));
    if (n > 0 || (n < 0 && errno == EINTR)) continue;
    const int error = n == 0 ? EIO : errno;
    ::unlinkat(directory, name.c_str(), 0);
    return error;
  }
  return 0;
}

// By its build's time and size: an agent of another version is another library.
std::string name_of(const Library& library) {
  struct stat ours = {};
  (void)::fstat(library.fd, &ours);
  return fmt::format(".jtrace-agent-{:x}-{:x}.so", ours.st_mtim.tv_sec, ours.st_size);
}

}  // namespace

Result<Placement> Placement::put(int root, std::string_view maps, const Library& library) {
  if (sees_ours(root, library)) return Placement(library.path);
  const std::string name = name_of(library);
  for (const char* directory : kDirectories) {
    const std::string path = std::string(directory) + '/' + name;
    if (maps.find(' ' + path + " (deleted)\n") != std::string_view::npos) return Placement(path);
  }
  std::string reasons;
  for (const char* path : kDirectories) {
    const UniqueFd directory = open_in(root, path, O_PATH | O_DIRECTORY);
    int error = directory.valid() ? 0 : errno;
    const bool noexec = error == 0 && !may_execute(directory.get());
    if (error == 0 && !noexec) error = copy(library, directory.get(), name);
    if (error == 0 && !noexec) {
      Placement placement(std::string(path) + '/' + name);
      placement.directory_.reset(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0));
      placement.name_ = name;
      return placement;
    }
    reasons += reasons.empty() ? "" : ", ";
    reasons += noexec ? std::string(path) + ": mounted noexec" : errno_text(path, error);
  }
  return fail(
      Errc::Target, "no directory of its takes the agent: " + reasons,
      fmt::format("put {} into its file system and start it with -agentpath:", library.path));
}

Placement::~Placement() {
  if (directory_.valid()) ::unlinkat(directory_.get(), name_.c_str(), 0);
}

}  // namespace jtrace::jvmsym::attach
