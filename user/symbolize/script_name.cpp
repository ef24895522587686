// SPDX-License-Identifier: Apache-2.0
#include "symbolize/script_name.h"

#include <algorithm>
#include <array>

namespace jtrace::symbolize {
namespace {

constexpr std::array<std::string_view, 6> kScript{
    "JS:", "LazyCompile:", "Function:", "Eval:", "Script:", "Callback:"};

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "/srv/app.js:10:5" without line and column.
std::string_view without_place(std::string_view place) {
  for (int i = 0; i < 2; ++i) {
    const auto colon = place.rfind(':');
    if (colon == std::string_view::npos || !is_number(place.substr(colon + 1))) break;
    place = place.substr(0, colon);
  }
  return place;
}

}  // namespace

std::optional<ScriptName> script_name(std::string_view text) {
  constexpr std::string_view kBuiltin = "Builtin:", kHandler = "BytecodeHandler:";
  if (text.starts_with(kBuiltin)) {
    return ScriptName{"Builtins_" + std::string(text.substr(kBuiltin.size())), {}};
  }
  if (text.starts_with(kHandler)) {
    return ScriptName{"Builtins_" + std::string(text.substr(kHandler.size())) + "Handler", {}};
  }
  const auto* const tag =
      std::ranges::find_if(kScript, [&](std::string_view t) { return text.starts_with(t); });
  if (tag == kScript.end()) return std::nullopt;
  std::string_view rest = text.substr(tag->size());
  if (!rest.empty() && std::string_view("~^+*").find(rest.front()) != std::string_view::npos)
    rest.remove_prefix(1);
  // A name has no blank, a path may: what is before the first one is the name.
  const auto blank = rest.find(' ');
  const std::string_view name = rest.substr(0, blank);
  const std::string_view place =
      blank == std::string_view::npos ? std::string_view() : rest.substr(blank + 1);
  ScriptName result{name.empty() ? "(anonymous)" : std::string(name), {}};
  if (place.empty()) return result;
  result.name += ' ' + std::string(place);
  result.file = without_place(place);
  return result;
}

}  // namespace jtrace::symbolize
