// SPDX-License-Identifier: Apache-2.0
// By recursive descent, no deeper than kDeepestFilter.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/near_names.h"
#include "base/printable.h"
#include "filter/constants.h"
#include "filter/expression.h"
#include "filter/lexer.h"

namespace jtrace::filter {
namespace {

constexpr const char* kForm =
    "e.g. flags & O_CREAT && dfd == AT_FDCWD, ret < 0, filename ~ \"/etc/*\"; see docs/filter.md";

struct Spelling {
  std::string_view text;
  Comparison comparison;
};
constexpr std::array<Spelling, 9> kComparisons{{{"==", Comparison::Equal},
                                                {"!=", Comparison::NotEqual},
                                                {"<", Comparison::Less},
                                                {"<=", Comparison::LessEqual},
                                                {">", Comparison::Greater},
                                                {">=", Comparison::GreaterEqual},
                                                {"&", Comparison::AnyBit},
                                                {"~", Comparison::Match},
                                                {"!~", Comparison::NoMatch}}};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), lexer_(text) {}

  [[nodiscard]] Result<Expression> whole();

 private:
  [[nodiscard]] Result<Expression> either();
  [[nodiscard]] Result<Expression> both();
  [[nodiscard]] Result<Expression> unary();
  [[nodiscard]] Result<Expression> parenthesis();
  [[nodiscard]] Result<Expression> test();
  [[nodiscard]] Status suffixes(Test& test);
  [[nodiscard]] Result<std::optional<Comparison>> comparison();
  [[nodiscard]] Result<Literal> literal();
  [[nodiscard]] Result<Literal> number();
  [[nodiscard]] Result<Literal> one_number();
  [[nodiscard]] Result<std::uint64_t> magnitude(const Token& token) const;
  [[nodiscard]] Status advance();
  [[nodiscard]] std::unexpected<Error> refuse(const std::string& message,
                                              std::string hint = {}) const {
    return refuse_at(text_, token_.place, message, std::move(hint));
  }

  std::string_view text_;
  Lexer lexer_;
  Token token_;  // the next one
  int depth_ = 0;
};

Status Parser::advance() {
  JT_TRY(token_, lexer_.next());
  return {};
}

Result<Expression> Parser::whole() {
  JT_CHECK_OK(advance());
  JT_TRY(Expression all, either());
  if (token_.is(")")) return refuse("there is no '(' for it");
  if (token_.kind != Token::Kind::End) return refuse("expected && or || or the end");
  return all;
}

Expression join(Expression::Kind kind, Expression first, Expression second) {
  Expression joined{.kind = kind, .test = {}, .parts = {}};
  joined.parts.push_back(std::move(first));
  joined.parts.push_back(std::move(second));
  return joined;
}

Result<Expression> Parser::either() {
  JT_TRY(Expression all, both());
  while (token_.is("||")) {
    JT_CHECK_OK(advance());
    JT_TRY(Expression next, both());
    all = join(Expression::Kind::Or, std::move(all), std::move(next));
  }
  return all;
}

Result<Expression> Parser::both() {
  JT_TRY(Expression all, unary());
  while (token_.is("&&")) {
    JT_CHECK_OK(advance());
    JT_TRY(Expression next, unary());
    all = join(Expression::Kind::And, std::move(all), std::move(next));
  }
  return all;
}

Result<Expression> Parser::unary() {
  if (!token_.is("!") && !token_.is("(")) return test();
  if (++depth_ > kDeepestFilter) {
    return refuse(fmt::format("parentheses and ! are nested more than {} deep", kDeepestFilter));
  }
  const bool negated = token_.is("!");
  JT_CHECK_OK(advance());
  Expression found;
  if (negated) {
    JT_TRY(Expression part, unary());
    found.kind = Expression::Kind::Not;
    found.parts.push_back(std::move(part));
  } else {
    JT_TRY(found, parenthesis());
  }
  --depth_;
  return found;
}

// Behind a '(': an expression, or `flags & MASK) == NUMBER`.
Result<Expression> Parser::parenthesis() {
  JT_TRY(Expression inner, either());
  if (!token_.is(")")) return refuse("expected )");
  JT_CHECK_OK(advance());
  const Place at = token_.place;
  JT_TRY(const auto compared, comparison());
  if (!compared) return inner;
  if (inner.kind != Expression::Kind::Test || inner.test.comparison != Comparison::AnyBit) {
    return refuse_at(text_, at, "only a bit test can be compared: (FIELD & MASK) == NUMBER");
  }
  Test& masked = inner.test;
  masked.comparison = *compared;
  masked.comparison_place = at;
  masked.mask = std::exchange(masked.literal, {});
  JT_TRY(masked.literal, literal());
  if (*compared == Comparison::AnyBit || masked.literal.kind != Literal::Kind::Number ||
      masked.mask->kind != Literal::Kind::Number) {
    return refuse_at(text_, masked.literal.place, "(FIELD & MASK) is compared with a number");
  }
  return inner;
}

// The comparison that is next, if there is one.
Result<std::optional<Comparison>> Parser::comparison() {
  if (token_.kind != Token::Kind::Symbol) return std::nullopt;
  for (const auto& [text, comparison] : kComparisons) {
    if (token_.text != text) continue;
    JT_CHECK_OK(advance());
    return comparison;
  }
  return std::nullopt;
}

