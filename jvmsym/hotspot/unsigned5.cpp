// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/unsigned5.h"

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr int kMaxBytes = 5;
constexpr int kBitsPerDigit = 6;
constexpr std::uint32_t kFirstContinued = 192;  // as a raw byte, in both codings

}  // namespace

std::optional<std::uint8_t> Unsigned5Reader::raw_byte() {
  if (position_ >= bytes_.size()) return std::nullopt;
  return std::to_integer<std::uint8_t>(bytes_[position_++]);
}

std::optional<std::uint32_t> Unsigned5Reader::number() {
  const std::uint32_t excluded = excludes_zero_ ? 1 : 0;
  std::uint32_t sum = 0;
  for (int i = 0; i < kMaxBytes; ++i) {
    const auto byte = raw_byte();
    if (!byte || *byte < excluded) return std::nullopt;
    sum += (*byte - excluded) << (kBitsPerDigit * i);
    if (*byte < kFirstContinued) break;
  }
  return sum;
}

std::optional<std::int32_t> Unsigned5Reader::signed_number() {
  const auto value = number();
  if (!value) return std::nullopt;
  return static_cast<std::int32_t>((*value >> 1) ^ (0U - (*value & 1)));
}

}  // namespace jtrace::jvmsym::hotspot
