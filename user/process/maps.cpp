// SPDX-License-Identifier: Apache-2.0
#include "process/maps.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/privileges.h"

namespace jtrace::process {
namespace {

// 65 530 mappings (vm.max_map_count's default) of 4 KiB paths stay below this.
constexpr std::size_t kMaxMapsText = 512U << 20;

// Takes numbers and separators off the front of a line; ok() says whether all were there.
class LineCursor {
 public:
  explicit LineCursor(std::string_view line) : rest_(line) {}

  std::uint64_t number(int base) {
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, base);
    if (error != std::errc{}) ok_ = false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  void expect(char c) {
    ok_ = ok_ && !rest_.empty() && rest_.front() == c;
    if (!rest_.empty()) rest_.remove_prefix(1);
  }
  std::string_view take(std::size_t n) {
    const std::string_view head = rest_.substr(0, n);
    ok_ = ok_ && head.size() == n;
    rest_.remove_prefix(head.size());
    return head;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// The kernel writes a newline in a path as \012, and nothing else so.
std::string unescape(std::string_view text) {
  constexpr std::string_view kNewline = "\\012";
  std::string out;
  for (;;) {
    const std::size_t at = text.find(kNewline);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += '\n';
    text.remove_prefix(at + kNewline.size());
  }
}

std::optional<MapEntry> parse_line(std::string_view line) {
  constexpr int kHex = 16;
  LineCursor in(line);
  MapEntry entry;
  entry.start = in.number(kHex);
  in.expect('-');
  entry.end = in.number(kHex);
  in.expect(' ');
  const std::string_view flags = in.take(4);
  in.expect(' ');
  entry.offset = in.number(kHex);
  in.expect(' ');
  const std::uint64_t major_number = in.number(kHex);
  in.expect(':');
  const std::uint64_t minor_number = in.number(kHex);
  in.expect(' ');
  entry.inode = in.number(10);
  if (!in.ok() || entry.start >= entry.end) return std::nullopt;
  entry.device = makedev(static_cast<unsigned>(major_number), static_cast<unsigned>(minor_number));
  entry.readable = flags[0] == 'r';
  entry.writable = flags[1] == 'w';
  entry.executable = flags[2] == 'x';
  std::string_view path = in.rest();
  path.remove_prefix(std::min(path.find_first_not_of(' '), path.size()));
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.starts_with('/') && path.ends_with(kDeleted)) {
    entry.deleted = true;
    path.remove_suffix(kDeleted.size());
  }
  entry.path = unescape(path);
  return entry;
}

constexpr int kFound = O_PATH | O_CLOEXEC;

// Refuses what is not a regular file.
UniqueFd regular(UniqueFd fd, FileStatus& status) {
  if (!fd.valid()) return fd;
  const auto found = file_status(fd.get());
  if (found && S_ISREG(found->mode)) {
    status = *found;
    return fd;
  }
  errno = EINVAL;
  return {};
}

// Below the root of the process. Whoever serves a directory on the way can hold a look-up that the
// kernel's cache does not answer: only where `patient` is it waited for.
UniqueFd find_path(pid_t tgid, const std::string& path, bool patient) {
  const UniqueFd root = root_directory(tgid);
  if (!root.valid()) return {};
  open_how how = {};
  how.flags = kFound;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_CACHED;
  const auto open = [&] {
    return static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how));
  };
  int fd = open();
  // EINVAL: RESOLVE_CACHED came with 5.12.
  if (fd < 0 && ((errno == EAGAIN && patient) || errno == EINVAL)) {
    how.resolve = RESOLVE_IN_ROOT;
    fd = open();
  }
  return UniqueFd(fd);
}

}  // namespace

std::vector<MapEntry> parse_maps(std::string_view text) {
  std::vector<MapEntry> entries;
  while (!text.empty()) {
    const std::size_t eol = text.find('\n');
    auto entry = parse_line(text.substr(0, eol));
    text.remove_prefix(eol == std::string_view::npos ? text.size() : eol + 1);
    if (!entry || (!entries.empty() && entry->start < entries.back().end)) continue;
    entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<std::vector<MapEntry>> read_maps(pid_t tgid) {
  const std::string path = fmt::format("/proc/{}/maps", tgid);
  // Anybody may open it by its mode; it is open() that asks for the right to trace.
  if (!UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).valid() && errno == EACCES) {
    return refused("read " + path, errno, {Capability::SysPtrace}, "mappings");
  }
  auto text = read_file(path, kMaxMapsText);
  if (!text && ::access(path.c_str(), F_OK) != 0) {
    return fail(Errc::Target, fmt::format("process {} has exited", tgid));
  }
  if (!text) return fail(Errc::Target, std::move(text.error().message));
  // From exit_mm() on, zombie or not, the file is there and empty; [vsyscall] or [vdso] is in every
  // other one.
  if (text->empty()) return fail(Errc::Target, fmt::format("process {} has exited", tgid));
  return parse_maps(*text);
}

Result<FileStatus> file_status(int fd) {
  struct statx info{};
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &info) != 0) {
    return fail(Errc::Target, errno_text("stat of the file", errno));
  }
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto nanoseconds = [](const statx_timestamp& at) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(at.tv_sec) * kSecond + at.tv_nsec);
  };
  return FileStatus{.device = makedev(info.stx_dev_major, info.stx_dev_minor),
                    .inode = info.stx_ino,
                    .size = static_cast<std::int64_t>(info.stx_size),
                    .modified_ns = nanoseconds(info.stx_mtime),
                    .changed_ns = nanoseconds(info.stx_ctime),
                    .uid = info.stx_uid,
                    .mode = info.stx_mode};
}

Result<UniqueFd> find_mapped_file(pid_t tgid, const MapEntry& entry) {
  if (entry.inode == 0 || !entry.path.starts_with('/')) {
    return fail(Errc::Target, fmt::format("mapping {:x} has no file", entry.start));
  }
  FileStatus status;
  const std::string link =
      fmt::format("/proc/{}/map_files/{:x}-{:x}", tgid, entry.start, entry.end);
  UniqueFd fd = regular(UniqueFd(::open(link.c_str(), kFound)), status);
  if (fd.valid()) return fd;
  // map_files wants CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN: without them there is no other way.
  const bool refused = errno == EPERM || errno == EACCES;
  const std::string path = fmt::format("/proc/{}/root{}", tgid, entry.path);
  fd = regular(find_path(tgid, entry.path, refused), status);
  if (!fd.valid()) return fail(Errc::Target, errno_text("open " + path, errno));
  // Not the device as well: on overlayfs and btrfs stat has another than maps.
  if (status.inode != entry.inode) {
    return fail(Errc::Target, "open " + path + ": replaced since it was mapped");
  }
  return fd;
}

UniqueFd open_found(int fd) {
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  return UniqueFd(::open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

Result<UniqueFd> open_mapped_file(pid_t tgid, const MapEntry& entry) {
  JT_TRY(const UniqueFd found, find_mapped_file(tgid, entry));
  UniqueFd fd = open_found(found.get());
  if (!fd.valid()) return fail(Errc::Target, errno_text("open " + entry.path, errno));
  return fd;
}

UniqueFd root_directory(pid_t tgid) {
  const std::string root = fmt::format("/proc/{}/root", tgid);
  return UniqueFd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace jtrace::process
