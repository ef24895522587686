// SPDX-License-Identifier: Apache-2.0
// The checks of the host.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string_view>

#include "base/cache_folder.h"
#include "base/counted.h"
#include "base/file.h"
#include "base/privileges.h"
#include "base/rights.h"
#include "capture/raw_tracepoints.h"
#include "event/tracepoint.h"
#include "process/cgroups.h"
#include "process/identity.h"
#include "session/agent_file.h"
#include "session/doctor.h"
#include "symbolize/kernel_symbols.h"

namespace jtrace::session {
namespace {

using State = Check::State;

constexpr std::size_t kMaxText = 64U << 10;
constexpr const char* kNewerKernel =
    "boot a newer kernel, e.g. apt-get install -t bookworm-backports linux-image-amd64";

struct Use {
  Capability right;
  std::string_view what;
  bool fatal;
  bool lent;  // to the members of a group, too
};
constexpr std::array<Use, 7> kUses{{
    {Capability::Bpf, "loads BPF programs", true, true},
    {Capability::Perfmon, "attaches to tracepoints", true, true},
    {Capability::SysPtrace, "reads other users' processes", false, false},
    {Capability::DacReadSearch, "reads tracefs", false, true},
    {Capability::Syslog, "reads kernel symbols", false, true},
    {Capability::CheckpointRestore, "reads binaries that were deleted or replaced", false, false},
    {Capability::SysNice, "names in time on a busy machine", false, true},
}};

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// The value behind "NAME:" in a file of such lines.
std::string line_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(": \t"), line.size()));
    return std::string(line);
  }
  return {};
}

// Root without a capability is root of a container.
std::string more_rights() {
  return ::geteuid() == 0 ? "docker run --privileged --pid=host ..." : "sudo jtrace doctor";
}

class HostChecks {
 public:
  explicit HostChecks(const Host& host) : host_(host), held_(Privileges::read(host.root)) {}

  [[nodiscard]] std::vector<Check> operator()() {
    kernel();
    btf();
    lockdown();
    capabilities();
    user_namespace();
    seccomp();
    bpf();
    bpf_jit();
    memlock();
    perf_event_paranoid();
    tracefs();
    kernel_symbols();
    pid_namespace();
    ptrace_scope();
    cache();
    agent();
    cgroups();
    return std::move(checks_);
  }

 private:
  [[nodiscard]] Result<std::string> text(const char* path) const {
    JT_TRY(std::string text, read_file(host_.root / path, kMaxText));
    return trimmed(std::move(text));
  }
  [[nodiscard]] bool holds(Capability right) const { return held_.holds(right); }
  void ok(std::string name, std::string finding) {
    checks_.push_back({std::move(name), State::Ok, std::move(finding), {}, false, {}});
  }
  void info(std::string name, std::string finding) {
    checks_.push_back({std::move(name), State::Info, std::move(finding), {}, false, {}});
  }
  void gap(std::string name, std::string finding, std::string command, bool fatal = false) {
    checks_.push_back(
        {std::move(name), State::Gap, std::move(finding), std::move(command), fatal, {}});
  }

  void kernel();
  void btf();
  void lockdown();
  void capabilities();
  void user_namespace();
  void seccomp();
  void paths(const capture::KernelFeatures& features);
  void bpf();
  void bpf_jit();
  void memlock();
  void perf_event_paranoid();
  void tracefs();
  void kernel_symbols();
  void pid_namespace();
  void ptrace_scope();
  void cache();
  void agent();
  void cgroups();

  const Host& host_;
  Privileges held_;
  std::vector<Check> checks_;
};

void HostChecks::kernel() {
  utsname name{};
  ::uname(&name);
  const std::string machine(name.machine);
  const auto release = text("proc/sys/kernel/osrelease");
  const std::string found = (release ? *release : std::string(name.release)) + " " + machine;
  if (machine == "x86_64") return info("kernel", found);
  gap("kernel", found + ": only x86_64 is supported", "", true);
}

