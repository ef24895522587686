// SPDX-License-Identifier: Apache-2.0
#include "export/packed.h"

#include <array>

namespace jtrace::exporting {
namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr unsigned kBits = 5;
constexpr std::uint64_t kMore = 1U << kBits;
constexpr unsigned kMostBits = 63;  // of a number

constexpr std::array<std::int8_t, 256> make_digits() {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    digits[static_cast<unsigned char>(kLetters[i])] = static_cast<std::int8_t>(i);
  }
  return digits;
}
constexpr std::array<std::int8_t, 256> kDigits = make_digits();

// Takes a number off the front; nothing where there is none.
std::optional<std::uint64_t> take(std::string_view& text) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < kMostBits && !text.empty(); shift += kBits) {
    const std::int8_t digit = kDigits[static_cast<unsigned char>(text.front())];
    if (digit < 0) return std::nullopt;
    text.remove_prefix(1);
    const auto part = static_cast<std::uint64_t>(digit) & (kMore - 1);
    if (part >> (kMostBits - shift) != 0) return std::nullopt;
    value |= part << shift;
    if ((static_cast<std::uint64_t>(digit) & kMore) == 0) return value;
  }
  return std::nullopt;
}

}  // namespace

void Packer::put(std::uint64_t value) {
  for (; value >= kMore; value >>= kBits) out_ += kLetters[(value & (kMore - 1)) | kMore];
  out_ += kLetters[value];
}

std::optional<std::vector<std::int64_t>> unpacked(std::string_view text, std::size_t count) {
  std::vector<std::int64_t> out;
  while (!text.empty()) {
    const auto value = take(text);
    if (!value) return std::nullopt;
    std::uint64_t times = 1;
    if (*value == 0) {
      const auto more = take(text);
      if (!more) return std::nullopt;
      times += *more;
    }
    if (times > count - out.size()) return std::nullopt;
    out.insert(out.end(), times, static_cast<std::int64_t>(*value));
  }
  if (out.size() != count) return std::nullopt;
  return out;
}

}  // namespace jtrace::exporting
