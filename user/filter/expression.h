// SPDX-License-Identifier: Apache-2.0
// What a filter says, before anything is known of the event: the kernel's own filter language
// (Documentation/trace/events.rst) and some more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jtrace::filter {

// Bytes of the text, for messages.
struct Place {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// A whole number of 64 bits, below 0 or not, or a string.
struct Literal {
  enum class Kind { Number, Text };
  Kind kind = Kind::Number;
  bool negative = false;  // `number` is below 0, as two's complement
  std::uint64_t number = 0;
  std::string text;
  Place place;
};

enum class Comparison {
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  AnyBit,   // field & number
  Match,    // field ~ "glob"
  NoMatch,  // field !~ "glob"
};

[[nodiscard]] std::string_view spelling(Comparison comparison);

// One comparison of a field with a constant: `(flags & mask) == literal` where there is a mask.
struct Test {
  std::string field;
  std::optional<std::uint64_t> index;  // field[index]
  bool user_string = false;            // field.ustring
  Comparison comparison = Comparison::Equal;
  std::optional<Literal> mask;
  Literal literal;
  Place place;  // of the field
  Place comparison_place;
};

struct Expression {
  enum class Kind { Test, And, Or, Not };
  Kind kind = Kind::Test;
  Test test;                      // Kind::Test
  std::vector<Expression> parts;  // And, Or: two; Not: one
};

// Longest text, and how deep parentheses and ! may be nested.
inline constexpr std::size_t kLongestFilter = 4096;
inline constexpr int kDeepestFilter = 64;

// Errc::Usage, one line that names the place. Constants by name are numbers in what it returns.
[[nodiscard]] Result<Expression> parse(std::string_view text);

// A message about a place in a filter: "--filter 'flags &': MESSAGE".
[[nodiscard]] std::unexpected<Error> refuse_at(std::string_view text, Place place,
                                               const std::string& message, std::string hint = {});

}  // namespace jtrace::filter
