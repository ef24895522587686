// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string_view>

namespace jtrace {

// Writes where a person or a script may read it. A terminal that hung up, a full disk or a closed
// pipe must not cost the profile, so what cannot be written is dropped; fmt::print throws there.
inline void print(std::FILE* to, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), to) == text.size()) std::fflush(to);
}

}  // namespace jtrace
