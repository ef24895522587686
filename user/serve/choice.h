// SPDX-License-Identifier: Apache-2.0
// What of a profile is shown: one process of several, one event, another weight. A page of one
// profile can leave events out and draw another weight itself; one of a difference has lost what
// that takes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "profile/profile.h"

namespace jtrace::serve {

// Empty: all, or the weight that was asked for.
struct Choice {
  std::string_view process{};  // key_of()
  std::string_view event{};
  std::string_view weight{};
};

// "4242@2026-11-27T01:50:12.120Z": numbers come again.
[[nodiscard]] std::string key_of(const profile::Process& process);

// What is not there leaves nothing of a process or an event, and the weight as it is.
void choose(profile::Profile& profile, const Choice& choice);

inline constexpr std::size_t kMostProcesses = 256;

// What there is to choose in these, as JSON: processes, with most of their default weight first,
// and with `chosen` in any case; events and weights where there are several.
[[nodiscard]] std::string choices_json(std::span<const profile::Profile* const> profiles,
                                       const Choice& chosen);

}  // namespace jtrace::serve