Status Parser::suffixes(Test& test) {
  while (token_.is("[") || token_.is(".")) {
    const bool index = token_.is("[");
    JT_CHECK_OK(advance());
    if (index) {
      if (token_.kind != Token::Kind::Number) return refuse("expected the number of an element");
      JT_TRY(test.index, magnitude(token_));
      JT_CHECK_OK(advance());
      if (!token_.is("]")) return refuse("expected ]");
    } else if (token_.text == "ustring") {
      test.user_string = true;
    } else if (token_.text == "function") {
      return refuse("functions are not looked up in this version",
                    "compare the field with an address of /proc/kallsyms: FIELD >= 0x...");
    } else {
      return refuse("expected ustring behind the point");
    }
    JT_CHECK_OK(advance());
  }
  return {};
}

Result<Expression> Parser::test() {
  if (token_.kind == Token::Kind::End) return refuse("expected a field", kForm);
  if (token_.kind != Token::Kind::Name) {
    return refuse("expected a field: a comparison is FIELD OPERATOR CONSTANT", kForm);
  }
  Expression found;
  Test& test = found.test;
  test.field = token_.text;
  test.place = token_.place;
  JT_CHECK_OK(advance());
  JT_CHECK_OK(suffixes(test));
  test.comparison_place = token_.place;
  JT_TRY(const auto compared, comparison());
  if (!compared) {
    return refuse("expected one of == != < <= > >= & ~ !~", kForm);
  }
  test.comparison = *compared;
  JT_TRY(test.literal, literal());
  if (const Place again = token_.place; test.comparison == Comparison::AnyBit) {
    JT_TRY(const auto more, comparison());
    if (more) return refuse_at(text_, again, "write (FIELD & MASK) == NUMBER");
  }
  return found;
}

Result<Literal> Parser::literal() {
  if (token_.kind != Token::Kind::Text) return number();
  Literal text{.kind = Literal::Kind::Text,
               .negative = false,
               .number = 0,
               .text = std::string(token_.text),
               .place = token_.place};
  JT_CHECK_OK(advance());
  return text;
}

// NUMBER, or several joined by |, in parentheses or not.
Result<Literal> Parser::number() {
  const bool parentheses = token_.is("(");
  if (parentheses) JT_CHECK_OK(advance());
  JT_TRY(Literal all, one_number());
  while (token_.is("|")) {
    JT_CHECK_OK(advance());
    JT_TRY(const Literal next, one_number());
    if (all.negative || next.negative) {
      return refuse_at(text_, all.negative ? all.place : next.place,
                       "a number below 0 has no bits to join by |");
    }
    all.number |= next.number;
    all.place.end = next.place.end;
  }
  if (!parentheses) return all;
  if (!token_.is(")")) return refuse("expected )");
  JT_CHECK_OK(advance());
  return all;
}

Result<std::uint64_t> Parser::magnitude(const Token& token) const {
  std::string_view digits = token.text;
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits.front() == '0') {
    base = 8;
  }
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error == std::errc::result_out_of_range) {
    return refuse_at(text_, token.place, "larger than 64 bits");
  }
  if (error != std::errc{} || stop != end) {
    return refuse_at(text_, token.place, "not a number", "numbers are 100, 0x64 or 0144");
  }
  return value;
}

Result<Literal> Parser::one_number() {
  Literal literal;
  literal.place = token_.place;
  const bool minus = token_.is("-");
  if (minus) JT_CHECK_OK(advance());
  literal.place.end = token_.place.end;
  if (token_.kind == Token::Kind::Number) {
    JT_TRY(literal.number, magnitude(token_));
  } else if (token_.kind == Token::Kind::Name) {
    const std::string name(token_.text);
    if (name.starts_with("CPUS")) {
      return refuse("lists of CPUs are not in this version", "cpu == 0 || cpu == 1");
    }
    const auto value = constant(name);
    if (!value) {
      std::string near = did_you_mean(near_names(name, constant_names()));
      return refuse("no constant of this name",
                    near.empty() ? "a string stands between quotes; constants: docs/filter.md"
                                 : std::move(near));
    }
    literal.negative = *value < 0;
    literal.number = static_cast<std::uint64_t>(*value);
  } else {
    return refuse("expected a number, a constant's name or a string between quotes");
  }
  JT_CHECK_OK(advance());
  if (!minus) return literal;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 63U;
  if (literal.negative || literal.number > kMost) {
    return refuse_at(text_, literal.place, "smaller than 64 bits");
  }
  literal.negative = literal.number != 0;
  literal.number = ~literal.number + 1;
  return literal;
}

}  // namespace

std::string_view spelling(Comparison comparison) {
  for (const auto& [text, one] : kComparisons) {
    if (one == comparison) return text;
  }
  return {};
}

Result<Expression> parse(std::string_view text) {
  if (text.size() > kLongestFilter) {
    return fail(Errc::Usage, fmt::format("--filter: longer than {} characters", kLongestFilter));
  }
  return Parser(text).whole();
}

}  // namespace jtrace::filter
