// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "jvmsym/jit_dump.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using jtrace::jvmsym::JitDump;
  const auto bytes = std::as_bytes(std::span(data, size));
  JitDump dump;
  // Twice as much each time, as a file grows.
  for (std::size_t have = 1; have < 2 * size; have *= 2) {
    const std::size_t end = std::min(have, size);
    if (dump.offset() < end) {
      (void)dump.add(bytes.subspan(dump.offset(), end - dump.offset()));
    }
  }
  if (dump.size() > size / 56) std::abort();
  for (std::uint64_t pc = UINT64_MAX; pc != 0; pc >>= 1) {
    const auto name = dump.find(pc, pc);
    if (name && (name->empty() || name->size() > JitDump::kMaxName)) std::abort();
  }
  return 0;
}
