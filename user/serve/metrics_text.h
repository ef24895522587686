// SPDX-License-Identifier: Apache-2.0
// Prometheus' text format (version 0.0.4), of whatever is counted.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jtrace::serve {

struct Measured {
  std::vector<std::pair<std::string_view, std::string>> labels;  // values as they are
  double value = 0;
};

struct Family {
  enum class Kind { Counter, Gauge };
  std::string_view name;
  std::string_view help;
  Kind kind = Kind::Counter;
  std::vector<Measured> values;
};

// A family without values is left out.
[[nodiscard]] std::string metrics_text(const std::vector<Family>& families);

}  // namespace jtrace::serve
