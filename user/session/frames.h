// SPDX-License-Identifier: Apache-2.0
// What the packed words of a jt_frame say.
#pragma once

#include <cstdint>

#include "bpf/jtrace_abi.h"

namespace jtrace::session {

[[nodiscard]] inline jt_frame_kind kind_of(const jt_frame& frame) {
  return static_cast<jt_frame_kind>((frame.where >> JT_ADDR_BITS) & JT_FRAME_KIND_MASK);
}

// Its address is that of an instruction that was interrupted, not one behind a call.
[[nodiscard]] inline bool is_exact(const jt_frame& frame) {
  return ((frame.where >> JT_ADDR_BITS) & JT_FRAME_EXACT) != 0;
}

[[nodiscard]] inline std::uint64_t address_of(const jt_frame& frame) {
  return frame.where & JT_ADDR_MASK;
}

// An address that lies in the code that was running: a return address may be the first byte behind
// a method whose last call never returns.
[[nodiscard]] inline std::uint64_t inside_of(const jt_frame& frame) {
  return address_of(frame) - (is_exact(frame) ? 0 : 1);
}

// A compiled method or a native wrapper: it carries the compile id, which a JVM gives once.
[[nodiscard]] inline bool has_compile_id(const jt_frame& frame) {
  return kind_of(frame) == JT_FRAME_COMPILED || kind_of(frame) == JT_FRAME_WRAPPER;
}

}  // namespace jtrace::session
