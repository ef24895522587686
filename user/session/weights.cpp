// SPDX-License-Identifier: Apache-2.0
#include "session/weights.h"

#include <algorithm>
#include <limits>

namespace jtrace::session {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

std::int64_t scaled(std::uint64_t value, std::int64_t scale) {
  const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(scale, 1));
  return static_cast<std::int64_t>(value > kMost / factor ? kMost : value * factor);
}

}  // namespace

Weights::Weights(const Events& events) {
  for (const Event& event : events.all) {
    auto& columns = columns_.emplace_back();
    for (const filter::Weight& weight : event.program.weights) {
      columns.push_back(column({.type = weight.type, .unit = weight.unit}));
    }
  }
  const auto fails = [](const Event& event) { return event.has_errors(); };
  if (std::ranges::any_of(events.all, fails)) errors_ = column({.type = "errors", .unit = "count"});
  // Where the number of events was asked for first, it is that.
  const auto* first = events.all.empty() ? nullptr : &events.all.front();
  if (first != nullptr && !first->program.weights.empty() &&
      first->wanted.weights.front() == first->program.weights.front().name) {
    default_type_ = columns_.front().front();
  }
}

std::size_t Weights::column(const profile::ValueType& type) {
  const auto found = std::ranges::find(types_, type);
  const auto index = static_cast<std::size_t>(found - types_.begin());
  if (found == types_.end()) types_.push_back(type);
  return index;
}

std::vector<std::int64_t> Weights::values(std::uint32_t event, const jt_sum& sum,
                                          std::int64_t scale) const {
  std::vector<std::int64_t> values(types_.size());
  values[0] = scaled(sum.count, scale);
  if (event < columns_.size()) {
    for (std::size_t i = 0; i < columns_[event].size(); ++i) {
      values[columns_[event][i]] = scaled(sum.weight[i], scale);
    }
  }
  if (errors_ != 0) values[errors_] = scaled(sum.errors, scale);
  return values;
}

std::vector<Weights::Size> Weights::sizes(const jt_stack_key& key) const {
  std::vector<Size> sizes;
  if (key.event >= columns_.size()) return sizes;
  for (std::size_t i = 0; i < columns_[key.event].size(); ++i) {
    const unsigned bucket = std::min<unsigned>(key.bucket[i], 63);
    sizes.push_back({.type = &types_[columns_[key.event][i]],
                     .least = bucket == 0 ? 0 : std::int64_t{1} << (bucket - 1)});
  }
  return sizes;
}

}  // namespace jtrace::session
