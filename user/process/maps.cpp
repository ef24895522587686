// SPDX-License-Identifier: Apache-2.0
#include "process/maps.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
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

// O_NONBLOCK: a FIFO or device put in the file's place must not hold us.
UniqueFd open_regular(const std::string& path, struct stat& info) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd.valid() && ::fstat(fd.get(), &info) != 0) fd.reset();
  if (fd.valid() && !S_ISREG(info.st_mode)) {
    fd.reset();
    errno = EINVAL;
  }
  return fd;
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

Result<UniqueFd> open_mapped_file(pid_t tgid, const MapEntry& entry) {
  if (entry.inode == 0 || !entry.path.starts_with('/')) {
    return fail(Errc::Target, fmt::format("mapping {:x} has no file", entry.start));
  }
  struct stat info{};
  UniqueFd fd =
      open_regular(fmt::format("/proc/{}/map_files/{:x}-{:x}", tgid, entry.start, entry.end), info);
  if (fd.valid()) return fd;
  // map_files wants CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN.
  const std::string path = fmt::format("/proc/{}/root{}", tgid, entry.path);
  fd = open_regular(path, info);
  if (!fd.valid()) return fail(Errc::Target, errno_text("open " + path, errno));
  // Not the device as well: on overlayfs and btrfs stat has another than maps.
  if (info.st_ino != entry.inode) {
    return fail(Errc::Target, "open " + path + ": replaced since it was mapped");
  }
  return fd;
}

}  // namespace jtrace::process
