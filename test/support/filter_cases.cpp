// SPDX-License-Identifier: Apache-2.0
#include "support/filter_cases.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace jtrace::test {
namespace {

using filter::Comparison;
using filter::Expression;
using filter::Literal;

// What the fields' lines have in common is shortened here: "u8 a" at 8, 1 byte, unsigned.
constexpr const char* kCommon =
    "format:\n"
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n";

std::string line(const char* declaration, int offset, int size, bool is_signed) {
  return std::string("\tfield:") + declaration + ";\toffset:" + std::to_string(offset) +
         ";\tsize:" + std::to_string(size) + ";\tsigned:" + (is_signed ? "1" : "0") + ";\n";
}

constexpr std::size_t kRecord = 512;  // beyond the fields: what data_loc leads to
constexpr std::uint64_t kStrings = 0x7f00'0000'1000;
constexpr std::uint64_t kKernelStrings = 0xffff'8881'0000'0000;
constexpr std::size_t kStringCount = 4;

std::vector<FilteredEvent> make_events() {
  std::vector<FilteredEvent> all(3);
  all[0].tracepoint = {7, "test", "shapes"};
  all[0].format = event::parse_format(
      kCommon + line("u8 a", 8, 1, false) + line("s8 b", 9, 1, true) + line("u16 c", 10, 2, false) +
      line("short d", 12, 2, true) + line("u32 e", 16, 4, false) + line("int f", 20, 4, true) +
      line("u64 g", 24, 8, false) + line("long h", 32, 8, true) + line("bool i", 40, 1, false) +
      line("char name[12]", 44, 12, false) + line("__data_loc char[] path", 56, 4, false) +
      line("__rel_loc char[] rest", 60, 4, false) + line("const char * kernel", 64, 8, false) +
      line("char * user", 72, 8, false) + line("void * at", 80, 8, false) +
      line("__u16 ports[4]", 88, 8, false));
  all[0].numbers = {"a",  "b",        "c",        "d",   "e",    "f",   "g",   "h",          "i",
                    "at", "ports[0]", "ports[3]", "tid", "tgid", "uid", "cpu", "common_pid", "CPU"};
  all[0].texts = {"name", "path", "rest", "kernel", "user.ustring", "comm", "COMM"};
  all[1].tracepoint = {8, "syscalls", "sys_enter_test"};
  all[1].format = event::parse_format(
      kCommon + line("int __syscall_nr", 8, 4, true) + line("int fd", 16, 8, false) +
      line("const char * filename", 24, 8, false) + line("umode_t mode", 32, 8, false) +
      line("size_t count", 40, 8, false) + line("unsigned long extra", 48, 8, false));
  all[1].numbers = {"fd", "mode", "count", "extra", "__syscall_nr", "cgroup"};
  all[1].texts = {"filename", "comm"};
  all[2].tracepoint = {9, "syscalls", "sys_exit_test"};
  all[2].format = event::parse_format(kCommon + line("int __syscall_nr", 8, 4, true) +
                                      line("long ret", 16, 8, true));
  all[2].numbers = {"ret", "errno", "tid"};
  all[2].texts = {"comm"};
  return all;
}

}  // namespace

const std::vector<FilteredEvent>& filtered_events() {
  static const std::vector<FilteredEvent> all = make_events();
  return all;
}

// Near the ends of every width, small ones, and any.
std::uint64_t FilterCases::number() {
  static constexpr std::array<std::uint64_t, 12> kEdges{
      0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, 0x100000000, 1ULL << 63U, ~0ULL};
  switch (below(4)) {
    case 0:
      return below(4);
    case 1:
      return one_of(kEdges) + below(3) - 1;
    case 2:
      return ~std::uint64_t{0} - below(5000);
    default:
      return random_() >> below(64);
  }
}

std::string FilterCases::word(std::size_t longest) {
  std::string text;
  for (std::size_t n = below(longest + 1); n > 0; --n) text += static_cast<char>('a' + below(3));
  return text;
}