void HostChecks::btf() {
  const auto path = host_.root / "sys/kernel/btf/vmlinux";
  if (::access(path.c_str(), R_OK) == 0) {
    const auto raw = capture::RawTracepoints::read(path);
    return ok("btf", "/sys/kernel/btf/vmlinux" +
                         (raw ? "; " + counted(raw->list().size(), "raw tracepoint") + " (raw_tp:)"
                              : std::string()));
  }
  gap("btf", errno_text("/sys/kernel/btf/vmlinux", errno),
      "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, e.g. apt-get install linux-image-amd64", true);
}

void HostChecks::lockdown() {
  const auto modes = text("sys/kernel/security/lockdown");
  if (!modes) return ok("lockdown", "none (not part of this kernel, or securityfs not mounted)");
  // "none [integrity] confidentiality": integrity leaves reading allowed.
  if (modes->find("[confidentiality]") == std::string::npos) return ok("lockdown", *modes);
  gap("lockdown", "confidentiality: the kernel refuses tracefs, and BPF its memory",
      "boot with lockdown=integrity", true);
}

void HostChecks::capabilities() {
  if (!held_.effective) return info("capabilities", "/proc/self/status is not readable");
  std::vector<std::string> missing;
  std::vector<std::string_view> names;
  bool fatal = false;
  for (const Use& one : kUses) {
    if (host_.rights_are_lent && !one.lent) continue;
    if (holds(one.right)) {
      names.push_back(name_of(one.right));
      continue;
    }
    missing.push_back(fmt::format("{} ({})", name_of(one.right), one.what));
    fatal = fatal || one.fatal;
  }
  const std::string lent =
      host_.rights_are_lent ? fmt::format("lent to user {}, for processes of his own: ", ::getuid())
                            : "";
  if (missing.empty()) {
    return ok("capabilities",
              lent + fmt::format("{}{}", fmt::join(names, " "),
                                 holds(Capability::SysAdmin) ? " CAP_SYS_ADMIN" : ""));
  }
  if (host_.rights_are_lent) {
    return gap("capabilities", fmt::format("{}without {}", lent, fmt::join(missing, ", ")),
               "install it again: scripts/install_group", fatal);
  }
  gap("capabilities", fmt::format("without {}", fmt::join(missing, ", ")), more_rights(), fatal);
}

void HostChecks::user_namespace() {
  if (!held_.own_user_namespace) return ok("user-namespace", "the host's");
  gap("user-namespace", "not the host's: the kernel asks for capabilities of the host",
      "run jtrace on the host, or in a container that is not rootless", true);
}

void HostChecks::seccomp() {
  const auto status = text("proc/self/status");
  const std::string mode = status ? line_of(*status, "Seccomp") : "";
  if (mode.empty() || mode == "0") return ok("seccomp", "no filter");
  info("seccomp",
       "a filter is on, as of a container: it may refuse bpf, perf_event_open or fsopen");
}

// By what it will attach and walk.
void HostChecks::paths(const capture::KernelFeatures& features) {
  info("paths",
       fmt::format(
           "attach by perf tracepoint, {}; walk by {}; registers {}",
           features.attach_cookie ? "events told apart by cookie" : "one event per run",
           features.bpf_loop ? "bpf_loop, up to 2048 frames"
                             : "chained tail calls, up to 264 frames",
           features.task_pt_regs ? "by bpf_task_pt_regs" : "at the top of the kernel's stack"));
}

void HostChecks::bpf() {
  if (const auto status = host_.load_bpf(); !status) {
    const bool rights = status.error().hint.empty();
    return gap("bpf", status.error().message, rights ? more_rights() : status.error().hint, true);
  }
  ok("bpf", "programs can be loaded");
  const capture::KernelFeatures features = host_.features();
  paths(features);
  const auto fallbacks = features.fallbacks();
  if (fallbacks.empty()) return ok("bpf-features", "all that jtrace has a use for");
  gap("bpf-features", fmt::format("{}", fmt::join(fallbacks, "; ")), kNewerKernel);
}

