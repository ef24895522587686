// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cstdint>

#include "export/exporter.h"

namespace jtrace::exporting {
namespace {

void put_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6U);
    put(0x80 | (c & 0x3fU));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12U);
    put(0x80 | (c >> 6U & 0x3fU));
    put(0x80 | (c & 0x3fU));
  } else {
    put(0xf0 | c >> 18U);
    put(0x80 | (c >> 12U & 0x3fU));
    put(0x80 | (c >> 6U & 0x3fU));
    put(0x80 | (c & 0x3fU));
  }
}

std::size_t digits_of(char letter) {
  return letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
}

// Takes one escape from the start of `text`; 0 where there is none.
std::size_t take_escape(std::string_view text, std::string& out) {
  if (text.size() < 2 || text[0] != '\\') return 0;
  if (text[1] == '\\') {
    out += '\\';
    return 2;
  }
  const std::size_t digits = digits_of(text[1]);
  if (digits == 0 || text.size() < 2 + digits) return 0;
  std::uint32_t value = 0;
  const char* end = text.data() + 2 + digits;
  const auto [stop, error] = std::from_chars(text.data() + 2, end, value, 16);
  if (error != std::errc{} || stop != end || value > 0x10ffff) return 0;
  if (digits == 2) {
    out += static_cast<char>(value);  // a byte, whatever text it is part of
  } else {
    put_utf8(out, value);
  }
  return 2 + digits;
}

}  // namespace

std::string plain_text(std::string_view safe) {
  std::string out;
  while (!safe.empty()) {
    std::size_t used = take_escape(safe, out);
    if (used == 0) {
      out += safe[0];
      used = 1;
    }
    safe.remove_prefix(used);
  }
  return out;
}

}  // namespace jtrace::exporting
