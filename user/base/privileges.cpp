// SPDX-License-Identifier: Apache-2.0
#include "base/privileges.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <sstream>
#include <vector>

#include "base/file.h"

namespace jtrace {
namespace {

constexpr std::size_t kMaxText = 64U << 10;

std::optional<std::uint64_t> mask_of(const std::string& status, std::string_view name) {
  const std::size_t at = status.find(name);
  if (at == std::string::npos) return std::nullopt;
  constexpr int kHex = 16;
  std::uint64_t bits = 0;
  const char* end = status.data() + status.size();
  const auto [stop, error] = std::from_chars(status.data() + at + name.size(), end, bits, kHex);
  if (error != std::errc{} || stop == end || *stop != '\n') return std::nullopt;
  return bits;
}

// The initial user namespace maps every id to itself.
bool is_whole_map(const std::string& map) {
  std::istringstream words(map);
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  return words >> inside >> outside >> count && inside == 0 && outside == 0 && count == UINT32_MAX;
}

std::string missing_text(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text + (names.size() == 1 ? " is missing" : " are missing");
}

std::string with_check(std::string_view hint, std::string_view check) {
  return std::string(hint) + " (doctor: " + std::string(check) + ")";
}

}  // namespace

std::string_view name_of(Capability capability) {
  switch (capability) {
    case Capability::Chown:
      return "CAP_CHOWN";
    case Capability::DacOverride:
      return "CAP_DAC_OVERRIDE";
    case Capability::DacReadSearch:
      return "CAP_DAC_READ_SEARCH";
    case Capability::Fowner:
      return "CAP_FOWNER";
    case Capability::Kill:
      return "CAP_KILL";
    case Capability::Setgid:
      return "CAP_SETGID";
    case Capability::Setuid:
      return "CAP_SETUID";
    case Capability::SysPtrace:
      return "CAP_SYS_PTRACE";
    case Capability::SysAdmin:
      return "CAP_SYS_ADMIN";
    case Capability::SysNice:
      return "CAP_SYS_NICE";
    case Capability::SysResource:
      return "CAP_SYS_RESOURCE";
    case Capability::Syslog:
      return "CAP_SYSLOG";
    case Capability::Perfmon:
      return "CAP_PERFMON";
    case Capability::Bpf:
      return "CAP_BPF";
    case Capability::CheckpointRestore:
      return "CAP_CHECKPOINT_RESTORE";
  }
  return "?";
}

Privileges Privileges::read(const std::filesystem::path& root) {
  Privileges held;
  if (const auto status = read_file(root / "proc/self/status", kMaxText)) {
    held.effective = mask_of(*status, "CapEff:\t");
    // Lent rights are raised where they are needed: what can be raised is not missing.
    const auto permitted = mask_of(*status, "CapPrm:\t");
    if (held.effective && permitted) *held.effective |= *permitted;
  }
  if (const auto map = read_file(root / "proc/self/uid_map", kMaxText)) {
    held.own_user_namespace = !is_whole_map(*map);
  }
  // "none [integrity] confidentiality": integrity leaves reading allowed.
  if (const auto modes = read_file(root / "sys/kernel/security/lockdown", kMaxText)) {
    held.confidentiality = modes->find("[confidentiality]") != std::string::npos;
  }
  return held;
}

bool Privileges::holds(Capability capability) const {
  const auto has = [this](int bit) { return ((effective.value_or(0) >> bit) & 1) != 0; };
  if (has(static_cast<int>(capability))) return true;
  switch (capability) {
    case Capability::Bpf:
    case Capability::Perfmon:
    case Capability::Syslog:
    case Capability::CheckpointRestore:
      // CAP_SYS_ADMIN was all of these once (CAP_BPF and CAP_PERFMON are of 5.8), and still is.
      return has(static_cast<int>(Capability::SysAdmin));
    case Capability::DacReadSearch: {
      constexpr int kDacOverride = 1;
      return has(kDacOverride);
    }
    default:
      return false;
  }
}

std::unexpected<Error> refused(const std::string& what, int error,
                               std::initializer_list<Capability> needed, std::string_view check) {
  return refused(what, error, needed, check, Privileges::read());
}

std::unexpected<Error> refused(const std::string& what, int error,
                               std::initializer_list<Capability> needed, std::string_view check,
                               const Privileges& held) {
  if (error != EPERM && error != EACCES) {
    return fail(Errc::Environment, errno_text(what, error), with_check("see jtrace doctor", check));
  }
  std::vector<std::string_view> missing;
  for (const Capability one : needed) {
    if (held.effective && !held.holds(one)) missing.push_back(name_of(one));
  }
  if (!missing.empty()) {
    return fail(Errc::Environment, what + ": " + missing_text(missing),
                with_check("run with sudo", "capabilities"));
  }
  if (held.own_user_namespace) {
    return fail(
        Errc::Environment, what + ": the capabilities of a user namespace do not count for it",
        with_check("run it on the host, or start the container with --privileged", "capabilities"));
  }
  if (held.confidentiality) {
    return fail(Errc::Environment, what + ": kernel lockdown (confidentiality) forbids it",
                with_check("boot with lockdown=integrity", "lockdown"));
  }
  return fail(Errc::Environment, errno_text(what, error),
              with_check("a seccomp profile or a security module may refuse it: run it on the host",
                         check));
}

}  // namespace jtrace
