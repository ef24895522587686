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

#include "base/file.h"
#include "event/tracepoint.h"
#include "process/identity.h"
#include "session/doctor.h"
#include "symbolize/kernel_symbols.h"
#include "unwind/table_cache.h"

namespace jtrace::session {
namespace {

using State = Check::State;

constexpr std::size_t kMaxText = 64U << 10;
constexpr const char* kNewerKernel =
    "boot a newer kernel, e.g. apt-get install -t bookworm-backports linux-image-amd64";

struct Capability {
  int bit;
  std::string_view name;
  std::string_view what;
  bool fatal;
};
// linux/capability.h of Debian 12 has them all, but not of the systems it is still built on.
constexpr int kSysAdmin = 21;
constexpr int kSysResource = 24;
constexpr std::array<Capability, 5> kCapabilities{{
    {39, "CAP_BPF", "loads BPF programs", true},
    {38, "CAP_PERFMON", "attaches to tracepoints", true},
    {19, "CAP_SYS_PTRACE", "reads other users' processes", false},
    {2, "CAP_DAC_READ_SEARCH", "reads tracefs", false},
    {34, "CAP_SYSLOG", "reads kernel symbols", false},
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
  explicit HostChecks(const Host& host) : host_(host), held_(read_capabilities()) {}

  [[nodiscard]] std::vector<Check> operator()() {
    kernel();
    btf();
    lockdown();
    capabilities();
    bpf();
    bpf_jit();
    memlock();
    perf_event_paranoid();
    tracefs();
    kernel_symbols();
    pid_namespace();
    cache();
    return std::move(checks_);
  }

 private:
  [[nodiscard]] Result<std::string> text(const char* path) const {
    JT_TRY(std::string text, read_file(host_.root / path, kMaxText));
    return trimmed(std::move(text));
  }
  [[nodiscard]] std::optional<std::uint64_t> read_capabilities() const {
    const auto status = text("proc/self/status");
    if (!status) return std::nullopt;
    const std::string mask = line_of(*status, "CapEff");
    std::uint64_t bits = 0;
    const auto [end, error] = std::from_chars(mask.data(), mask.data() + mask.size(), bits, 16);
    if (error != std::errc{} || end != mask.data() + mask.size()) return std::nullopt;
    return bits;
  }
  [[nodiscard]] bool holds(int capability) const {
    return ((held_.value_or(0) >> capability) & 1) != 0;
  }
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
  void bpf();
  void bpf_jit();
  void memlock();
  void perf_event_paranoid();
  void tracefs();
  void kernel_symbols();
  void pid_namespace();
  void cache();

  const Host& host_;
  std::optional<std::uint64_t> held_;
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
  if (::access(path.c_str(), R_OK) == 0) return ok("btf", "/sys/kernel/btf/vmlinux");
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
  if (!held_) return info("capabilities", "/proc/self/status is not readable");
  const bool admin = holds(kSysAdmin);
  std::vector<std::string> missing;
  std::vector<std::string_view> names;
  bool fatal = false;
  for (const auto& one : kCapabilities) {
    names.push_back(one.name);
    // CAP_SYS_ADMIN was all of these before 5.8, and still is.
    const bool by_admin = one.fatal || one.name == "CAP_SYSLOG";
    if (holds(one.bit) || (by_admin && admin)) continue;
    missing.push_back(fmt::format("{} ({})", one.name, one.what));
    fatal = fatal || one.fatal;
  }
  if (missing.empty()) {
    return ok("capabilities",
              fmt::format("{}{}", fmt::join(names, " "), admin ? " CAP_SYS_ADMIN" : ""));
  }
  gap("capabilities", fmt::format("without {}", fmt::join(missing, ", ")), more_rights(), fatal);
}

void HostChecks::bpf() {
  if (const auto status = host_.load_bpf(); !status) {
    const bool rights = status.error().hint.empty();
    return gap("bpf", status.error().message, rights ? more_rights() : status.error().hint, true);
  }
  ok("bpf", "programs can be loaded");
  const auto fallbacks = host_.features().fallbacks();
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
  if (soft == "unlimited" || holds(kSysResource) || holds(kSysAdmin)) return ok("memlock", shown);
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
  constexpr int kPerfmon = 38;
  if (holds(kPerfmon) || holds(kSysAdmin)) {
    return ok("perf-event-paranoid", *value + "; does not matter with CAP_PERFMON");
  }
  if (level < 0) return ok("perf-event-paranoid", *value);
  gap("perf-event-paranoid", *value + ": tracepoints only with CAP_PERFMON",
      "sysctl -w kernel.perf_event_paranoid=-1");
}

void HostChecks::tracefs() {
  const auto found = event::Tracefs::open(host_.root.string());
  if (!found) {
    return gap("tracefs", found.error().message + "; only trace:ID works",
               "mount -t tracefs tracefs /sys/kernel/tracing");
  }
  using Source = event::Tracefs::Source;
  switch (found->source()) {
    case Source::Tracing:
      return ok("tracefs", "/sys/kernel/tracing");
    case Source::DebugTracing:
      return ok("tracefs", "/sys/kernel/debug/tracing");
    case Source::Detached:
      return ok("tracefs", "not mounted; jtrace opens one of its own");
  }
}

void HostChecks::kernel_symbols() {
  const auto symbols = symbolize::KernelSymbols::load(host_.root / "proc/kallsyms");
  const std::string restrict = text("proc/sys/kernel/kptr_restrict").value_or("?");
  if (symbols) {
    return ok("kernel-symbols",
              fmt::format("{} functions; kptr_restrict {}", symbols->size(), restrict));
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

void HostChecks::cache() {
  constexpr std::string_view kCost = "; unwind tables are compiled anew in every run";
  const auto& directory = host_.cache;
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
          .cache = unwind::TableCache::default_directory()};
}

std::vector<Check> check_host(const Host& host) { return HostChecks(host)(); }

}  // namespace jtrace::session
