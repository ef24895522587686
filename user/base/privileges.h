// SPDX-License-Identifier: Apache-2.0
// What the kernel lets this process do, and how to say that it did not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace {

// Numbers of linux/capability.h, which does not know all of them on systems we are built on.
enum class Capability {
  Chown = 0,
  DacOverride = 1,
  DacReadSearch = 2,
  Fowner = 3,
  Kill = 5,
  Setgid = 6,
  Setuid = 7,
  SysPtrace = 19,
  SysAdmin = 21,
  SysNice = 23,
  SysResource = 24,
  Syslog = 34,
  Perfmon = 38,
  Bpf = 39,
  CheckpointRestore = 40,
};

[[nodiscard]] std::string_view name_of(Capability capability);

struct Privileges {
  std::optional<std::uint64_t> effective;  // none: not readable
  bool own_user_namespace = false;         // capabilities that count in there only
  bool confidentiality = false;            // kernel lockdown

  [[nodiscard]] static Privileges read(const std::filesystem::path& root = "/");
  [[nodiscard]] bool holds(Capability capability) const;
};

// "WHAT: CAP_BPF and CAP_PERFMON are missing": `error` of the kernel in words that say what is
// wrong, as far as that can be known. The hint names a check of the doctor, `check` where none fits
// better.
[[nodiscard]] std::unexpected<Error> refused(const std::string& what, int error,
                                             std::initializer_list<Capability> needed,
                                             std::string_view check);
[[nodiscard]] std::unexpected<Error> refused(const std::string& what, int error,
                                             std::initializer_list<Capability> needed,
                                             std::string_view check, const Privileges& held);

}  // namespace jtrace
