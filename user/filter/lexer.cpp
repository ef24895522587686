// SPDX-License-Identifier: Apache-2.0
#include "filter/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/printable.h"

namespace jtrace::filter {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The longer first, of those that begin alike.
constexpr std::array<std::string_view, 19> kSymbols{
    "&&", "||", "==", "!=", "!~", "<=", ">=", "&", "|", "<",
    ">",  "~",  "!",  "(",  ")",  "[",  "]",  ".", "-"};

}  // namespace

std::unexpected<Error> refuse_at(std::string_view text, Place place, const std::string& message,
                                 std::string hint) {
  constexpr std::size_t kShown = 60;
  const std::size_t begin = std::min(place.begin, text.size());
  std::string_view where = text.substr(begin, std::max<std::size_t>(place.end, begin) - begin);
  const bool cut = where.size() > kShown;
  where = where.substr(0, kShown);
  std::string line = where.empty() ? fmt::format("--filter: at its end: {}", message)
                                   : fmt::format("--filter: '{}{}' at character {}: {}",
                                                 printable(std::string(where)), cut ? "..." : "",
                                                 begin + 1, message);
  return fail(Errc::Usage, std::move(line), std::move(hint));
}

Token Lexer::take(Token::Kind kind, std::size_t begin, std::size_t end) {
  at_ = end;
  return {.kind = kind, .text = text_.substr(begin, end - begin), .place = {begin, end}};
}

Result<Token> Lexer::next() {
  constexpr std::string_view kBlank = " \t\n\r\v\f";
  const std::size_t begin = std::min(text_.find_first_not_of(kBlank, at_), text_.size());
  if (begin == text_.size()) return take(Token::Kind::End, begin, begin);
  const char c = text_[begin];
  if (is_word(c)) {
    std::size_t end = begin;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return take(is_digit(c) ? Token::Kind::Number : Token::Kind::Name, begin, end);
  }
  if (c == '"' || c == '\'') {
    const std::size_t end = text_.find(c, begin + 1);
    if (end == std::string_view::npos) {
      return refuse_at(text_, {begin, text_.size()}, "the quote is not closed");
    }
    Token token = take(Token::Kind::Text, begin + 1, end);
    token.place = {begin, end + 1};
    at_ = end + 1;
    return token;
  }
  for (const std::string_view symbol : kSymbols) {
    if (text_.substr(begin).starts_with(symbol)) {
      return take(Token::Kind::Symbol, begin, begin + symbol.size());
    }
  }
  return refuse_at(text_, {begin, begin + 1}, "no part of a filter", "see docs/filter.md");
}

}  // namespace jtrace::filter
