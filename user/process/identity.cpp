// SPDX-License-Identifier: Apache-2.0
#include "process/identity.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/unique_fd.h"

namespace jtrace::process {
namespace {

constexpr std::size_t kMaxProcFile = 64U << 10;

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The n-th blank-separated word from 0.
std::string_view word(std::string_view text, std::size_t n) {
  constexpr std::string_view kBlank = " \t";
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
    const std::string_view first = text.substr(0, text.find_first_of(kBlank));
    if (n == 0 || first.empty()) return first;
    text.remove_prefix(first.size());
    --n;
  }
}

// Value of "Name:\tvalue" in /proc/PID/status. A comm cannot forge a line: the kernel escapes
// newlines in it.
std::string_view status_field(std::string_view status, std::string_view name) {
  while (!status.empty()) {
    std::string_view line = status.substr(0, status.find('\n'));
    status.remove_prefix(std::min(line.size() + 1, status.size()));
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    if (!line.starts_with(':')) continue;
    line.remove_prefix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line;
  }
  return {};
}

// The last of a process's numbers, outermost pid namespace first.
std::optional<pid_t> innermost(std::string_view numbers) {
  return parse_number<pid_t>(numbers.substr(numbers.find_last_of(" \t") + 1));
}

bool is_64bit(pid_t pid) {
  const UniqueFd fd(::open(fmt::format("/proc/{}/exe", pid).c_str(),
                           O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  unsigned char ident[EI_NIDENT] = {};
  if (!fd.valid() || ::pread(fd.get(), ident, sizeof ident, 0) != ssize_t{sizeof ident})
    return true;
  return ident[EI_CLASS] != ELFCLASS32;
}

// What is called by a number there: processes, threads.
std::vector<pid_t> numbers_in(const std::filesystem::path& folder,
                              std::size_t limit = std::numeric_limits<std::size_t>::max()) {
  std::vector<pid_t> numbers;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end;
       !error && it != end && numbers.size() < limit; it.increment(error)) {
    const auto number = parse_number<pid_t>(it->path().filename().string());
    if (number) numbers.push_back(*number);
  }
  return numbers;
}

// Processes that have this number in a pid namespace below ours: what `ps` in a container shows.
std::vector<pid_t> processes_numbered(pid_t inner) {
  constexpr std::size_t kShown = 3;
  std::vector<pid_t> found;
  for (const pid_t outer : numbers_in("/proc")) {
    const auto status = read_file(fmt::format("/proc/{}/status", outer), kMaxProcFile);
    if (!status) continue;
    // "NStgid: 4711 23 1": ours first.
    const std::string_view numbers = status_field(*status, "NStgid");
    for (std::size_t level = 1; !word(numbers, level).empty(); ++level) {
      if (parse_number<pid_t>(word(numbers, level)) == inner) found.push_back(outer);
    }
    if (found.size() == kShown) break;
  }
  return found;
}

std::unexpected<Error> no_such_process(pid_t pid) {
  const auto others = processes_numbered(pid);
  if (others.empty()) {
    return fail(Errc::Target, fmt::format("no such process: {}", pid),
                "pgrep -f NAME or jps show process ids");
  }
  return fail(Errc::Target,
              fmt::format("no such process: {} is a number in another pid namespace", pid),
              fmt::format("here it is -p {}", fmt::join(others, " or -p ")));
}

}  // namespace

std::optional<ProcessText> parse_process(std::string_view status, std::string_view stat) {
  // comm may hold blanks and parentheses: it ends at the last one.
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  std::string_view rest = stat.substr(close + 1);
  while (rest.ends_with('\n')) rest.remove_suffix(1);
  // Numbered as in proc(5): the word after comm is field 3.
  const auto field = [&](std::size_t n) { return word(rest, n - 3); };
  const auto flags = parse_number<unsigned>(field(9));
  const auto start = parse_number<std::uint64_t>(field(22));
  const auto user = parse_number<std::uint64_t>(field(14));
  const auto system = parse_number<std::uint64_t>(field(15));
  const auto tgid = parse_number<pid_t>(status_field(status, "Tgid"));
  if (!tgid || !flags || !start || field(3).size() != 1) return std::nullopt;
  return ProcessText{.tgid = *tgid,
                     .comm = std::string(stat.substr(open + 1, close - open - 1)),
                     .state = field(3).front(),
                     .flags = *flags,
                     .start_ticks = *start,
                     .cpu_ticks = user.value_or(0) + system.value_or(0),
                     .inner_tgid = innermost(status_field(status, "NStgid"))};
}

namespace {

struct Texts {
  std::string status, stat;
};

// nullopt: it is gone.
std::optional<Texts> read_texts(pid_t pid) {
  auto status = read_file(fmt::format("/proc/{}/status", pid), kMaxProcFile);
  auto stat = read_file(fmt::format("/proc/{}/stat", pid), kMaxProcFile);
  if (!status || !stat) return std::nullopt;
  return Texts{*std::move(status), *std::move(stat)};
}

bool is_kernel_thread(const ProcessText& process) {
  constexpr unsigned kKernelThread = 0x00200000;  // PF_KTHREAD
  return (process.flags & kKernelThread) != 0;
}

bool has_ended(const ProcessText& process) { return process.state == 'Z' || process.state == 'X'; }

}  // namespace

std::vector<ProcessText> programs_by_cpu_time() {
  std::vector<ProcessText> programs;
  for (const pid_t pid : numbers_in("/proc")) {
    const auto texts = read_texts(pid);
    auto found = texts ? parse_process(texts->status, texts->stat) : std::nullopt;
    if (found && !is_kernel_thread(*found) && !has_ended(*found)) {
      programs.push_back(*std::move(found));
    }
  }
  std::ranges::sort(programs, [](const ProcessText& a, const ProcessText& b) {
    return std::pair(b.cpu_ticks, a.tgid) < std::pair(a.cpu_ticks, b.tgid);
  });
  return programs;
}

Result<ProcessInfo> find_process(pid_t pid) {
  const auto gone = [&] { return no_such_process(pid); };
  if (pid <= 0) return gone();
  const auto texts = read_texts(pid);
  if (!texts) return gone();
  const auto found = parse_process(texts->status, texts->stat);
  if (!found) {
    return fail(Errc::Environment, fmt::format("/proc/{}/stat: not understood", pid),
                "is something else mounted on /proc? (doctor: process)");
  }
  if (found->tgid != pid) {
    return fail(Errc::Target, fmt::format("{} is a thread of process {}", pid, found->tgid),
                fmt::format("use -p {}", found->tgid));
  }
  if (has_ended(*found)) {
    return fail(Errc::Target,
                fmt::format("process {} has exited and waits for its parent (zombie)", pid));
  }
  ProcessInfo info;
  info.key = {pid, found->start_ticks};
  info.comm = found->comm;
  info.inner_tgid = found->inner_tgid.value_or(pid);
  info.kernel_thread = is_kernel_thread(*found);
  info.is_64bit = is_64bit(pid);
  return info;
}

Result<pid_t> process_of(pid_t tid) {
  const auto status = read_file(fmt::format("/proc/{}/status", tid), kMaxProcFile);
  const auto tgid = status ? parse_number<pid_t>(status_field(*status, "Tgid")) : std::nullopt;
  if (tgid) return *tgid;
  return fail(Errc::Target, fmt::format("no such thread: {}", tid),
              "ps -L -p PID shows the threads of a process");
}

std::optional<pid_t> inner_tid(pid_t tgid, pid_t tid) {
  const auto status = read_file(fmt::format("/proc/{}/task/{}/status", tgid, tid), kMaxProcFile);
  return status ? innermost(status_field(*status, "NSpid")) : std::nullopt;
}

std::vector<pid_t> thread_ids(pid_t tgid, std::size_t limit) {
  return numbers_in(fmt::format("/proc/{}/task", tgid), limit);
}

bool in_initial_pid_namespace() {
  constexpr ino_t kInitialPidNamespace = 0xEFFFFFFCU;  // PROC_PID_INIT_INO, fixed since 3.8
  // Of /proc's own process 1, so that a /proc of another namespace is not taken for ours; without
  // the right to look at it, of ourselves.
  struct stat info{};
  if (::stat("/proc/1/ns/pid", &info) != 0 && ::stat("/proc/self/ns/pid", &info) != 0) return false;
  return info.st_ino == kInitialPidNamespace;
}

}  // namespace jtrace::process