void HostChecks::bpf_jit() {
  const auto value = text("proc/sys/net/core/bpf_jit_enable");
  if (!value) return info("bpf-jit", value.error().message);
  if (*value != "0") return ok("bpf-jit", "on");
  gap("bpf-jit", "off: BPF programs are interpreted, an event costs many times as much",
      "sysctl -w net.core.bpf_jit_enable=1");
}

void HostChecks::memlock() {
  const auto limits = text("proc/self/limits");
  const std::string line = limits ? line_of(*limits, "Max locked memory") : "";
  const std::string soft = line.substr(0, line.find(' '));
  const std::string release = text("proc/sys/kernel/osrelease").value_or("");
  int major = 0;
  int minor = 0;
  const char* end = release.data() + release.size();
  const auto dot = std::from_chars(release.data(), end, major).ptr;
  if (dot != end) std::from_chars(dot + 1, end, minor);
  // From 5.11 on BPF memory counts against the cgroup, not against this limit.
  const bool counts = major > 0 && (major < 5 || (major == 5 && minor < 11));
  const std::string shown = soft.empty() ? "not known" : soft;
  if (!counts) return ok("memlock", shown + "; this kernel does not count BPF memory against it");
  if (soft == "unlimited" || holds(Capability::SysResource) || holds(Capability::SysAdmin))
    return ok("memlock", shown);
  gap("memlock", shown + " bytes; this kernel counts BPF memory against it", "ulimit -l unlimited");
}

void HostChecks::perf_event_paranoid() {
  const auto value = text("proc/sys/kernel/perf_event_paranoid");
  if (!value) {
    return gap("perf-event-paranoid", value.error().message,
               "boot a kernel with CONFIG_PERF_EVENTS=y", true);
  }
  int level = 0;
  std::from_chars(value->data(), value->data() + value->size(), level);
  if (holds(Capability::Perfmon)) {
    return ok("perf-event-paranoid", *value + "; does not matter with CAP_PERFMON");
  }
  if (level < 0) return ok("perf-event-paranoid", *value);
  gap("perf-event-paranoid", *value + ": tracepoints only with CAP_PERFMON",
      "sysctl -w kernel.perf_event_paranoid=-1");
}

void HostChecks::tracefs() {
  const auto found = event::Tracefs::open(host_.root.string());
  if (!found) {
    const bool there = found.error().message.contains("not readable");
    return gap("tracefs", found.error().message + "; only trace:ID works",
               there ? more_rights() : "mount -t tracefs tracefs /sys/kernel/tracing");
  }
  const bool detached = holds(Capability::SysAdmin) && !host_.rights_are_lent;
  const std::string more = detached ? ", readable; jtrace could open one of its own"
                                    : ", readable; without it only trace:ID would work";
  using Source = event::Tracefs::Source;
  switch (found->source()) {
    case Source::Tracing:
      return ok("tracefs", "/sys/kernel/tracing" + more);
    case Source::DebugTracing:
      return ok("tracefs", "/sys/kernel/debug/tracing" + more);
    case Source::Detached:
      return ok("tracefs", "not mounted; jtrace opens one of its own");
  }
}

void HostChecks::kernel_symbols() {
  const auto symbols = symbolize::KernelSymbols::load(host_.root / "proc/kallsyms");
  const std::string restrict = text("proc/sys/kernel/kptr_restrict").value_or("?");
  if (symbols) {
    return ok("kernel-symbols",
              fmt::format("{}; kptr_restrict {}", counted(symbols->size(), "function"), restrict));
  }
  gap("kernel-symbols",
      fmt::format("{}; kptr_restrict {}: kernel frames stay without names", symbols.error().message,
                  restrict),
      restrict == "2" ? "sysctl -w kernel.kptr_restrict=1" : more_rights());
}

