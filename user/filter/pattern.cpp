// SPDX-License-Identifier: Apache-2.0
#include "filter/pattern.h"

#include <fmt/format.h>

#include <bitset>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace jtrace::filter {
namespace {

using Class = std::bitset<256>;

class Builder {
 public:
  void add(unsigned token) {
    // Several stars in a row are one.
    if (token == JT_TOKEN_STAR && size_ > 0 && last_ == JT_TOKEN_STAR) return;
    last_ = token;
    if (++size_ >= JT_PATTERN_TOKENS) return;
    pattern_.token[size_ - 1] = static_cast<std::uint16_t>(token);
    if (token == JT_TOKEN_STAR) pattern_.tail = static_cast<std::uint16_t>(size_);
  }
  void add(const Class& members) {
    add(JT_TOKEN_CLASS + static_cast<unsigned>(classes_));
    if (++classes_ > JT_MAX_CLASSES) return;
    const std::span bits(pattern_.classes[classes_ - 1]);
    for (std::size_t c = 0; c < members.size(); ++c) {
      if (members[c]) bits[c / 8] = static_cast<std::uint8_t>(bits[c / 8] | 1U << c % 8);
    }
  }
  [[nodiscard]] Result<jt_pattern> finish() {
    if (size_ >= JT_PATTERN_TOKENS) {
      return fail(Errc::Usage, fmt::format("a string to compare with has at most {} characters",
                                           JT_PATTERN_TOKENS - 1));
    }
    if (classes_ > JT_MAX_CLASSES) {
      return fail(Errc::Usage, fmt::format("a glob has at most {} [...]", JT_MAX_CLASSES));
    }
    if (pattern_.tail != 0) {
      pattern_.tail_tokens = static_cast<std::uint16_t>(size_ - pattern_.tail);
    }
    return pattern_;
  }

 private:
  jt_pattern pattern_{};
  std::size_t size_ = 0;
  std::size_t classes_ = 0;
  unsigned last_ = JT_TOKEN_END;
};

unsigned byte_of(char c) { return static_cast<unsigned char>(c); }

// What follows a '[', which is taken off; nullopt where no ']' closes it. A ']' that comes first is
// a member, and so is one behind a '-'... unless it ends the class.
std::optional<Class> take_class(std::string_view& rest) {
  std::size_t at = 0;
  const bool inverted = rest.starts_with('!');
  if (inverted) ++at;
  Class members;
  do {
    if (at >= rest.size()) return std::nullopt;
    const unsigned first = byte_of(rest[at++]);
    unsigned last = first;
    if (at + 1 < rest.size() && rest[at] == '-' && rest[at + 1] != ']') {
      last = byte_of(rest[at + 1]);
      at += 2;
    }
    for (unsigned c = first; c <= last; ++c) members.set(c);
    if (at >= rest.size()) return std::nullopt;
  } while (rest[at] != ']');
  rest.remove_prefix(at + 1);
  if (inverted) members.flip();
  return members;
}

}  // namespace

Result<jt_pattern> literal_pattern(std::string_view text) {
  Builder builder;
  for (const char c : text) builder.add(byte_of(c));
  return builder.finish();
}

Result<jt_pattern> glob_pattern(std::string_view glob) {
  Builder builder;
  while (!glob.empty()) {
    const char c = glob.front();
    glob.remove_prefix(1);
    if (c == '*') {
      builder.add(JT_TOKEN_STAR);
    } else if (c == '?') {
      builder.add(JT_TOKEN_ANY);
    } else if (c == '[') {
      if (const auto members = take_class(glob)) {
        builder.add(*members);
      } else {
        builder.add(byte_of(c));
      }
    } else if (c == '\\' && !glob.empty()) {
      builder.add(byte_of(glob.front()));
      glob.remove_prefix(1);
    } else {
      builder.add(byte_of(c));
    }
  }
  return builder.finish();
}

}  // namespace jtrace::filter
