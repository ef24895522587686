// SPDX-License-Identifier: Apache-2.0
// Programs at tracepoints by way of perf events, of which nobody else at the tracepoint notices
// anything.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::capture {

// Attaches a program to tracepoint `id`; it is detached with what is returned. Without a cookie by
// the way that kernels before 5.15 have, too. `name`: the program's, for messages.
[[nodiscard]] Result<UniqueFd> attach_perf_tracepoint(std::uint32_t id, const char* name,
                                                      int program,
                                                      std::optional<std::uint64_t> cookie);

// Whether this process may have events of perf on all processes at all: asked by one that counts
// nothing.
[[nodiscard]] Status probe_perf_events();

}  // namespace jtrace::capture
