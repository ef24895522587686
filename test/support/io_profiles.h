// SPDX-License-Identifier: Apache-2.0
// Profiles of reads and writes with weights, fields and sizes, as a server makes them.
#pragma once

#include <cstddef>

#include "profile/profile.h"

namespace jtrace::test {

// Weighed by time; `samples` of them at most, in up to `paths` call paths.
[[nodiscard]] profile::Profile io_profile(std::size_t samples, std::size_t paths);

// Weights, labels and values whose names an attacker would choose.
[[nodiscard]] profile::Profile hostile_weights_profile();

}  // namespace jtrace::test
