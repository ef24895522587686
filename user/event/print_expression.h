// SPDX-License-Identifier: Apache-2.0
// The C of a `print fmt`, as far as it is about one field and constants. Private to event/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jtrace::event {

// A constant, or ((field & mask) >> shift).
struct Operand {
  std::string_view field = {};  // empty: a constant
  std::uint64_t value = 0;      // of a constant
  std::uint64_t mask = ~std::uint64_t{0};
  unsigned shift = 0;
};

// Reads from the front of a text; what it returned lies in that text.
class PrintReader {
 public:
  explicit PrintReader(std::string_view text) : rest_(text) {}

  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool take(char c);
  [[nodiscard]] bool at(char c);
  void skip_blanks();

  // Up to what is no operator of it, such as , ? } or a closing parenthesis.
  [[nodiscard]] std::optional<Operand> expression();
  // "a" "b"; nullopt where there is none, or where it holds what no terminal should get.
  [[nodiscard]] std::optional<std::string> literal();
  // Over all up to `end` outside of parentheses, braces and strings; false where there is none.
  [[nodiscard]] bool skip_to(char end);

 private:
  [[nodiscard]] std::optional<Operand> binary(int least);
  [[nodiscard]] std::optional<Operand> unary();
  [[nodiscard]] std::optional<Operand> primary();
  [[nodiscard]] std::optional<Operand> number();
  [[nodiscard]] std::string_view word();
  [[nodiscard]] bool take_cast();

  std::string_view rest_;
  int depth_ = 0;
};

}  // namespace jtrace::event
