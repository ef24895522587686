// SPDX-License-Identifier: Apache-2.0
// What events add up to, as the columns of a profile.
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/jtrace_abi.h"
#include "profile/profile.h"
#include "session/events.h"

namespace jtrace::session {

// Column 0 is the number of events; then come the weights of all events, equal ones in one column,
// and the number of those that failed where any can.
class Weights {
 public:
  explicit Weights(const Events& events);

  [[nodiscard]] const std::vector<profile::ValueType>& types() const { return types_; }
  // Of the weight that was asked for: the first event's first.
  [[nodiscard]] std::size_t default_type() const { return default_type_; }

  [[nodiscard]] std::vector<std::int64_t> values(std::uint32_t event, const jt_sum& sum,
                                                 std::int64_t scale) const;

  // How large the events of a key were, one bucket per weight.
  struct Size {
    const profile::ValueType* type;
    std::int64_t least;
  };
  [[nodiscard]] std::vector<Size> sizes(const jt_stack_key& key) const;

 private:
  [[nodiscard]] std::size_t column(const profile::ValueType& type);

  std::vector<profile::ValueType> types_{{"events", "count"}};
  std::vector<std::vector<std::size_t>> columns_;  // of each event's weights
  std::size_t errors_ = 0;                         // 0: there are none
  std::size_t default_type_ = 0;
};

}  // namespace jtrace::session