std::string FilterCases::glob() {
  static const std::vector<std::string> kParts{"*",    "?",   "a",    "b",  "ab", "[ab]",   "[!a]",
                                               "[a-b", "\\*", "[]a]", "**", "c",  "[!a-b]", "-"};
  std::string text = one_in(12) ? "!" : "";
  for (std::size_t n = below(7); n > 0; --n) text += one_of(kParts);
  return text;
}

Literal FilterCases::literal(bool may_be_negative) {
  Literal literal;
  literal.number = number();
  if (of_kernel_) return literal;
  if (may_be_negative && one_in(3)) {
    literal.number = ~std::uint64_t{0} - below(one_in(2) ? 200 : 100000);
    literal.negative = true;
  }
  return literal;
}

filter::Test FilterCases::number_test(const FilteredEvent& event) {
  filter::Test test;
  test.field = one_of(event.numbers);
  if (const auto at = test.field.find('['); at != std::string::npos) {
    test.index = static_cast<std::uint64_t>(test.field[at + 1] - '0');
    test.field.resize(at);
  }
  test.comparison = static_cast<Comparison>(below(7));
  const event::Field* field = event.format.find(test.field);
  const bool own = field != nullptr && !field->common;
  bool is_signed = own && field->is_signed;
  if (test.field == "errno") is_signed = true;
  // What is never below 0 may only be asked for equality with such a number.
  const bool order = test.comparison != Comparison::Equal &&
                     test.comparison != Comparison::NotEqual &&
                     test.comparison != Comparison::AnyBit;
  const bool argument = test.field == "fd";
  test.literal = literal(is_signed || argument || (!order && own && field->size == 8));
  if (!test.literal.negative && is_signed) test.literal.number &= ~0ULL >> 1U;
  // Pseudo-fields have 64 bits here, whatever the kernel's type.
  if (order || test.comparison != Comparison::AnyBit) {
    if (!order && !of_kernel_ && one_in(4)) {
      test.mask = literal(false);
      if (test.literal.negative) test.literal = literal(false);
    }
  }
  return test;
}

filter::Test FilterCases::test(const FilteredEvent& event) {
  if (!one_in(3)) return number_test(event);
  filter::Test test;
  test.field = one_of(event.texts);
  if (const auto at = test.field.find('.'); at != std::string::npos) {
    test.user_string = true;
    test.field.resize(at);
  }
  static constexpr std::array<Comparison, 4> kComparisons{Comparison::Equal, Comparison::NotEqual,
                                                          Comparison::Match, Comparison::NoMatch};
  test.comparison = one_of(kComparisons);
  if (of_kernel_ && test.comparison == Comparison::NoMatch) test.comparison = Comparison::Match;
  test.literal.kind = Literal::Kind::Text;
  const bool match = test.comparison == Comparison::Match || test.comparison == Comparison::NoMatch;
  test.literal.text = match ? glob() : word(3);
  return test;
}

Expression FilterCases::expression(const FilteredEvent& event, int tests) {
  if (tests <= 1) {
    Expression one;
    one.test = test(event);
    if (!one_in(6)) return one;
    Expression none{.kind = Expression::Kind::Not, .test = {}, .parts = {}};
    none.parts.push_back(std::move(one));
    return none;
  }
  const int first = 1 + static_cast<int>(below(static_cast<std::size_t>(tests - 1)));
  Expression both{
      .kind = one_in(2) ? Expression::Kind::And : Expression::Kind::Or, .test = {}, .parts = {}};
  both.parts.push_back(expression(event, first));
  both.parts.push_back(expression(event, tests - first));
  if (!one_in(8)) return both;
  Expression none{.kind = Expression::Kind::Not, .test = {}, .parts = {}};
  none.parts.push_back(std::move(both));
  return none;
}

