// SPDX-License-Identifier: Apache-2.0
// The checks of one process.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <set>

#include "base/counted.h"
#include "base/file.h"
#include "jvmsym/attach/status.h"
#include "process/maps.h"
#include "process/memory.h"
#include "session/doctor.h"
#include "session/name_sources.h"
#include "session/target.h"
#include "symbolize/elf_symbols.h"
#include "unwind/address_space.h"

namespace jtrace::session {
namespace {

using process::MapEntry;
using State = Check::State;

constexpr std::uint32_t kMaxRows = 4U << 20;
// libjvm exports some 1000 functions and has 60 000.
constexpr std::size_t kExportedOnly = 10'000;

std::string file_name(const MapEntry& entry) {
  return std::filesystem::path(entry.path).filename().string();
}

class ProcessChecks {
 public:
  ProcessChecks(pid_t pid, const cli::Options& options)
      : pid_(pid), options_(options), shared_(kMaxRows) {}

  [[nodiscard]] std::vector<Check> operator()() {
    if (process() && mappings()) {
      memory();
      vm();
      attach();
      perf_map();
      namespaces();
      unwind_tables();
    }
    return std::move(checks_);
  }

 private:
  void add(State state, std::string name, std::string finding, std::string command = {},
           bool fatal = false) {
    checks_.push_back(
        {std::move(name), state, std::move(finding), std::move(command), fatal, pid_});
  }
  void add_refused(std::string name, std::string finding) {
    add(State::Gap, std::move(name), std::move(finding),
        fmt::format("sudo jtrace doctor -p {}", pid_), true);
    checks_.back().refused = true;
  }
  [[nodiscard]] const MapEntry* mapped(std::string_view prefix) const {
    const auto found = std::ranges::find_if(maps_, [&](const auto& entry) {
      return entry.executable && entry.inode != 0 && file_name(entry).starts_with(prefix);
    });
    return found == maps_.end() ? nullptr : &*found;
  }

  [[nodiscard]] bool process();
  [[nodiscard]] bool mappings();
  void memory();
  void vm();
  void jvm_symbols(const MapEntry& libjvm);
  void attach();
  void perf_map();
  void namespaces();
  void unwind_tables();