void HostChecks::pid_namespace() {
  if (host_.in_initial_pid_namespace()) return ok("pid-namespace", "the host's");
  gap("pid-namespace", "not the host's: BPF sees the host's process numbers",
      "start the container with --pid=host, or run jtrace on the host", true);
}

// Security module Yama: who may read another process's memory, JVMs' above all.
void HostChecks::ptrace_scope() {
  const auto scope = text("proc/sys/kernel/yama/ptrace_scope");
  if (!scope) return ok("ptrace-scope", "not restricted: Yama is no part of this kernel");
  if (*scope == "0") return ok("ptrace-scope", "0, not restricted");
  constexpr const char* kCost = ": memory is not readable, so no Java names, no Java stacks";
  // Not to be lowered again while the machine runs.
  if (*scope == "3") {
    return gap("ptrace-scope", *scope + kCost, "boot without kernel.yama.ptrace_scope=3");
  }
  if (holds(Capability::SysPtrace) && !host_.rights_are_lent) {
    return ok("ptrace-scope", *scope + "; does not matter with CAP_SYS_PTRACE");
  }
  gap("ptrace-scope", *scope + kCost, "sysctl -w kernel.yama.ptrace_scope=0");
}

void HostChecks::agent() {
  if (const auto file = AgentFile::open()) return ok("agent", file->library().path);
  // Nothing else needs it.
  info(
      "agent",
      "not beside this program, cmake --install puts it there: --jvm-symbols agent cannot load it");
}

void HostChecks::cgroups() {
  constexpr std::size_t kMaxMounts = 4U << 20;
  const auto mounts = read_file(host_.root / "proc/self/mountinfo", kMaxMounts);
  const std::string tree = mounts ? process::cgroup2_mount(*mounts) : std::string();
  if (!tree.empty()) return ok("cgroups", "version 2 at " + tree);
  info("cgroups", "none of version 2 is mounted: --cgroup and --container find nothing");
}

void HostChecks::cache() {
  constexpr std::string_view kCost = "; unwind tables are compiled anew in every run";
  const auto& directory = host_.cache;
  if (host_.rights_are_lent) {
    return info("cache", "none where rights are lent" + std::string(kCost));
  }
  if (directory.empty()) {
    return gap("cache", "no HOME and no XDG_CACHE_HOME" + std::string(kCost),
               "export XDG_CACHE_HOME=$(mktemp -d)");
  }
  struct stat found{};
  if (::stat(directory.c_str(), &found) == 0) {
    if (!S_ISDIR(found.st_mode)) {
      return gap("cache", directory.string() + " is no directory" + std::string(kCost),
                 "rm " + directory.string());
    }
    if (::access(directory.c_str(), W_OK | X_OK) == 0) return ok("cache", directory.string());
    return gap("cache", errno_text(directory.string(), errno) + std::string(kCost),
               fmt::format("chown {} {}", ::geteuid(), directory.string()));
  }
  std::filesystem::path parent = directory.parent_path();
  std::error_code ignored;
  while (parent.has_relative_path() && !std::filesystem::exists(parent, ignored)) {
    parent = parent.parent_path();
  }
  if (::access(parent.c_str(), W_OK | X_OK) == 0) {
    return ok("cache", directory.string() + " (made at the first run)");
  }
  gap("cache", errno_text("make " + directory.string(), errno) + std::string(kCost),
      "export XDG_CACHE_HOME=$(mktemp -d)");
}

}  // namespace

Host Host::real() {
  return {.root = "/",
          .load_bpf = capture::probe_loading,
          .features = capture::probe_features,
          .in_initial_pid_namespace = process::in_initial_pid_namespace,
          .cache = CacheFolder::default_directory(),
          .rights_are_lent = jtrace::rights_are_lent()};
}

std::vector<Check> check_host(const Host& host) { return HostChecks(host)(); }

}  // namespace jtrace::session
