// SPDX-License-Identifier: Apache-2.0
// The words of a filter. Private to filter/.
#pragma once

#include <string_view>

#include "filter/expression.h"

namespace jtrace::filter {

struct Token {
  enum class Kind {
    End,
    Name,    // a field or a constant
    Number,  // as it is written, without its sign
    Text,    // between quotes, which are not part of it
    Symbol,  // an operator, a parenthesis, ...
  };
  Kind kind = Kind::End;
  std::string_view text;
  Place place;

  [[nodiscard]] bool is(std::string_view symbol) const {
    return kind == Kind::Symbol && text == symbol;
  }
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  // After the last one comes End, as often as one likes.
  [[nodiscard]] Result<Token> next();

 private:
  [[nodiscard]] Token take(Token::Kind kind, std::size_t begin, std::size_t end);

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace jtrace::filter
