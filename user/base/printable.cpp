// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

namespace jtrace {

std::string printable(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    const auto next = i + 1 < out.size() ? static_cast<unsigned char>(out[i + 1]) : 0U;
    // U+0080 to U+009F are control characters too; a terminal may take U+009B for ESC [.
    const bool c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;
    if (byte < 0x20 || byte == 0x7f) out[i] = '?';
    if (c1) out.replace(i, 2, "?");
  }
  return out;
}

}  // namespace jtrace
