// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/java_name.h"

#include <algorithm>

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

std::string_view without_address(std::string_view name) {
  const std::size_t mark = name.find_last_of("+/");
  if (mark == std::string_view::npos) return name;
  const std::string_view tail = name.substr(mark + 1);
  if (!tail.starts_with("0x") || tail.size() == 2) return name;
  if (tail.find_first_not_of(kHexDigits, 2) != std::string_view::npos) return name;
  return name.substr(0, mark);
}

std::string_view without_counter(std::string_view name) {
  const std::string_view stem = name.substr(0, name.find_last_not_of(kDigits) + 1);
  if (stem.size() == name.size()) return name;
  if (stem.ends_with("$$Lambda$")) return stem.substr(0, stem.size() - 1);
  if (stem.starts_with("java/lang/invoke/LambdaForm$")) return stem;
  return name;
}

}  // namespace

std::string normalise_name(std::string_view name) {
  // Internal names of classes have no dot, so the first one is where the method starts.
  const std::size_t dot = std::min(name.find('.'), name.size());
  std::string result(without_counter(without_address(name.substr(0, dot))));
  result += name.substr(dot);
  return result;
}

}  // namespace jtrace::jvmsym::hotspot
