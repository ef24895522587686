// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/perf_map.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <numeric>
#include <queue>

#include "base/unique_fd.h"

namespace jtrace::jvmsym {
namespace {

constexpr std::size_t kMaxBytes = 256UL << 20;
// 100 MB of entries: 256 MiB of the shortest lines would be 44 million, more than 1 GB.
constexpr std::size_t kMaxLines = 4UL << 20;
constexpr std::size_t kMaxName = 4096;

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// Takes a hex number, with or without 0x, and the blanks after it off `line`.
std::optional<std::uint64_t> take_hex(std::string_view& line) {
  if (line.starts_with("0x") || line.starts_with("0X")) line.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
  if (error != std::errc{}) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  if (!line.starts_with(' ')) return std::nullopt;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return value;
}

// The first kMaxName bytes, less what would cut a UTF-8 character in two.
std::size_t capped_size(std::string_view name) {
  if (name.size() <= kMaxName) return name.size();
  std::size_t size = kMaxName;
  const auto continues = [&] { return (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80; };
  while (size > kMaxName - 3 && continues()) --size;
  return size;
}

// The file, checked, as a handle that cannot be read yet: opening it may block or, on a device,
// have effects. Component by component, since below /proc/PID/root an absolute link of the target
// would be resolved against our own root.
Result<UniqueFd> find_file(int process, const std::string& name, const std::string& path) {
  constexpr int kDirectory = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const UniqueFd root(::openat(process, "root", kDirectory));
  if (!root.valid()) return fail(Errc::Target, errno_text("open " + path, errno));
  const UniqueFd tmp(::openat(root.get(), "tmp", kDirectory | O_NOFOLLOW));
  if (!tmp.valid()) return fail(Errc::Target, errno_text("open " + path, errno));
  UniqueFd file(::openat(tmp.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return fail(Errc::Target, errno_text("open " + path, errno));

  struct stat owner = {};
  struct stat info = {};
  if (::fstat(process, &owner) != 0 || ::fstat(file.get(), &info) != 0) {
    return fail(Errc::Target, errno_text("open " + path, errno));
  }
  if (!S_ISREG(info.st_mode)) return fail(Errc::Target, "refuse " + path + ": no regular file");
  if (info.st_uid != owner.st_uid && info.st_uid != 0) {
    return fail(Errc::Target, "refuse " + path + ": owned by uid " + std::to_string(info.st_uid) +
                                  ", neither the process's nor root");
  }
  if (static_cast<std::uint64_t>(info.st_size) > kMaxBytes) {
    return fail(Errc::Target, "refuse " + path + ": larger than 256 MiB");
  }
  return file;
}

}  // namespace

Result<UniqueFd> PerfMap::open(int process_directory, pid_t inner_tgid) {
  const std::string name = "perf-" + std::to_string(inner_tgid) + ".map";
  const std::string path = "/tmp/" + name + " of the process";
  JT_TRY(const UniqueFd file, find_file(process_directory, name, path));
  const std::string again = "/proc/self/fd/" + std::to_string(file.get());
  UniqueFd readable(::open(again.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!readable.valid()) return fail(Errc::Target, errno_text("open " + path, errno));
  return readable;
}

// What the file holds now: a JVM may go on writing, so a size is only what was read.
Result<std::string> PerfMap::read(int fd) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return fail(Errc::Target, errno_text("read the perf map", errno));
  std::string text(std::min(static_cast<std::size_t>(info.st_size), kMaxBytes), '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(fd, text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Errc::Target, errno_text("read the perf map", errno));
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  text.resize(size);
  return text;
}

Result<PerfMap> PerfMap::load(pid_t tgid, pid_t inner_tgid) {
  const std::string directory = "/proc/" + std::to_string(tgid);
  const UniqueFd process(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!process.valid()) return fail(Errc::Target, errno_text("open " + directory, errno));
  JT_TRY(const UniqueFd file, open(process.get(), inner_tgid));
  JT_TRY(std::string text, read(file.get()));
  return build(std::move(text));
}

PerfMap PerfMap::parse(std::string_view text) {
  return build(std::string(text.substr(0, kMaxBytes)));
}

PerfMap PerfMap::build(std::string text) {
  PerfMap map;
  map.text_ = std::move(text);
  std::vector<Entry> lines;
  const std::string_view all = map.text_;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at);
    std::optional<Entry> entry;
    // A line without its end is still being written: its name may be half a name.
    if (end != std::string_view::npos && lines.size() < kMaxLines) {
      entry = map.parse_line(all.substr(at, end - at));
    }
    if (entry) {
      lines.push_back(*entry);
    } else {
      ++map.skipped_;
    }
    at = end == std::string_view::npos ? all.size() : end + 1;
  }
  map.resolve_overlaps(lines);
  return map;
}

std::optional<PerfMap::Entry> PerfMap::parse_line(std::string_view line) const {
  const auto start = take_hex(line);
  if (!start) return std::nullopt;
  const auto size = take_hex(line);
  if (!size || *size == 0 || *size > UINT64_MAX - *start) return std::nullopt;
  if (line.empty() || std::ranges::any_of(line, is_control)) return std::nullopt;
  return Entry{*start, *start + *size, static_cast<std::uint32_t>(line.data() - text_.data()),
               static_cast<std::uint32_t>(capped_size(line))};
}

// Sweeps over the addresses in ascending order. The heap has the lines that have begun, the last
// one of the file on top; those that have ended leave when they come up there. Each turn passes the
// start or the end of a line: O(n log n), at most 2n pieces.
void PerfMap::resolve_overlaps(const std::vector<Entry>& lines) {
  std::vector<std::uint32_t> order(lines.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, [&](std::uint32_t i) { return lines[i].start; });
  std::priority_queue<std::uint32_t> active;
  std::uint64_t at = 0;
  for (std::size_t next = 0; next < order.size() || !active.empty();) {
    if (active.empty()) at = lines[order[next]].start;
    for (; next < order.size() && lines[order[next]].start == at; ++next) active.push(order[next]);
    const Entry& top = lines[active.top()];
    const std::uint64_t end =
        next < order.size() ? std::min(top.end, lines[order[next]].start) : top.end;
    if (!entries_.empty() && entries_.back().end == at && entries_.back().name == top.name) {
      entries_.back().end = end;
    } else {
      entries_.push_back({at, end, top.name, top.name_size});
    }
    at = end;
    while (!active.empty() && lines[active.top()].end <= at) active.pop();
  }
  entries_.shrink_to_fit();
}

std::optional<std::string_view> PerfMap::find(std::uint64_t pc) const {
  const auto after = std::ranges::upper_bound(entries_, pc, {}, &Entry::start);
  if (after == entries_.begin()) return std::nullopt;
  const Entry& entry = *std::prev(after);
  if (pc >= entry.end) return std::nullopt;
  return std::string_view(text_).substr(entry.name, entry.name_size);
}

std::optional<std::string> perf_map_method(std::string_view entry) {
  const auto open = entry.find('(');
  if (open == std::string_view::npos || !entry.ends_with(')')) return std::nullopt;
  const auto blank = entry.substr(0, open).rfind(' ');
  if (blank == std::string_view::npos || blank == 0) return std::nullopt;
  std::string name(entry.substr(blank + 1, open - blank - 1));
  const auto method = name.rfind('.');
  if (method == std::string::npos || method == 0 || method + 1 == name.size()) return std::nullopt;
  std::replace(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(method), '.', '/');
  return name;
}

}  // namespace jtrace::jvmsym
