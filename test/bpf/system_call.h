// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <execinfo.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "traced_child.h"

namespace jtrace::test {

// The return addresses above the function that this is part of.
[[gnu::always_inline]] inline void append_callers(Trace& trace) {
  static std::array<void*, 4096> found;
  const int n = ::backtrace(found.data(), static_cast<int>(found.size()));
  const auto all = std::span(found).first(static_cast<std::size_t>(n));
  // Before our caller come frames of backtrace() itself.
  for (auto it = std::ranges::find(all, __builtin_return_address(0)); it != all.end(); ++it) {
    trace.push_back(reinterpret_cast<std::uint64_t>(*it));
  }
}

// A system call in this function's own frame, so that backtrace(), which starts from the same
// frame, says who is above it.
[[gnu::noinline]] inline void call_here(long number, int times, Trace& trace) {
  std::uint64_t pc = 0;
  for (int i = 0; i < times; ++i) {
    long result = number;
    asm volatile(
        "syscall\n"
        "0: leaq 0b(%%rip), %1\n"
        : "+a"(result), "=r"(pc)
        : "D"(0)
        : "rcx", "r11", "memory");
  }
  trace.push_back(pc);
  append_callers(trace);
}

}  // namespace jtrace::test
