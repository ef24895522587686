// SPDX-License-Identifier: Apache-2.0
// Where a tracefs is found, and how its files are read.
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "base/privileges.h"
#include "base/rights.h"
#include "event/tracepoint.h"

namespace jtrace::event {
namespace {

// A kernel with every driver has some 10 000 tracepoints in all.
constexpr std::size_t kMostEntries = 100'000;

constexpr const char* kMountHint =
    "run with sudo, or: mount -t tracefs tracefs /sys/kernel/tracing (doctor: tracefs)";
constexpr std::string_view kCheck = "tracefs";
constexpr const char* kOddHint = "findmnt /sys/kernel/tracing shows what it is (doctor: tracefs)";

UniqueFd open_directory(int at, const char* path) {
  return UniqueFd(::openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

enum class Found { Yes, No, Denied };
struct Place {
  Found found = Found::No;
  UniqueFd directory;
  int error = 0;
};

// An empty /sys/kernel/tracing exists on every kernel with tracing, mounted or not: it is events/
// that tells. Opening, not a look at the mount table, because the automount of tracefs below
// debugfs happens on opening.
Place look_at(const std::string& path) {
  Place place;
  place.directory = open_directory(AT_FDCWD, path.c_str());
  if (!place.directory.valid()) {
    place.error = errno;
    place.found = errno == EACCES || errno == EPERM ? Found::Denied : Found::No;
    return place;
  }
  if (open_directory(place.directory.get(), "events").valid()) {
    place.found = Found::Yes;
  } else if (errno != ENOENT && errno != ENOTDIR) {
    place.error = errno;
    place.found = Found::Denied;
  }
  return place;
}

// The mount point itself cannot be opened by a stranger (mode 0700), but statfs says what it is.
bool is_tracefs(const std::string& path) {
  struct statfs info{};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == TRACEFS_MAGIC;
}

int syscall_fd(long result) { return static_cast<int>(result); }

// Lockdown answers for every file in it, mode bits only for some.
std::unexpected<Error> unreadable(const std::string& path, int error) {
  return refused("tracefs is not readable: " + path, error, {Capability::DacReadSearch}, kCheck);
}

// A tracefs mounted nowhere: it goes with its descriptor and no other process sees it. By number,
// since <sys/mount.h> has these calls only from glibc 2.36.
Result<UniqueFd> open_detached() {
  constexpr const char* kWhere =
      "tracefs is not mounted on /sys/kernel/tracing, and a detached one cannot be opened";
  const auto failed = [&](const char* call) {
    if (errno == ENODEV) {
      return fail(Errc::Environment, "this kernel has no tracefs",
                  "it is built without CONFIG_TRACING (doctor: tracefs)");
    }
    if (errno == EPERM || errno == EACCES) {
      auto error = refused(std::string(kWhere) + ": " + call, errno,
                           {Capability::SysAdmin, Capability::DacReadSearch}, kCheck);
      error.error().hint += "; or mount it: mount -t tracefs tracefs /sys/kernel/tracing";
      return error;
    }
    return fail(Errc::Environment, errno_text(std::string(kWhere) + ": " + call, errno),
                kMountHint);
  };
  const UniqueFd context(syscall_fd(::syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC)));
  if (!context.valid()) return failed("fsopen");
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return failed("fsconfig");
  }
  const UniqueFd mount(
      syscall_fd(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC)));
  if (!mount.valid()) return failed("fsmount");
  // A mount's descriptor is as good as O_PATH for openat, but a plain one can also be listed.
  UniqueFd directory = open_directory(mount.get(), ".");
  if (!directory.valid()) return failed("open");
  if (!open_directory(directory.get(), "events").valid()) {
    if (errno == ENOENT) {
      return fail(Errc::Environment, "this kernel has no tracepoints: its tracefs has no events/",
                  "it is built without CONFIG_EVENT_TRACING (doctor: tracefs)");
    }
    return unreadable("events", errno);
  }
  return directory;
}

std::unexpected<Error> not_readable(const std::string& path, int error) {
  auto why = refused("tracefs on " + path + " is not readable", error, {Capability::DacReadSearch},
                     kCheck);
  why.error().hint += "; trace:ID needs no tracefs";
  return why;
}

}  // namespace

Result<Tracefs> Tracefs::open(const std::string& root) {
  const Raised rights({Capability::DacReadSearch});
  const std::string base = root.ends_with('/') ? root : root + "/";
  const bool is_host = base == "/";
  const std::string tracing = base + "sys/kernel/tracing";
  Place place = look_at(tracing);
  if (place.found == Found::Yes) return Tracefs(std::move(place.directory), Source::Tracing);
  // All tracefs of a kernel share their inodes, and so their modes: who may not read this one may
  // not read a detached one either.
  if (place.found == Found::Denied && (!is_host || is_tracefs(tracing))) {
    return not_readable(tracing, place.error);
  }
  place = look_at(base + "sys/kernel/debug/tracing");
  if (place.found == Found::Yes) return Tracefs(std::move(place.directory), Source::DebugTracing);
  if (!is_host) {
    return fail(Errc::Environment, "tracefs is not mounted on " + tracing, kMountHint);
  }
  JT_TRY(UniqueFd detached, open_detached());
  return Tracefs(std::move(detached), Source::Detached);
}

Result<std::vector<std::string>> Tracefs::directories(const std::string& path) const {
  const Raised rights({Capability::DacReadSearch});
  UniqueFd fd(
      ::openat(directory_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return unreadable(path, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), &::closedir);
  if (!stream) return fail(Errc::Environment, errno_text("list " + path, errno), kOddHint);
  static_cast<void>(fd.release());  // closedir closes it
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    // File systems of test fixtures may not tell the type.
    if (name.starts_with('.') || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)) continue;
    if (names.size() == kMostEntries) {
      return fail(
          Errc::Environment,
          "tracefs: " + path + " has more than " + std::to_string(kMostEntries) + " directories",
          kOddHint);
    }
    names.emplace_back(name);
  }
  if (errno != 0) return fail(Errc::Environment, errno_text("list " + path, errno), kOddHint);
  std::ranges::sort(names);
  return names;
}

Result<std::optional<std::uint32_t>> Tracefs::read_id(const std::string& category,
                                                      const std::string& name) const {
  const std::string path = "events/" + category + "/" + name + "/id";
  const Raised rights({Capability::DacReadSearch});
  const UniqueFd fd(
      ::openat(directory_.get(), path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return unreadable(path, errno);
  }
  std::array<char, 32> text{};
  ssize_t size = 0;
  do {
    size = ::read(fd.get(), text.data(), text.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail(Errc::Environment, errno_text("read " + path, errno), kOddHint);
  const char* end = text.data() + size;
  std::uint32_t id = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, id);
  const bool whole = stop == end || (stop + 1 == end && *stop == '\n');
  if (error != std::errc{} || !whole || id == 0) {
    return fail(Errc::Environment, "tracefs: " + path + " does not hold a tracepoint id", kOddHint);
  }
  return id;
}

}  // namespace jtrace::event
