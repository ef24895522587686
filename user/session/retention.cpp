// SPDX-License-Identifier: Apache-2.0
#include "session/retention.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <regex>
#include <tuple>
#include <vector>

#include "base/unique_fd.h"
#include "session/file_pattern.h"
#include "session/output_file.h"

namespace jtrace::session {
namespace {

struct Found {
  std::string name;
  std::string window;  // the name without its process: that of the files that belong together
  std::uint64_t number = 0;
  timespec written{};
  std::uint64_t bytes = 0;
};

struct Folder {
  UniqueFd fd;
  std::vector<Found> files;  // newest first
};

bool is_newer(const Found& a, const Found& b) {
  return std::tie(a.written.tv_sec, a.written.tv_nsec, a.number, a.name) >
         std::tie(b.written.tv_sec, b.written.tv_nsec, b.number, b.name);
}

std::uint64_t number_in(const std::smatch& match, int group) {
  std::uint64_t number = 0;
  if (group == 0) return number;
  const std::string text = match.str(static_cast<std::size_t>(group));
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string window_in(const std::smatch& match, const std::string& name, int group) {
  if (group == 0) return name;
  const auto its = static_cast<std::size_t>(group);
  std::string window = name;
  return window.replace(static_cast<std::size_t>(match.position(its)),
                        static_cast<std::size_t>(match.length(its)), "");
}

Folder look(const std::string& pattern) {
  Folder folder;
  const auto expanded = expand_file_pattern(std::filesystem::path(pattern).parent_path().string(),
                                            PatternFacts{});  // there may be a %% in it
  if (!expanded) return folder;
  const std::string& parent = *expanded;
  folder.fd.reset(
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.fd.valid()) return folder;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(::dup(folder.fd.get())),
                                                    ::closedir);
  if (!entries) return folder;
  const PatternNames names = names_of(pattern);
  const std::regex expression(names.expression);
  while (const dirent* entry = ::readdir(entries.get())) {  // NOLINT: one thread
    const std::string name = entry->d_name;
    std::smatch match;
    struct stat info{};
    if (!std::regex_match(name, match, expression)) continue;
    if (::fstatat(folder.fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(info.st_mode) || !is_ours(info)) continue;
    folder.files.push_back({.name = name,
                            .window = window_in(match, name, names.process),
                            .number = number_in(match, names.number),
                            .written = info.st_mtim,
                            .bytes = static_cast<std::uint64_t>(info.st_size)});
  }
  std::ranges::sort(folder.files, is_newer);
  return folder;
}

}  // namespace

std::uint64_t Retention::next_number() const {
  const Folder folder = look(pattern_);
  if (folder.files.empty()) return 0;
  if (varies(pattern_) == Varies::InTurns) return folder.files.front().number + 1;
  return std::ranges::max(folder.files, {}, &Found::number).number + 1;
}

Result<std::size_t> Retention::enforce(std::chrono::system_clock::time_point now,
                                       const std::string& written) const {
  if (keep_.files == 0 && keep_.bytes == 0 && keep_.age.count() == 0) return 0;
  Folder folder = look(pattern_);
  const std::string name = std::filesystem::path(written).filename().string();
  if (const auto its = std::ranges::find(folder.files, name, &Found::name);
      its != folder.files.end()) {
    const std::string window = its->window;
    std::ranges::stable_partition(folder.files,
                                  [&](const Found& file) { return file.window == window; });
  }
  // In seconds: there are ages before all that a clock in nanoseconds can tell.
  const auto oldest = std::chrono::system_clock::to_time_t(now) - keep_.age.count();
  std::map<std::string, std::uint64_t> bytes_of;
  for (const Found& file : folder.files) bytes_of[file.window] += file.bytes;
  std::map<std::string, bool> goes;
  std::uint64_t bytes = 0;
  std::size_t removed = 0;
  for (const Found& file : folder.files) {
    const std::size_t windows = goes.size();
    const auto [its, fresh] = goes.try_emplace(file.window, false);
    if (fresh) {
      bytes += bytes_of[file.window];
      its->second = windows != 0 && ((keep_.files != 0 && windows >= keep_.files) ||
                                     (keep_.bytes != 0 && bytes > keep_.bytes) ||
                                     (keep_.age.count() != 0 && file.written.tv_sec < oldest));
    }
    if (!its->second) continue;
    if (::unlinkat(folder.fd.get(), file.name.c_str(), 0) != 0 && errno != ENOENT) {
      return fail(Errc::Internal, errno_text("remove the old file " + file.name, errno),
                  "it counts towards --keep; remove it, or choose another place with -f FILE");
    }
    ++removed;
  }
  return removed;
}

Result<std::string> files_of_window(const std::string& pattern,
                                    std::chrono::system_clock::time_point begin,
                                    std::uint64_t number) {
  const bool of_process = tells_processes(pattern);
  PatternFacts facts{.pid = 0,
                     .time = begin,
                     .host = {},
                     .number = number,
                     .environment = {},
                     .of_process = of_process};
  JT_TRY(std::string path, expand_file_pattern(pattern, facts));
  if (varies(pattern) != Varies::ByTime) return path;
  const auto is_taken = [&] {
    return of_process ? !look(path).files.empty() : ::access(path.c_str(), F_OK) == 0;
  };
  // Enough for a window every millisecond.
  constexpr int kMost = 1000;
  for (int n = 2; n <= kMost && is_taken(); ++n) {
    facts.again = n;
    JT_TRY(path, expand_file_pattern(pattern, facts));
  }
  return path;
}

Result<std::string> file_of_process(const std::string& files, std::int64_t process) {
  return expand_file_pattern(
      files, {.pid = 0,
              .time = {},
              .host = {},
              .number = 0,
              .environment = {},
              .process = process == 0 ? kRestOfProcesses : std::to_string(process)});
}

}  // namespace jtrace::session
