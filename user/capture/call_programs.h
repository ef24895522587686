// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <span>

#include "base/unique_fd.h"

namespace jtrace::capture {

// A program for the kernel's function of that type; invalid, and errno, where it is refused.
[[nodiscard]] UniqueFd load_at_function(const char* name, std::span<const bpf_insn> instructions,
                                        std::uint32_t type);

// A copy of jt_call (bpf/entry.bpf.h), which is loaded, with a cookie of its own, that goes on with
// the programs of the map `to` in place of `from`.
struct CallProgram {
  const bpf_program* jt_call;
  std::uint32_t type;
  std::uint64_t cookie;
  int from, to;
};
[[nodiscard]] UniqueFd load_call_program(const CallProgram& program);

}  // namespace jtrace::capture
