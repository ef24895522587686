// SPDX-License-Identifier: Apache-2.0
#include "session/frame_filter.h"

#include <fnmatch.h>

#include <algorithm>

namespace jtrace::session {
namespace {

bool any_matches(const std::vector<std::string>& globs, const std::string& name) {
  return std::ranges::any_of(globs, [&](const std::string& glob) {
    return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
  });
}

}  // namespace

FrameFilter::Match FrameFilter::match(profile::FunctionId function,
                                      const profile::SymbolTable& symbols) {
  const auto [it, fresh] = known_.try_emplace(function.value);
  if (fresh) {
    // A name is the target's: fnmatch takes time exponential in stars and length.
    constexpr std::size_t kLooked = 512;
    const std::string& whole = symbols.strings()[symbols.functions()[function.value].name.value];
    const std::string name = whole.substr(0, kLooked);
    it->second = {any_matches(include_, name), any_matches(exclude_, name)};
  }
  return it->second;
}

bool FrameFilter::keeps(const std::vector<profile::LocationId>& locations,
                        const profile::SymbolTable& symbols) {
  if (!active()) return true;
  bool included = include_.empty();
  for (const profile::LocationId id : locations) {
    for (const profile::Line& line : symbols.locations()[id.value].lines) {
      const Match found = match(line.function, symbols);
      if (found.excluded) return false;
      included = included || found.included;
    }
  }
  return included;
}

}  // namespace jtrace::session
