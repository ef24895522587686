// SPDX-License-Identifier: Apache-2.0
// The texts of /proc/PID: maps, and status and stat, which a NUL parts in the input.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "process/identity.h"
#include "process/maps.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto maps = jtrace::process::parse_maps(text);
  if (maps.size() > 1 + static_cast<std::size_t>(std::ranges::count(text, '\n'))) std::abort();
  std::uint64_t end = 0;
  for (const auto& entry : maps) {
    if (entry.start < end || entry.end <= entry.start) std::abort();
    end = entry.end;
  }
  const std::size_t nul = std::min(text.find('\0'), text.size());
  const auto process = jtrace::process::parse_process(text.substr(0, nul),
                                                      text.substr(std::min(nul + 1, text.size())));
  if (process && process->comm.size() > text.size()) std::abort();
  return 0;
}
