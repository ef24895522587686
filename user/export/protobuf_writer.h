// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace jtrace::exporting {

// Protocol buffer messages, field by field. As in proto3, fields that are zero or empty are absent.
class ProtobufWriter {
 public:
  void number(unsigned field, std::uint64_t value) {
    if (value == 0) return;
    tag(field, kVarint);
    varint(value);
  }
  void number(unsigned field, std::int64_t value) {
    number(field, static_cast<std::uint64_t>(value));
  }

  // A member of a oneof is there when it is zero: it says which one is set.
  void member(unsigned field, std::int64_t value) {
    tag(field, kVarint);
    varint(static_cast<std::uint64_t>(value));
  }
  void fixed64(unsigned field, std::uint64_t value) {
    if (value == 0) return;
    tag(field, kFixed64);
    constexpr unsigned kBits = 64;
    for (unsigned shift = 0; shift < kBits; shift += 8) out_ += static_cast<char>(value >> shift);
  }

  // Unlike other fields, elements of a repeated field are there when they are empty.
  void element(unsigned field, std::string_view bytes) {
    tag(field, kLength);
    varint(bytes.size());
    out_ += bytes;
  }
  void element(unsigned field, const ProtobufWriter& message) { element(field, message.out_); }

  template <class Number>
  void packed(unsigned field, std::span<const Number> values) {
    packed(field, values, [](Number value) { return static_cast<std::uint64_t>(value); });
  }
  // `number` says what each of the values is as a number.
  template <class Values, class NumberOf>
  void packed(unsigned field, const Values& values, NumberOf number) {
    if (values.empty()) return;
    if (body_.size() < values.size() * kMaxVarint) body_.resize(values.size() * kMaxVarint);
    char* end = body_.data();
    for (const auto& value : values) end = put_varint(end, number(value));
    element(field, std::string_view(body_.data(), end));
  }

  void reserve(std::size_t bytes) { out_.reserve(bytes); }

  // As reserve() of a message without any, and has the kernel find the pages.
  void make_room(std::size_t bytes) {
    out_.resize(bytes);
    out_.clear();
  }

  // What comes behind it in the same message.
  void append(const ProtobufWriter& rest) { out_ += rest.out_; }

  // Ready for another message, in the memory of this one.
  void clear() { out_.clear(); }

  [[nodiscard]] const std::string& bytes() const { return out_; }
  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  static constexpr unsigned kVarint = 0;
  static constexpr unsigned kFixed64 = 1;
  static constexpr unsigned kLength = 2;
  static constexpr std::size_t kMaxVarint = 10;

  void tag(unsigned field, unsigned type) { varint(field << 3U | type); }
  void varint(std::uint64_t value) {
    std::array<char, kMaxVarint> bytes;
    out_.append(bytes.data(), put_varint(bytes.data(), value));
  }
  static char* put_varint(char* out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) *out++ = static_cast<char>(value | 0x80U);
    *out++ = static_cast<char>(value);
    return out;
  }

  std::string out_;
  std::string body_;  // memory for what is packed
};

}  // namespace jtrace::exporting
