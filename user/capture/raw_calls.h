// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace jtrace::capture {

// A system call, by its number at the raw tracepoints of all calls, and as which event it counts.
struct RawCall {
  std::uint32_t number = 0;
  std::uint32_t event = 0;
  bool kernel_stacks = false;
  enum class What : std::uint8_t { Begin, End, Noted } what = What::Begin;  // Noted: its begin
};

}  // namespace jtrace::capture
