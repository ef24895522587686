// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "jvmsym/perf_map.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto map = jtrace::jvmsym::PerfMap::parse(text);
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  if (map.size() > 2 * lines || map.skipped_lines() > lines + 1) std::abort();
  for (std::uint64_t pc = UINT64_MAX; pc != 0; pc >>= 1) {
    const auto name = map.find(pc);
    if (name && (name->empty() || name->size() > 4096)) std::abort();
  }
  return 0;
}
