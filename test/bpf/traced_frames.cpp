// SPDX-License-Identifier: Apache-2.0
// Compiled with frame pointers, unlike traced_child.cpp.
#include "traced_child.h"

namespace jtrace::test {
namespace {

[[gnu::noinline]] void leaf(long number, Trace& trace) {
  std::uint64_t pc = 0;
  long result = number;
  asm volatile(
      "syscall\n"
      "0: leaq 0b(%%rip), %1\n"
      : "+a"(result), "=r"(pc)
      : "D"(0)
      : "rcx", "r11", "memory");
  trace.push_back(pc);
  trace.push_back(reinterpret_cast<std::uint64_t>(__builtin_return_address(0)));
}

[[gnu::noinline]] void middle(long number, Trace& trace) {
  leaf(number, trace);
  trace.push_back(reinterpret_cast<std::uint64_t>(__builtin_return_address(0)));
}

}  // namespace

[[gnu::noinline]] Trace call_with_frame_pointers(long number) {
  Trace trace;
  middle(number, trace);
  trace.push_back(reinterpret_cast<std::uint64_t>(__builtin_return_address(0)));
  return trace;
}

}  // namespace jtrace::test
