// SPDX-License-Identifier: Apache-2.0
#include "capture/range_slots.h"

#include <algorithm>

namespace jtrace::capture {

std::optional<std::uint32_t> RangeSlots::gap(std::uint32_t from, std::uint32_t n) const {
  for (const Run& run : used_) {
    if (run.end <= from) continue;
    if (run.first >= from && run.first - from >= n) break;
    from = run.end;
  }
  if (n > slots_ || from > slots_ - n) return std::nullopt;
  return from;
}

std::optional<std::uint32_t> RangeSlots::take(Owner process, std::uint32_t n) {
  auto first = gap(next_, n);
  if (!first) first = gap(0, n);
  if (!first) return std::nullopt;
  give_back(process);
  const auto place = std::ranges::upper_bound(used_, *first, {}, &Run::first);
  if (n > 0) used_.insert(place, Run{*first, *first + n, process});
  next_ = *first + n;
  return first;
}

void RangeSlots::give_back(Owner process) {
  std::erase_if(used_, [&](const Run& run) { return run.process == process; });
}

std::uint32_t RangeSlots::used() const {
  std::uint32_t sum = 0;
  for (const Run& run : used_) sum += run.end - run.first;
  return sum;
}

}  // namespace jtrace::capture
