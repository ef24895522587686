// SPDX-License-Identifier: Apache-2.0
#include "unwind/row_space.h"

#include <algorithm>
#include <iterator>

namespace jtrace::unwind {

RowSpace::RowSpace(std::uint32_t rows) : rows_(rows) {
  if (rows != 0) gaps_.emplace(0, rows);
}

std::optional<std::uint32_t> RowSpace::take(std::uint32_t n) {
  if (n == 0) return 0;
  auto best = gaps_.end();
  for (auto it = gaps_.begin(); it != gaps_.end(); ++it) {
    if (it->second >= n && (best == gaps_.end() || it->second < best->second)) best = it;
  }
  if (best == gaps_.end()) return std::nullopt;
  const auto [first, length] = *best;
  gaps_.erase(best);
  if (length > n) gaps_.emplace(first + n, length - n);
  used_ += n;
  largest_.reset();
  return first;
}

std::uint32_t RowSpace::largest_gap() const {
  if (!largest_) {
    largest_ = 0;
    for (const auto& [first, length] : gaps_) largest_ = std::max(*largest_, length);
  }
  return *largest_;
}

std::uint32_t RowSpace::give_back(std::uint32_t first, std::uint32_t n) {
  if (n == 0) return 0;
  used_ -= n;
  largest_.reset();
  const auto after = gaps_.lower_bound(first);
  auto gap = gaps_.emplace_hint(after, first, n);
  if (after != gaps_.end() && after->first == first + n) {
    gap->second += after->second;
    gaps_.erase(after);
  }
  if (gap == gaps_.begin()) return gap->second;
  const auto before = std::prev(gap);
  if (before->first + before->second != first) return gap->second;
  before->second += gap->second;
  gaps_.erase(gap);
  return before->second;
}

}  // namespace jtrace::unwind