std::string FilterCases::text(const Literal& literal) {
  if (literal.kind == Literal::Kind::Text) {
    const char quote = one_in(2) ? '"' : '\'';
    return quote + literal.text + quote;
  }
  if (literal.negative) return "-" + std::to_string(~literal.number + 1);
  if (one_in(2)) return std::to_string(literal.number);
  constexpr const char* kDigits = "0123456789abcdef";
  std::string hex;
  std::uint64_t rest = literal.number;
  do hex.insert(0, 1, kDigits[rest & 15U]);
  while ((rest >>= 4U) != 0);
  return "0x" + hex;
}

std::string FilterCases::text(const filter::Test& test) {
  const std::string space = one_in(3) ? "" : " ";
  std::string field = test.field;
  if (test.index) field += "[" + std::to_string(*test.index) + "]";
  if (test.user_string) field += ".ustring";
  if (test.mask) field = "(" + field + space + "&" + space + text(*test.mask) + ")";
  return field + space + std::string(spelling(test.comparison)) + space + text(test.literal);
}

std::string FilterCases::text(const Expression& expression) { return text(expression, 0); }

// `binding`: 0 below ||, 1 below &&, 2 below !.
std::string FilterCases::text(const Expression& expression, int binding) {
  const auto parenthesise = [&](std::string inner, bool needed) {
    return needed || one_in(10) ? "(" + inner + ")" : inner;
  };
  switch (expression.kind) {
    case Expression::Kind::Test:
      // (a & b) in parentheses must not be taken for a mask: it is not, without a comparison.
      return parenthesise(text(expression.test), false);
    case Expression::Kind::Not:
      return "!" + text(expression.parts[0], 2);
    case Expression::Kind::And:
      return parenthesise(text(expression.parts[0], 1) + " && " + text(expression.parts[1], 2),
                          binding > 1);
    case Expression::Kind::Or:
      return parenthesise(text(expression.parts[0], 0) + " || " + text(expression.parts[1], 1),
                          binding > 0);
  }
  return {};
}

void FilterCases::put(std::size_t offset, const void* from, std::size_t bytes) {
  std::memcpy(record_.data() + offset, from, bytes);
}

filter::Event FilterCases::event(const FilteredEvent& of) {
  record_.assign(kRecord, std::byte{0});
  for (const event::Field& field : of.format.fields) {
    using Shape = event::Field::Shape;
    if (field.shape == Shape::DataLoc || field.shape == Shape::RelLoc) {
      const std::string value = word(10);
      const std::size_t at = 128 + below(kRecord - 128 - value.size() - 1);
      put(at, value.c_str(), value.size() + 1);
      const std::size_t from = field.shape == Shape::RelLoc ? field.offset + 4 : 0;
      const auto loc = static_cast<std::uint32_t>((value.size() + 1) << 16U | (at - from));
      put(field.offset, &loc, sizeof(loc));
    } else if (field.shape == Shape::Pointer && field.type != "void *") {
      const std::uint64_t at =
          (field.name == "kernel" ? kKernelStrings : kStrings) + 16 * below(kStringCount + 1);
      put(field.offset, &at, sizeof(at));
    } else if (field.shape == Shape::Array && field.type.starts_with("char")) {
      const std::string value = word(field.size);
      put(field.offset, value.data(), value.size());
    } else {
      for (std::size_t at = field.offset; at < field.offset + field.size; at += 8) {
        const std::uint64_t value = number();
        put(at, &value, std::min<std::size_t>(8, field.offset + field.size - at));
      }
    }
  }
  filter::Event event{
      .record = record_, .comm = word(15), .user_strings = {}, .kernel_strings = {}};
  event.tid = static_cast<std::uint32_t>(number());
  event.tgid = static_cast<std::uint32_t>(number());
  event.uid = static_cast<std::uint32_t>(number());
  event.cgroup = number();
  event.cpu = static_cast<std::uint32_t>(below(4));
  // The last address is of a page that is not resident.
  for (std::uint64_t i = 0; i < kStringCount; ++i) {
    std::string value = word(8);
    if (one_in(6)) value.append(1000 + below(50), 'b');
    event.user_strings[kStrings + 16 * i] = value;
    event.kernel_strings[kKernelStrings + 16 * i] = word(6);
  }
  return event;
}

}  // namespace jtrace::test
