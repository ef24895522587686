// SPDX-License-Identifier: Apache-2.0
#include "filter/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ranges>
#include <utility>

#include "filter/constants.h"
#include "filter/fields.h"
#include "filter/word_tables.h"

namespace jtrace::filter {
namespace {

using event::Dictionary;
using Form = Vocabulary::Form;

constexpr std::uint64_t kLargestError = 4095;

std::uint64_t width_mask(unsigned bytes) { return ~std::uint64_t{0} >> (64 - 8 * bytes); }

std::string_view call_of(std::string_view name) {
  for (const std::string_view prefix : {"sys_enter_", "sys_exit_"}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return {};
}

Dictionary dictionary_of(const WordGroup& group) {
  Dictionary dictionary{.kind = group.kind, .mask = group.mask};
  for (auto part : group.names | std::views::split(' ')) {
    const std::string_view name(part.begin(), part.end());
    const auto value = constant(name);
    if (value) dictionary.words.push_back({static_cast<std::uint64_t>(*value), std::string(name)});
  }
  return dictionary;
}

void add_table(const WordTable& table, Vocabulary& vocabulary) {
  for (const WordGroup& group : table.groups) vocabulary.parts.push_back(dictionary_of(group));
}

// Some events print one field in two ways; what is about the same bits as another comes second.
void add_printed(const event::PrintFormat& print, std::string_view field, Vocabulary& vocabulary) {
  std::uint64_t taken = 0;
  for (const Dictionary& one : print.dictionaries) {
    if (one.field != field || one.mask == 0 || (one.mask & taken) != 0) continue;
    // All that is no other's; so `F & 0xffff` may stand behind it or before it.
    taken |= one.mask;
    vocabulary.parts.push_back(one);
  }
}

bool is_address_argument(std::string_view name) {
  constexpr std::string_view kNames[] = {"addr", "start", "brk", "new_addr", "newsp", "tls"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

void add_argument(std::string_view call, const event::Field& field, Vocabulary& vocabulary) {
  if (const auto table = argument_words(call, field.name)) add_table(*table, vocabulary);
  if (field.type == "umode_t") vocabulary.form = Form::Octal;
  if (field.type == "unsigned long" && is_address_argument(field.name)) vocabulary.form = Form::Hex;
}

void add_field(const event::Tracepoint& tracepoint, const event::Format& format,
               const event::Field& field, Vocabulary& vocabulary) {
  if (field.size == 1 || field.size == 2 || field.size == 4) vocabulary.bytes = field.size;
  vocabulary.is_declared = true;
  vocabulary.is_signed = field.is_signed;
  if (field.shape == event::Field::Shape::Pointer) {
    vocabulary.form = Form::Hex;
    return;
  }
  if (tracepoint.category == "syscalls") {
    const Fields fields(tracepoint, &format);
    const auto value = fields.find({.name = field.name});
    if (value && value->declared) {
      vocabulary.bytes = value->declared->bytes;
      vocabulary.is_signed = value->declared->is_signed != 0;
    }
    return add_argument(call_of(tracepoint.name), field, vocabulary);
  }
  if (std::ranges::find(format.print.hexadecimal, field.name) != format.print.hexadecimal.end())
    vocabulary.form = Form::Hex;
  if (field.type == "umode_t") vocabulary.form = Form::Octal;
  if (field.type == "dev_t" && field.size == 4) vocabulary.form = Form::Device;
  add_printed(format.print, field.name, vocabulary);
  if (tracepoint.category != "signal") return;
  if (field.name == "sig") add_table(signal_words(), vocabulary);
  vocabulary.is_errno = field.name == "errno";
}

std::string plain(Form form, std::uint64_t number, bool is_signed) {
  switch (form) {
    case Form::Hex:
      return fmt::format("{:#x}", number);
    case Form::Octal:
      // As chmod takes it.
      return fmt::format("0{:o}", number);
    case Form::Device:
      return fmt::format("{}:{}", number >> 20U, number & 0xfffffU);
    case Form::Decimal:
      break;
  }
  return is_signed ? fmt::to_string(static_cast<std::int64_t>(number)) : fmt::to_string(number);
}

// Words, each bit named once, and the bits that have none.
class Writer {
 public:
  Writer(const Vocabulary& vocabulary, std::uint64_t number)
      : width_(width_mask(vocabulary.bytes)), number_(number & width_), rest_(number_) {}

  void flags(const Dictionary& part);
  void symbols(const Dictionary& part);
  void mark(const Dictionary& part);
  [[nodiscard]] bool any() const { return any_; }
  // What stands for 0 where no bit is set.
  void none(const Dictionary& part);
  [[nodiscard]] std::string finish() &&;

 private:
  void word(std::string_view text) {
    if (!text_.empty()) text_ += '|';
    text_ += text;
    any_ = true;
  }

  std::uint64_t width_;
  std::uint64_t number_;
  std::uint64_t rest_;
  std::string text_;
  std::string marks_;
  bool any_ = false;
};

void Writer::flags(const Dictionary& part) {
  std::uint64_t bits = (number_ & part.mask) >> part.shift;
  for (const Dictionary::Word& one : part.words) {
    const std::uint64_t value = one.value & width_;
    if (value == 0 || (bits & value) != value) continue;
    word(one.text);
    bits &= ~value;
    rest_ &= ~(value << part.shift);
  }
}

void Writer::symbols(const Dictionary& part) {
  const std::uint64_t width = (part.mask & width_) >> part.shift;
  const std::uint64_t bits = (number_ & part.mask) >> part.shift;
  const auto found = std::ranges::find_if(
      part.words, [&](const Dictionary::Word& one) { return (one.value & width) == bits; });
  if (found == part.words.end()) return;
  word(found->text);
  rest_ &= ~part.mask;
}

void Writer::mark(const Dictionary& part) {
  if ((number_ & part.mask) == 0) return;
  marks_ += part.words.front().text;
  rest_ &= ~part.mask;
}

void Writer::none(const Dictionary& part) {
  if (part.kind != Dictionary::Kind::Flags || (number_ & part.mask) != 0) return;
  const auto zero = std::ranges::find_if(
      part.words, [this](const Dictionary::Word& one) { return (one.value & width_) == 0; });
  if (zero != part.words.end()) {
    word(zero->text);
  } else if (!part.none.empty()) {
    word(part.none);
  }
}

std::string Writer::finish() && {
  if (rest_ != 0) word(fmt::format("{:#x}", rest_));
  if (text_.empty()) text_ += '0';
  text_ += marks_;
  return std::move(text_);
}

std::string in_words(const Vocabulary& vocabulary, std::uint64_t number, bool is_signed) {
  Writer writer(vocabulary, number);
  for (const Dictionary& part : vocabulary.parts) {
    if (part.kind == Dictionary::Kind::Flags) writer.flags(part);
    if (part.kind == Dictionary::Kind::Symbols) writer.symbols(part);
    if (part.kind == Dictionary::Kind::Mark) writer.mark(part);
  }
  // One value that no word has is a number like any other.
  const bool one_value = vocabulary.parts.size() == 1 &&
                         vocabulary.parts.front().kind == Dictionary::Kind::Symbols &&
                         vocabulary.parts.front().shift == 0;
  if (!writer.any() && one_value) return plain(vocabulary.form, number, is_signed);
  for (const Dictionary& part : vocabulary.parts) {
    if (!writer.any()) writer.none(part);
  }
  return std::move(writer).finish();
}

std::string error_text(std::uint64_t error) {
  const std::string_view name = error_name(error);
  return name.empty() ? fmt::to_string(error) : std::string(name);
}

}  // namespace

Vocabulary vocabulary_of(const event::Tracepoint& tracepoint, const event::Format* format,
                         std::string_view field) {
  Vocabulary vocabulary;
  const bool call = tracepoint.category == "syscalls" || tracepoint.category == "raw_syscalls";
  if (call && (field == "ret" || field == "errno")) {
    vocabulary.is_result = field == "ret";
    vocabulary.is_errno = field == "errno";
    vocabulary.is_declared = true;
    vocabulary.is_signed = field == "ret";
    if (field == "ret" && returns_address(call_of(tracepoint.name))) vocabulary.form = Form::Hex;
    return vocabulary;
  }
  const event::Field* found = format != nullptr ? format->find(field) : nullptr;
  if (found != nullptr && !found->common) add_field(tracepoint, *format, *found, vocabulary);
  return vocabulary;
}

std::string text_of(const Vocabulary& vocabulary, std::uint64_t number, bool is_signed) {
  if (vocabulary.is_declared) {
    is_signed = vocabulary.is_signed;
    const unsigned unused = 64 - 8 * vocabulary.bytes;
    number <<= unused;
    number = is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(number) >> unused)
                       : number >> unused;
  }
  if (vocabulary.is_errno) {
    return number >= 1 && number <= kLargestError ? error_text(number)
                                                  : plain(Form::Decimal, number, is_signed);
  }
  if (vocabulary.is_result && 0 - number >= 1 && 0 - number <= kLargestError) {
    const std::string_view name = error_name(0 - number);
    return name.empty() ? plain(Form::Decimal, number, true) : std::string(name);
  }
  if (vocabulary.parts.empty()) return plain(vocabulary.form, number, is_signed);
  return in_words(vocabulary, number, is_signed);
}

}  // namespace jtrace::filter
