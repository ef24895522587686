// SPDX-License-Identifier: Apache-2.0
// HotSpot's coding of small numbers in debug information and line tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace jtrace::jvmsym::hotspot {

// UNSIGNED5: one to five bytes; a byte below 192 is the last. Until JDK 19 any byte may occur;
// since JDK 20 every byte is one higher than its digit, so that 0 stays free as a terminator.
class Unsigned5Reader {
 public:
  Unsigned5Reader(std::span<const std::byte> bytes, std::size_t position, bool excludes_zero)
      : bytes_(bytes), position_(position), excludes_zero_(excludes_zero) {}

  // nullopt at the end of the bytes, or at a byte that the coding excludes.
  [[nodiscard]] std::optional<std::uint32_t> number();
  // Zig-zag: 0, -1, 1, -2, ...
  [[nodiscard]] std::optional<std::int32_t> signed_number();
  // A byte outside of the coding.
  [[nodiscard]] std::optional<std::uint8_t> raw_byte();

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_;
  bool excludes_zero_;
};

}  // namespace jtrace::jvmsym::hotspot
