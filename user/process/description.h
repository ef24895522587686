// SPDX-License-Identifier: Apache-2.0
// What tells a process from others of its host, to a person and to a backend.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace jtrace::process {

// All of it the process's own words, which may be anything: of each kMostWords bytes at most,
// control characters left out. Empty: not known.
struct Description {
  std::string comm{};
  std::string main{};       // of a JVM: "com.example.Main", "app.jar", "module/com.example.Main"
  std::string container{};  // id
  std::string cgroup{};     // of version 2: "/system.slice/x.service"
  std::string pod{};        // uid
  friend bool operator==(const Description&, const Description&) = default;
};

inline constexpr std::size_t kMostWords = 256;
[[nodiscard]] std::string bounded(std::string_view words);

// Reads PID/cmdline and PID/cgroup below `proc`; it may end meanwhile, and has then what was there.
[[nodiscard]] Description describe(const std::filesystem::path& proc, pid_t pid,
                                   std::string_view comm);

// Of /proc/PID/cmdline, whose words end in a zero; empty where the program is not `java`, or where
// only a file of arguments (@file) tells.
[[nodiscard]] std::string main_of(std::string_view cmdline);
// The path of version 2 in /proc/PID/cgroup.
[[nodiscard]] std::string_view cgroup_of(std::string_view text);
// Where the path of a cgroup has them; empty: nowhere.
[[nodiscard]] std::string_view container_of(std::string_view path);
[[nodiscard]] std::string pod_of(std::string_view path);

}  // namespace jtrace::process
