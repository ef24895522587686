// SPDX-License-Identifier: Apache-2.0
#include "serve/metrics_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace jtrace::serve {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string_view("\\n") : std::string_view(&c, 1);
  }
  return out;
}

// Counts in full: their rate is a difference of two large ones.
std::string number(double value) {
  constexpr double kExact = 9007199254740992.0;
  if (std::abs(value) < kExact && value == std::floor(value)) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

}  // namespace

std::string metrics_text(const std::vector<Family>& families) {
  std::string out;
  for (const Family& family : families) {
    if (family.values.empty()) continue;
    fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", family.name,
                   family.help, family.kind == Family::Kind::Counter ? "counter" : "gauge");
    for (const Measured& one : family.values) {
      std::string labels;
      for (const auto& [name, value] : one.labels) {
        fmt::format_to(std::back_inserter(labels), "{}{}=\"{}\"", labels.empty() ? "{" : ",", name,
                       escaped(value));
      }
      if (!labels.empty()) labels += '}';
      fmt::format_to(std::back_inserter(out), "{}{} {}\n", family.name, labels, number(one.value));
    }
  }
  return out;
}

}  // namespace jtrace::serve
