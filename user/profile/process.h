// SPDX-License-Identifier: Apache-2.0
// Whose a sample is, by its labels, where a profile is of several processes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace jtrace::profile {

// Words of the process itself, but for its number and start. Empty: not known.
struct Process {
  std::int64_t pid = 0;
  std::string start{};  // "2026-11-27T01:50:12.120Z"
  std::string comm{};
  std::string main{};       // of a JVM: its main class, jar or module
  std::string container{};  // id
  std::string cgroup{};     // path
  std::string pod{};        // uid
  friend auto operator<=>(const Process&, const Process&) = default;
};

// A number without a unit. A sample without it has no process, and what it has by one of the other
// keys is a field of its event.
inline constexpr std::string_view kPidLabel = "pid";
// Of no use to group by: there are as many as processes.
inline constexpr std::string_view kStartLabel = "start";

using ProcessText = std::pair<std::string_view, std::string Process::*>;
inline constexpr std::array<ProcessText, 6> kProcessTexts{{{kStartLabel, &Process::start},
                                                           {"comm", &Process::comm},
                                                           {"main", &Process::main},
                                                           {"container", &Process::container},
                                                           {"cgroup", &Process::cgroup},
                                                           {"pod", &Process::pod}}};

[[nodiscard]] constexpr bool is_process_label(std::string_view key) {
  return key == kPidLabel ||
         std::ranges::find(kProcessTexts, key, &ProcessText::first) != kProcessTexts.end();
}

}  // namespace jtrace::profile
