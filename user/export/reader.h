// SPDX-License-Identifier: Apache-2.0
// Profiles from files: our collapsed text, json, pprof and page, and collapsed text and pprof of
// other tools. What is read is hostile: the limits are below.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "profile/profile.h"

namespace jtrace::exporting {

inline constexpr std::size_t kMaxFile = 512U << 20;        // read, and unpacked
inline constexpr std::size_t kMaxFrames = 64U << 20;       // of all stacks together
inline constexpr std::size_t kMaxNameBytes = 1024U << 20;  // of all functions together

// The format is known by the contents. Errc::Usage names the file.
[[nodiscard]] Result<profile::Profile> read_profile(const std::string& path);

[[nodiscard]] Result<profile::Profile> parse_profile(std::string_view bytes);

}  // namespace jtrace::exporting
