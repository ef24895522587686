// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace jtrace::capture {

// Of the system call that a tracepoint is called after ("openat" of sys_enter_openat), on x86-64.
[[nodiscard]] std::optional<std::uint32_t> call_number(std::string_view call);

}  // namespace jtrace::capture
