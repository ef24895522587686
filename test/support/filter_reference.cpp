// SPDX-License-Identifier: Apache-2.0
#include "support/filter_reference.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace jtrace::test {
namespace {

using filter::Comparison;
using filter::Event;
using filter::Expression;
using filter::Test;

// As large as the buffer that the kernel side reads into, its 0 included.
constexpr std::size_t kBuffer = 1024;

struct Element {
  enum class Kind { Byte, Any, Star, Set } kind = Kind::Byte;
  std::string members;  // Byte: the one
};

std::optional<Element> set_at(std::string_view glob, std::size_t& at) {
  std::size_t i = at;
  const bool inverted = i < glob.size() && glob[i] == '!';
  if (inverted) ++i;
  std::string in;
  for (bool first = true; first || i >= glob.size() || glob[i] != ']'; first = false) {
    if (i >= glob.size()) return std::nullopt;
    const auto low = static_cast<unsigned char>(glob[i++]);
    auto high = low;
    if (i + 1 < glob.size() && glob[i] == '-' && glob[i + 1] != ']') {
      high = static_cast<unsigned char>(glob[i + 1]);
      i += 2;
    }
    for (int c = low; c <= high; ++c) in += static_cast<char>(c);
  }
  at = i + 1;
  Element set{.kind = Element::Kind::Set, .members = {}};
  for (int c = 1; c < 256; ++c) {
    if ((in.find(static_cast<char>(c)) != std::string::npos) != inverted) {
      set.members += static_cast<char>(c);
    }
  }
  return set;
}

std::vector<Element> elements_of(std::string_view glob) {
  std::vector<Element> all;
  for (std::size_t at = 0; at < glob.size();) {
    const char c = glob[at++];
    if (c == '*') {
      all.push_back({Element::Kind::Star, {}});
    } else if (c == '?') {
      all.push_back({Element::Kind::Any, {}});
    } else if (const auto set = c == '[' ? set_at(glob, at) : std::nullopt) {
      all.push_back(*set);
    } else if (c == '\\' && at < glob.size()) {
      all.push_back({Element::Kind::Byte, std::string(1, glob[at++])});
    } else {
      all.push_back({Element::Kind::Byte, std::string(1, c)});
    }
  }
  return all;
}

Answer best(Answer a, Answer b) {
  if (a == Answer::Yes || b == Answer::Yes) return Answer::Yes;
  return a == Answer::Unknown || b == Answer::Unknown ? Answer::Unknown : Answer::No;
}

template <class T>
bool compare(Comparison comparison, T a, T b) {
  switch (comparison) {
    case Comparison::Equal:
      return a == b;
    case Comparison::NotEqual:
      return a != b;
    case Comparison::Less:
      return a < b;
    case Comparison::LessEqual:
      return a <= b;
    case Comparison::Greater:
      return a > b;
    case Comparison::GreaterEqual:
      return a >= b;
    default:
      return (a & b) != 0;
  }
}

// A character stands for its number.
std::uint64_t constant_of(const Test& test) {
  if (test.literal.kind == filter::Literal::Kind::Number) return test.literal.number;
  return static_cast<unsigned char>(test.literal.text.at(0));
}

template <class T>
bool compare_as(const Test& test, const Event& event, std::uint32_t offset) {
  T value;
  std::memcpy(&value, event.record.data() + offset, sizeof(value));
  const auto constant = static_cast<T>(constant_of(test));
  if (!test.mask) return compare(test.comparison, value, constant);
  using U = std::make_unsigned_t<T>;
  return compare(test.comparison,
                 static_cast<U>(static_cast<U>(value) & static_cast<U>(test.mask->number)),
                 static_cast<U>(constant));
}

bool compare_sized(const Test& test, const Event& event, std::uint32_t offset, std::uint32_t size,
                   bool is_signed) {
  switch (size) {
    case 1:
      return is_signed ? compare_as<std::int8_t>(test, event, offset)
                       : compare_as<std::uint8_t>(test, event, offset);
    case 2:
      return is_signed ? compare_as<std::int16_t>(test, event, offset)
                       : compare_as<std::uint16_t>(test, event, offset);
    case 4:
      return is_signed ? compare_as<std::int32_t>(test, event, offset)
                       : compare_as<std::uint32_t>(test, event, offset);
    default:
      return is_signed ? compare_as<std::int64_t>(test, event, offset)
                       : compare_as<std::uint64_t>(test, event, offset);
  }
}

// Of a system call's argument that is compared with what is below 0: the type that it has in C.
bool compare_argument(const Test& test, const Event& event, const event::Field& field) {
  const bool below = test.literal.negative || (test.mask && test.mask->negative);
  if (below && field.type == "int") return compare_as<std::int32_t>(test, event, field.offset);
  if (below && field.type == "umode_t") return compare_as<std::uint16_t>(test, event, field.offset);
  return compare_sized(test, event, field.offset, field.size, field.is_signed);
}

bool compare_text(const Test& test, const std::optional<std::string>& text) {
  if (!text) return false;
  const bool cut = text->size() >= kBuffer - 1;
  const std::string known = text->substr(0, kBuffer - 1);
  if (test.comparison == Comparison::Equal) return known == test.literal.text;
  if (test.comparison == Comparison::NotEqual) return known != test.literal.text;
  std::string glob = test.literal.text;
  bool wanted = test.comparison == Comparison::Match;
  if (glob.starts_with('!')) {
    wanted = !wanted;
    glob.erase(0, 1);
  }
  const Answer answer = glob_matches(glob, known, cut);
  return answer != Answer::Unknown && (answer == Answer::Yes) == wanted;
}

std::string up_to_zero(std::string text) { return text.substr(0, text.find('\0')); }

std::optional<std::string> text_of(const event::Field& field, bool user, const Event& event) {
  using Shape = event::Field::Shape;
  const std::string record(reinterpret_cast<const char*>(event.record.data()), event.record.size());
  if (field.shape == Shape::Array) return up_to_zero(record.substr(field.offset, field.size));
  if (field.shape == Shape::DataLoc || field.shape == Shape::RelLoc) {
    std::uint32_t loc = 0;
    std::memcpy(&loc, record.data() + field.offset, sizeof(loc));
    const std::size_t from = field.shape == Shape::DataLoc ? 0 : field.offset + sizeof(loc);
    const std::size_t at = from + (loc & 0xffff);
    if (at >= record.size()) return std::nullopt;
    return up_to_zero(record.substr(at, loc >> 16));
  }
  std::uint64_t address = 0;
  std::memcpy(&address, record.data() + field.offset, sizeof(address));
  const auto& strings = user ? event.user_strings : event.kernel_strings;
  const auto found = strings.find(address);
  if (found == strings.end()) return std::nullopt;
  return up_to_zero(found->second);
}

bool is_text(const event::Field& field) {
  if (field.shape == event::Field::Shape::Pointer) {
    return field.type == "char *" || field.type == "const char *";
  }
  return field.shape != event::Field::Shape::Scalar && field.type.find("char") != std::string::npos;
}

template <class T>
bool compare_number(const Test& test, T number) {
  const T mask = test.mask ? static_cast<T>(test.mask->number) : static_cast<T>(~std::uint64_t{0});
  return compare(test.comparison, static_cast<T>(number & mask), static_cast<T>(constant_of(test)));
}

bool test_passes(const Test& test, const event::Format& format, bool is_call, const Event& event) {
  const event::Field* field = format.find(test.field);
  if (field == nullptr || test.field == "common_pid") {
    if (test.field == "comm" || test.field == "COMM") return compare_text(test, event.comm);
    if (test.field == "tgid") return compare_number(test, event.tgid);
    if (test.field == "uid") return compare_number(test, event.uid);
    if (test.field == "cgroup") return compare_number(test, event.cgroup);
    if (test.field == "cpu" || test.field == "CPU") return compare_number(test, event.cpu);
    if (test.field != "errno") return compare_number(test, event.tid);
    std::int64_t result = 0;
    std::memcpy(&result, event.record.data() + format.find("ret")->offset, sizeof(result));
    result = result < 0 && result >= -4095 ? -result : 0;
    return compare_number(test, result);
  }
  if (test.literal.kind == filter::Literal::Kind::Text && is_text(*field)) {
    return compare_text(test, text_of(*field, is_call || test.user_string, event));
  }
  if (test.index) {
    const std::uint32_t bytes = field->size / field->elements;
    const auto at = field->offset + static_cast<std::uint32_t>(*test.index) * bytes;
    return compare_sized(test, event, at, bytes, field->is_signed);
  }
  if (is_call) return compare_argument(test, event, *field);
  return compare_sized(test, event, field->offset, field->size, field->is_signed);
}

}  // namespace

