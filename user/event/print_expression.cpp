// SPDX-License-Identifier: Apache-2.0
#include "event/print_expression.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace jtrace::event {
namespace {

// GFP_TRANSHUGE of kmem:kmalloc has 21 parentheses in each other.
constexpr int kDeepest = 64;
constexpr std::size_t kLongestLiteral = 256;

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct Operator {
  std::string_view text;
  int precedence;
};
// The longer ones first.
constexpr std::array<Operator, 9> kOperators{
    {{"<<", 4}, {">>", 4}, {"|", 1}, {"^", 2}, {"&", 3}, {"+", 5}, {"-", 5}, {"*", 6}, {"/", 6}}};

std::optional<Operand> of_constants(std::uint64_t a, char op, std::uint64_t b) {
  switch (op) {
    case '|':
      return Operand{.value = a | b};
    case '^':
      return Operand{.value = a ^ b};
    case '&':
      return Operand{.value = a & b};
    case '+':
      return Operand{.value = a + b};
    case '-':
      return Operand{.value = a - b};
    case '*':
      return Operand{.value = a * b};
    case '<':
      if (b < 64) return Operand{.value = a << b};
      return std::nullopt;
    case '>':
      if (b < 64) return Operand{.value = a >> b};
      return std::nullopt;
    default:
      if (b != 0) return Operand{.value = a / b};
      return std::nullopt;
  }
}

std::optional<Operand> combine(const Operand& a, char op, const Operand& b) {
  if (a.field.empty() && b.field.empty()) return of_constants(a.value, op, b.value);
  if (!a.field.empty() && !b.field.empty()) return std::nullopt;
  Operand field = a.field.empty() ? b : a;
  const std::uint64_t constant = a.field.empty() ? a.value : b.value;
  if (op == '&') {
    // Bits that were shifted in are 0 whatever the mask says of them.
    field.mask &= constant << field.shift;
    return field;
  }
  if (op == '>' && !a.field.empty() && constant < 64 - field.shift) {
    field.shift += static_cast<unsigned>(constant);
    return field;
  }
  return std::nullopt;
}

}  // namespace

void PrintReader::skip_blanks() {
  while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
}

bool PrintReader::at(char c) {
  skip_blanks();
  return rest_.starts_with(c);
}

bool PrintReader::take(char c) {
  if (!at(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

std::string_view PrintReader::word() {
  skip_blanks();
  const auto* end = std::ranges::find_if_not(rest_, is_word);
  const std::string_view found = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
  rest_.remove_prefix(found.size());
  return found;
}

std::optional<Operand> PrintReader::expression() { return binary(1); }

std::optional<Operand> PrintReader::binary(int least) {
  auto left = unary();
  while (left) {
    skip_blanks();
    const auto* op = std::ranges::find_if(
        kOperators, [this](const Operator& one) { return rest_.starts_with(one.text); });
    if (op == kOperators.end() || op->precedence < least) break;
    // && || ++ -- -> are not for here.
    if (op->text.size() == 1 && rest_.size() > 1 && (rest_[1] == op->text[0] || rest_[1] == '>'))
      return std::nullopt;
    rest_.remove_prefix(op->text.size());
    const auto right = binary(op->precedence + 1);
    if (!right) return std::nullopt;
    left = combine(*left, op->text[0], *right);
  }
  return left;
}

std::optional<Operand> PrintReader::unary() {
  if (depth_ == kDeepest) return std::nullopt;
  ++depth_;
  std::optional<Operand> found;
  if (take('~')) {
    found = unary();
    if (found && !found->field.empty()) found.reset();
    if (found) found->value = ~found->value;
  } else if (take('-')) {
    found = unary();
    if (found && !found->field.empty()) found.reset();
    if (found) found->value = 0 - found->value;
  } else {
    found = primary();
  }
  --depth_;
  return found;
}

// "(unsigned long)"; a name that is no type would be no constant either.
bool PrintReader::take_cast() {
  const std::string_view start = rest_;
  skip_blanks();
  bool any = false;
  while (true) {
    const std::string_view name = word();
    if (name.empty()) break;
    if (is_digit(name.front()) || name == "REC") {
      rest_ = start;
      return false;
    }
    any = true;
  }
  while (take('*')) continue;
  if (any && take(')')) return true;
  rest_ = start;
  return false;
}

std::optional<Operand> PrintReader::primary() {
  skip_blanks();
  if (rest_.empty()) return std::nullopt;
  if (is_digit(rest_.front())) return number();
  if (take('(')) {
    if (take_cast()) return unary();
    auto inner = binary(1);
    if (!inner || !take(')')) return std::nullopt;
    return inner;
  }
  if (word() != "REC" || !rest_.starts_with("->")) return std::nullopt;
  rest_.remove_prefix(2);
  const std::string_view field = word();
  if (field.empty() || at('[') || at('.') || at('(')) return std::nullopt;
  return Operand{.field = field};
}

std::optional<Operand> PrintReader::number() {
  std::string_view digits = word();
  while (!digits.empty() && std::string_view("uUlL").find(digits.back()) != std::string_view::npos)
    digits.remove_suffix(1);
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
  if (error != std::errc{} || stop != end) return std::nullopt;
  return Operand{.value = value};
}

std::optional<std::string> PrintReader::literal() {
  std::string text;
  bool any = false, plain = true;
  while (take('"')) {
    any = true;
    while (true) {
      if (rest_.empty()) return std::nullopt;
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') break;
      if (c == '\\' && !rest_.empty()) {
        c = rest_.front();
        rest_.remove_prefix(1);
        plain = plain && (c == '"' || c == '\\');
      }
      plain = plain && c >= ' ' && c <= '~' && text.size() < kLongestLiteral;
      if (plain) text += c;
    }
  }
  if (!any || !plain) return std::nullopt;
  return text;
}

bool PrintReader::skip_to(char end) {
  std::size_t nested = 0;
  while (!rest_.empty()) {
    const char c = rest_.front();
    if (c == end && nested == 0) return true;
    if (c == '"') {
      const std::size_t before = rest_.size();
      static_cast<void>(literal());
      if (rest_.size() == before) return false;
      continue;
    }
    if (c == '(' || c == '{' || c == '[') ++nested;
    if (c == ')' || c == '}' || c == ']') {
      if (nested == 0) return false;
      --nested;
    }
    rest_.remove_prefix(1);
  }
  return false;
}

}  // namespace jtrace::event
