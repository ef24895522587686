// SPDX-License-Identifier: Apache-2.0
// Walks of real processes, spoilt: seeded with test/data/walks.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "replay/recorded_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto recorded = jtrace::test::parse_walk({reinterpret_cast<const char*>(data), size});
  if (!recorded) return 0;
  const auto walk = recorded->walk();
  if (walk.frames.size() > JT_MAX_FRAMES || walk.status >= JT_STATUS_COUNT) std::abort();
  return 0;
}
