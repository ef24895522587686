// SPDX-License-Identifier: Apache-2.0
// Walks of real processes, spoilt: seeded with test/data/walks. What a walk keeps for the next one
// changes nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "replay/recorded_walk.h"

namespace {

bool same(const jtrace::unwind::WalkResult& a, const jtrace::unwind::WalkResult& b) {
  // What is kept saves reads, of which there is a budget.
  if (a.status == JT_STATUS_BUDGET || b.status == JT_STATUS_BUDGET) return true;
  return a.status == b.status &&
         std::ranges::equal(a.frames, b.frames, [](const jt_frame& x, const jt_frame& y) {
           return x.where == y.where && x.info == y.info;
         });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto recorded = jtrace::test::parse_walk({reinterpret_cast<const char*>(data), size});
  if (!recorded) return 0;
  // Any word that stays will do for the counter that says that no code was freed.
  for (jt_hotspot& vm : recorded->jvms) {
    if (!recorded->code.parts().empty()) vm.code_epoch = recorded->code.parts().begin()->first;
  }
  const auto walk = recorded->walk();
  if (walk.frames.size() > JT_MAX_FRAMES || walk.status >= JT_STATUS_COUNT) std::abort();
  constexpr std::size_t kKnown = 61;
  std::vector<jt_known_pc> known(kKnown);
  if (!same(walk, recorded->walk(known)) || !same(walk, recorded->walk(known))) std::abort();
  return 0;
}
