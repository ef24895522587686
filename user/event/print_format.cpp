// SPDX-License-Identifier: Apache-2.0
#include "event/print_format.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "event/print_expression.h"

namespace jtrace::event {
namespace {

// The largest of 634 formats with words has 2 of them, with 123 words (skb:kfree_skb).
constexpr std::size_t kMaxDictionaries = 64;
constexpr std::size_t kMaxWords = 1024;
constexpr std::size_t kMaxArguments = 256;
constexpr std::size_t kLongestWord = 64;
constexpr std::size_t kMaxText = 64U << 10;
constexpr int kMaxParentheses = 16;

class Parser {
 public:
  [[nodiscard]] PrintFormat operator()(std::string_view text);

 private:
  void argument(std::string_view text, char conversion);
  void choice(std::string_view text);
  void call(PrintReader& reader, Dictionary::Kind kind);
  void words(PrintReader& reader, Dictionary& dictionary);
  void keep(Dictionary dictionary);

  PrintFormat found_;
};

// The conversion of each argument that the text prints: 'x' of %08lx, 'p' of %pS. '*' takes one.
std::string conversions(std::string_view text) {
  std::string found;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') continue;
    for (++i; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '*') found += c;
      if (c == '%') break;
      if (std::isalpha(static_cast<unsigned char>(c)) != 0 &&
          std::string_view("hlLqzjt").find(c) == std::string_view::npos) {
        found += c;
        break;
      }
    }
  }
  return found;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Without the parentheses that are around all of it.
std::string_view bare(std::string_view text) {
  text = trim(text);
  for (int i = 0; i < kMaxParentheses && text.starts_with('('); ++i) {
    PrintReader reader(text.substr(1));
    if (!reader.skip_to(')') || reader.rest().size() != 1) break;
    text = trim(text.substr(1, text.size() - 2));
  }
  return text;
}

void Parser::keep(Dictionary dictionary) {
  if (dictionary.words.empty() || found_.dictionaries.size() == kMaxDictionaries) {
    ++found_.skipped;
    return;
  }
  found_.dictionaries.push_back(std::move(dictionary));
}

// { VALUE, "word" }, ...
void Parser::words(PrintReader& reader, Dictionary& dictionary) {
  while (reader.take(',')) {
    if (!reader.take('{')) return;
    const auto value = reader.expression();
    if (value && value->field.empty() && reader.take(',')) {
      auto text = reader.literal();
      if (text && !text->empty() && text->size() <= kLongestWord && reader.at('}') &&
          dictionary.words.size() < kMaxWords) {
        dictionary.words.push_back({value->value, std::move(*text)});
      } else {
        ++found_.skipped;
      }
    } else {
      ++found_.skipped;
    }
    if (!reader.skip_to('}') || !reader.take('}')) return;
  }
}

// __print_flags(FIELD, "|", words...), __print_symbolic(FIELD, words...); the reader is behind the
// opening parenthesis.
void Parser::call(PrintReader& reader, Dictionary::Kind kind) {
  const auto operand = reader.expression();
  if (!operand || operand->field.empty()) {
    ++found_.skipped;
    return;
  }
  Dictionary dictionary{.kind = kind,
                        .field = std::string(operand->field),
                        .mask = operand->mask,
                        .shift = operand->shift};
  if (kind == Dictionary::Kind::Flags && (!reader.take(',') || !reader.literal())) {
    ++found_.skipped;
    return;
  }
  words(reader, dictionary);
  // "flags ? __print_flags(...) : "none"".
  if (kind == Dictionary::Kind::Flags && reader.take(')') && reader.take(':')) {
    auto none = reader.literal();
    if (none && none->size() <= kLongestWord) dictionary.none = std::move(*none);
  }
  keep(std::move(dictionary));
}

// FIELD ? "a" : "b", FIELD & MASK ? "+" : "".
void Parser::choice(std::string_view text) {
  PrintReader reader(text);
  const auto operand = reader.expression();
  if (!operand || operand->field.empty() || !reader.take('?')) return;
  auto yes = reader.literal();
  if (!yes || !reader.take(':')) return;
  auto no = reader.literal();
  if (!no || !trim(reader.rest()).empty() || yes->empty()) return;
  const bool whole = operand->mask == ~std::uint64_t{0} && operand->shift == 0;
  if (!no->empty() && !whole) return;
  if (yes->size() > kLongestWord || no->size() > kLongestWord) return;
  Dictionary dictionary{.kind = Dictionary::Kind::Symbols,
                        .field = std::string(operand->field),
                        .mask = operand->mask,
                        .shift = operand->shift};
  if (no->empty() && !whole) {
    dictionary.kind = Dictionary::Kind::Mark;
  } else if (no->empty()) {
    return;
  } else {
    dictionary.words.push_back({0, std::move(*no)});
  }
  dictionary.words.push_back({1, std::move(*yes)});
  keep(std::move(dictionary));
}

void Parser::argument(std::string_view text, char conversion) {
  const std::string_view inner = bare(text);
  PrintReader whole(inner);
  const auto operand = whole.expression();
  if (operand && !operand->field.empty() && trim(whole.rest()).empty()) {
    if ((conversion == 'x' || conversion == 'X' || conversion == 'p') &&
        operand->mask == ~std::uint64_t{0} && operand->shift == 0) {
      found_.hexadecimal.emplace_back(operand->field);
    }
    return;
  }
  constexpr std::string_view kFlags = "__print_flags", kSymbols = "__print_symbolic";
  PrintReader reader(inner);
  bool any = false;
  while (!reader.rest().empty()) {
    const std::string_view rest = reader.rest();
    const bool flags = rest.starts_with(kFlags);
    if (flags || rest.starts_with(kSymbols)) {
      any = true;
      std::string_view behind = rest.substr(flags ? kFlags.size() : kSymbols.size());
      if (behind.starts_with("_u64")) behind.remove_prefix(4);
      reader = PrintReader(behind);
      if (reader.take('('))
        call(reader, flags ? Dictionary::Kind::Flags : Dictionary::Kind::Symbols);
    } else if (rest.front() == '"') {
      static_cast<void>(reader.literal());
      if (reader.rest().size() == rest.size()) return;
    } else {
      reader = PrintReader(rest.substr(1));
    }
  }
  if (!any) choice(inner);
}

PrintFormat Parser::operator()(std::string_view text) {
  PrintReader reader(text);
  reader.skip_blanks();
  // A text with line breaks in it is no word, but it is what the arguments stand behind.
  const std::string_view start = reader.rest();
  static_cast<void>(reader.literal());
  const std::string kinds = conversions(start.substr(0, start.size() - reader.rest().size()));
  for (std::size_t i = 0; i < kMaxArguments && reader.take(','); ++i) {
    const std::string_view from = reader.rest();
    if (!reader.skip_to(',') && !reader.rest().empty()) break;
    argument(from.substr(0, from.size() - reader.rest().size()), i < kinds.size() ? kinds[i] : ' ');
  }
  return std::move(found_);
}

}  // namespace

PrintFormat parse_print_format(std::string_view text) { return Parser()(text.substr(0, kMaxText)); }

}  // namespace jtrace::event