Answer glob_matches(std::string_view glob, std::string_view text, bool cut) {
  const auto elements = elements_of(glob);
  // row[t]: what the elements from the last one looked at on say of the text from t on.
  std::vector<Answer> row(text.size() + 1, cut ? Answer::Unknown : Answer::No);
  if (!cut) row.back() = Answer::Yes;
  if (cut) std::fill(row.begin(), row.end() - 1, Answer::No);
  for (auto element = elements.rbegin(); element != elements.rend(); ++element) {
    std::vector<Answer> next(text.size() + 1, Answer::No);
    const bool last = element == elements.rbegin();
    if (cut) next.back() = Answer::Unknown;
    if (element->kind == Element::Kind::Star) {
      next.back() = last ? Answer::Yes : row.back();
      for (std::size_t t = text.size(); t-- > 0;) next[t] = best(row[t], next[t + 1]);
    } else {
      for (std::size_t t = 0; t < text.size(); ++t) {
        const bool fits = element->kind == Element::Kind::Any ||
                          element->members.find(text[t]) != std::string::npos;
        if (fits) next[t] = row[t + 1];
      }
    }
    row = std::move(next);
  }
  return row.front();
}

bool passes(const Expression& expression, const event::Format& format, bool is_call,
            const Event& event) {
  const auto part = [&](std::size_t i) {
    return passes(expression.parts[i], format, is_call, event);
  };
  switch (expression.kind) {
    case Expression::Kind::Test:
      return test_passes(expression.test, format, is_call, event);
    case Expression::Kind::And:
      return part(0) && part(1);
    case Expression::Kind::Or:
      return part(0) || part(1);
    case Expression::Kind::Not:
      return !part(0);
  }
  return false;
}

}  // namespace jtrace::test