  pid_t pid_;
  const cli::Options& options_;
  SharedTables shared_;
  process::ProcessInfo info_;
  std::vector<MapEntry> maps_;
  bool hotspot_ = false;
  std::vector<Check> checks_;
};

bool ProcessChecks::process() {
  auto found = process::find_process(pid_);
  if (!found) {
    add(State::Gap, "process", found.error().message, found.error().hint, true);
    return false;
  }
  info_ = std::move(*found);
  if (info_.kernel_thread) {
    add(State::Gap, "process", info_.comm + " is a kernel thread", "", true);
    return false;
  }
  if (!info_.is_64bit) {
    add(State::Gap, "process", info_.comm + " is a 32-bit program: only 64-bit ones are supported",
        "", true);
    return false;
  }
  add(State::Ok, "process", info_.comm + ", 64-bit");
  return true;
}

bool ProcessChecks::mappings() {
  auto maps = process::read_maps(pid_);
  if (!maps) {
    if (maps.error().code == Errc::Environment) {
      add_refused("mappings", maps.error().message);
    } else {
      add(State::Gap, "mappings", maps.error().message, "pgrep -f NAME", true);
    }
    return false;
  }
  maps_ = std::move(*maps);
  unwind::AddressSpace space(pid_, shared_.binaries);
  const auto ranges = space.build(maps_, {});
  const std::string found =
      fmt::format("{} mappings, {} executable ranges", maps_.size(), ranges.size());
  if (space.left_out() == 0) {
    add(State::Ok, "mappings", found);
  } else {
    add(State::Gap, "mappings",
        fmt::format("{}, {} beyond the {} that fit: stacks in them stay partial", found,
                    space.left_out(), JT_MAX_RANGES));
  }
  return true;
}

void ProcessChecks::memory() {
  // As before tracing: PTRACE_MODE_READ_FSCREDS, which files and names take, too.
  char byte = 0;
  if (::readlink(fmt::format("/proc/{}/exe", pid_).c_str(), &byte, 1) < 0 &&
      (errno == EACCES || errno == EPERM)) {
    return add_refused("memory", fmt::format("user {} may not trace it", ::geteuid()));
  }
  const auto readable = std::ranges::find_if(
      maps_, [](const auto& entry) { return entry.readable && entry.path != "[vvar]"; });
  const process::ProcessMemory memory(pid_);
  if (readable != maps_.end() && memory.read<std::byte>(ProcessAddr{readable->start})) {
    return add(State::Ok, "memory", "readable");
  }
  // It may be traced, and all the same not be attached to.
  add(State::Gap, "memory",
      "not readable (see ptrace-scope): no Java names, no stacks past what BPF cannot read",
      fmt::format("sudo jtrace doctor -p {}", pid_));
}

void ProcessChecks::vm() {
  if (const MapEntry* openj9 = mapped("libj9vm")) {
    return add(State::Gap, "vm",
               file_name(*openj9) + ": OpenJ9 is not supported, native stacks go on",
               "run the program on a HotSpot JVM, e.g. openjdk-17-jre-headless");
  }
  const MapEntry* libjvm = mapped("libjvm.so");
  if (libjvm == nullptr) return add(State::Info, "vm", "not a JVM; native stacks");
  const auto target = Target::open(pid_, shared_, options_);
  if (!target) {
    return add(State::Gap, "vm", target.error().message, target.error().hint, true);
  }
  hotspot_ = (*target)->is_jvm();
  if (hotspot_) {
    add(State::Ok, "vm",
        fmt::format("HotSpot {}; {}", (*target)->jvm_version(),
                    source_text(**target, options_.jvm_symbols)));
  } else if ((*target)->jvm_pending()) {
    add(State::Info, "vm",
        "a JVM that is just starting, or of a kind not known: " + (*target)->jvm_note());
  } else {
    add(State::Gap, "vm", "a JVM that cannot be read: " + (*target)->jvm_note());
  }
  jvm_symbols(*libjvm);
}

void ProcessChecks::jvm_symbols(const MapEntry& libjvm) {
  const auto& binary = shared_.binaries.get(pid_, libjvm);
  const auto fd = process::find_mapped_file(pid_, libjvm);
  if (!fd) return add(State::Gap, "jvm-symbols", fd.error().message);
  const auto symbols = shared_.files.symbols(pid_, fd->get(), libjvm.path, binary.build_id);
  if (!symbols) return add(State::Gap, "jvm-symbols", symbols.error().message);
  if (symbols->size() > kExportedOnly) {
    return add(State::Ok, "jvm-symbols", counted(symbols->size(), "function") + " of libjvm");
  }
  add(State::Gap, "jvm-symbols",
      fmt::format("only {} of libjvm: its own frames stay without names, Java's do not",
                  counted(symbols->size(), "function")),
      "apt-get install openjdk-17-dbg (of the JDK's version)");
}

// Asked of /proc alone: a JVM that is attached to keeps a thread and a socket.
void ProcessChecks::attach() {
  if (!hotspot_) return;
  constexpr std::size_t kMaxFile = 2U << 20;
  const auto text = read_file(fmt::format("/proc/{}/status", pid_), kMaxFile);
  const auto status = text ? jvmsym::attach::parse_status(*text) : std::nullopt;
  if (!status) return add(State::Info, "attach", "not known: its status cannot be read");
  const std::string tmp = fmt::format("/proc/{}/root/tmp", pid_);
  struct stat socket{};
  if (::stat(fmt::format("{}/.java_pid{}", tmp, status->inner_pid).c_str(), &socket) == 0 &&
      S_ISSOCK(socket.st_mode)) {
    return add(State::Ok, "attach", "its JVM listens already");
  }
  const auto words = read_file(fmt::format("/proc/{}/cmdline", pid_), kMaxFile);
  const auto cannot = [this](const std::string& why) {
    add(State::Gap, "attach", why + ": no --jvm-symbols perfmap; an agent only by -agentpath:",
        "leave --jvm-symbols at auto, which attaches to nobody");
  };
  if (words && jvmsym::attach::says_disabled(*words)) {
    return cannot("switched off there by -XX:+DisableAttachMechanism");
  }
  if (!status->catches_quit) return cannot("SIGQUIT would end it (-Xrs, or just starting)");
  struct statvfs mount{};
  if (::statvfs(tmp.c_str(), &mount) != 0) return cannot(errno_text("its /tmp", errno));
  if ((mount.f_flag & ST_RDONLY) != 0) return cannot("its /tmp is read-only");
  add(State::Ok, "attach", "possible; not needed for --jvm-symbols auto");
}

void ProcessChecks::perf_map() {
  const auto map = shared_.files.perf_map(pid_, info_.inner_tgid);
  if (map) {
    return add(State::Ok, "perf-map",
               fmt::format("{}, {} not understood", counted(map->size(), "entry", "entries"),
                           counted(map->skipped_lines(), "line")));
  }
  const bool jit = std::ranges::any_of(maps_, [](const auto& entry) {
    return entry.executable && entry.inode == 0 && !entry.path.starts_with('[');
  });
  if (hotspot_) return add(State::Info, "perf-map", "none; HotSpot's own tables are read");
  if (!jit) return add(State::Info, "perf-map", "none; no generated code either");
  add(State::Gap, "perf-map", "generated code without names: " + map.error().message,
      "start the runtime with its perf map on, e.g. node --perf-basic-prof");
}

void ProcessChecks::namespaces() {
  constexpr std::array<const char*, 3> kKinds{"mnt", "pid", "user"};
  std::vector<std::string> differ;
  for (const char* kind : kKinds) {
    struct stat ours{};
    struct stat theirs{};
    if (::stat(fmt::format("/proc/self/ns/{}", kind).c_str(), &ours) != 0 ||
        ::stat(fmt::format("/proc/{}/ns/{}", pid_, kind).c_str(), &theirs) != 0) {
      return add(State::Info, "namespaces", "not readable");
    }
    if (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev) differ.emplace_back(kind);
  }
  if (differ.empty()) return add(State::Ok, "namespaces", "ours");
  std::string found = fmt::format("of its own: {}; files are read through /proc/{}/root",
                                  fmt::join(differ, ", "), pid_);
  if (info_.inner_tgid != pid_) found += fmt::format("; pid {} in them", info_.inner_tgid);
  add(State::Ok, "namespaces", std::move(found));
}

void ProcessChecks::unwind_tables() {
  constexpr std::size_t kShown = 5;
  std::set<std::string> binaries;
  std::vector<std::string> without;
  for (const auto& entry : maps_) {
    if (!entry.executable || entry.inode == 0 || !binaries.insert(entry.path).second) continue;
    const auto& binary = shared_.binaries.get(pid_, entry);
    if (!binary.has_cfi) without.push_back(file_name(entry) + " (" + binary.no_cfi_reason + ")");
  }
  if (without.empty()) {
    return add(State::Ok, "unwind-tables", fmt::format("of all {} binaries", binaries.size()));
  }
  const std::size_t more = without.size() - std::min(without.size(), kShown);
  without.resize(std::min(without.size(), kShown));
  add(State::Gap, "unwind-tables",
      fmt::format("none, so stacks end there: {}{}", fmt::join(without, ", "),
                  more == 0 ? "" : fmt::format(" and {} more", more)),
      "build them with -fasynchronous-unwind-tables");
}

}  // namespace

std::vector<Check> check_process(pid_t pid, const cli::Options& options) {
  return ProcessChecks(pid, options)();
}

}  // namespace jtrace::session
