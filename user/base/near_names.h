// SPDX-License-Identifier: Apache-2.0
// "Did you mean ...?": the names nearest to a mistyped one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace jtrace {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// At most `count` of `names`, best first. After those one edit away, a name that ends with `word`,
// begins with it or contains it comes before one that only resembles it ("openat" finds
// sys_enter_openat, ten edits away). A name that resembles `word` too little is left out, so the
// answer may be empty.
[[nodiscard]] std::vector<std::string> near_names(std::string_view word,
                                                  std::span<const std::string> names,
                                                  std::size_t count = 3);

// "did you mean a, b or c?"; empty for no names.
[[nodiscard]] std::string did_you_mean(std::span<const std::string> names);

}  // namespace jtrace
