// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace::capture {

// Globs over process names as the kernel side evaluates them (bpf/targets.bpf.h): one automaton for
// all of them whose states are bits, so that a name is matched in 16 steps without a branch.
struct CommGlobs {
  std::uint64_t start = 0;                 // where each glob begins
  std::uint64_t end = 0;                   // where each has matched
  std::uint64_t stars = 0;                 // stay whatever comes
  std::array<std::uint64_t, 256> takes{};  // by character: go on to the next

  [[nodiscard]] bool match(std::string_view name) const;
};

// `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before what is meant as it stands. Errc::Usage where a glob
// is empty or not closed, or where all together have too many characters.
[[nodiscard]] Result<CommGlobs> compile_comm_globs(std::span<const std::string> globs);

}  // namespace jtrace::capture
