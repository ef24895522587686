// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace jtrace::unwind {

// Reads little-endian numbers off untrusted bytes. Past the end it yields zeros and stays !ok().
class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty() || !ok_; }
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return rest_; }

  std::span<const std::uint8_t> take(std::uint64_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const auto head = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(head.size());
    return head;
  }

  template <class T>
    requires std::is_arithmetic_v<T>
  T number() {
    T value{};
    if (const auto bytes = take(sizeof value); ok_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  // Bits past the 64th are dropped; the length is bounded by the bytes there are.
  std::uint64_t uleb() { return leb(false); }
  std::int64_t sleb() { return static_cast<std::int64_t>(leb(true)); }

 private:
  std::uint64_t leb(bool is_signed) {
    std::uint64_t value = 0;
    unsigned shift = 0;
    std::uint8_t byte = 0;
    do {
      byte = number<std::uint8_t>();
      if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
      shift += 7;
    } while (ok_ && (byte & 0x80) != 0);
    if (is_signed && shift < 64 && (byte & 0x40) != 0) value |= ~std::uint64_t{0} << shift;
    return value;
  }

  std::span<const std::uint8_t> rest_;
  bool ok_ = true;
};

}  // namespace jtrace::unwind
