// SPDX-License-Identifier: Apache-2.0
// Whatever the kernel's filter takes means here what it means there (kernel/trace/
// trace_events_filter.c, parse_pred): integers are compared in the width and with the sign that the
// record has, a constant is cut to that width, & asks for any bit.
#include "filter/check.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <utility>

#include "base/printable.h"
#include "filter/pattern.h"

namespace jtrace::filter {
namespace {

class Check {
 public:
  Check(const Test& test, const Fields& fields, std::string_view text,
        std::vector<std::string>& notes)
      : test_(test), fields_(fields), text_(text), notes_(notes) {}
  [[nodiscard]] Result<Checked> operator()();

 private:
  [[nodiscard]] Result<Checked> text_test(const Value& value) const;
  [[nodiscard]] Result<Checked> number_test(const Value& value, const Literal& literal) const;
  [[nodiscard]] Result<Checked> masked_test(const Value& value, const Literal& literal) const;
  [[nodiscard]] Result<Literal> number_of(const Value& value) const;
  [[nodiscard]] Result<std::uint64_t> cut(const jt_value& where, const Literal& literal) const;
  void note_of_zero(const Value& value, const Literal& literal) const;
  [[nodiscard]] std::string name() const { return "'" + test_.field + "'"; }

  const Test& test_;
  const Fields& fields_;
  std::string_view text_;
  std::vector<std::string>& notes_;
};

// The directory's inode is the id, of cgroup v2.
std::optional<std::uint64_t> cgroup_id(const std::string& path) {
  const std::string root = "/sys/fs/cgroup";
  for (const std::string& place : {path, root + "/" + path, root + "/unified/" + path}) {
    struct statfs filesystem{};
    struct stat status{};
    if (::statfs(place.c_str(), &filesystem) == 0 && filesystem.f_type == CGROUP2_SUPER_MAGIC &&
        ::stat(place.c_str(), &status) == 0) {
      return status.st_ino;
    }
  }
  return std::nullopt;
}

std::uint64_t width_mask(const jt_value& where) {
  return ~std::uint64_t{0} >> (64 - 8 * where.bytes);
}

jt_value as_unsigned(jt_value where) {
  where.is_signed = 0;
  return where;
}

jt_operation operation_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::Equal:
      return JT_OP_EQ;
    case Comparison::Less:
      return JT_OP_LT;
    case Comparison::LessEqual:
      return JT_OP_LE;
    case Comparison::Greater:
      return JT_OP_GT;
    case Comparison::GreaterEqual:
      return JT_OP_GE;
    default:
      return JT_OP_NE;
  }
}

bool is_order(Comparison comparison) {
  return comparison != Comparison::Equal && comparison != Comparison::NotEqual &&
         comparison != Comparison::AnyBit;
}

bool is_match(Comparison comparison) {
  return comparison == Comparison::Match || comparison == Comparison::NoMatch;
}

Result<Checked> Check::text_test(const Value& value) const {
  if (test_.mask || (is_order(test_.comparison) && !is_match(test_.comparison)) ||
      test_.comparison == Comparison::AnyBit) {
    return refuse_at(text_, test_.comparison_place,
                     name() + " is a string: it is compared by == != ~ or !~");
  }
  if (test_.literal.kind != Literal::Kind::Text) {
    return refuse_at(text_, test_.literal.place,
                     name() + " is a string: what it is compared with stands between quotes");
  }
  std::string_view text = test_.literal.text;
  bool same = test_.comparison == Comparison::Equal || test_.comparison == Comparison::Match;
  // "!glob" is the kernel's way to say !~.
  if (is_match(test_.comparison) && text.starts_with('!')) {
    same = !same;
    text.remove_prefix(1);
  }
  auto pattern = is_match(test_.comparison) ? glob_pattern(text) : literal_pattern(text);
  if (!pattern) return refuse_at(text_, test_.literal.place, pattern.error().message);
  return Checked{
      .where = value.where, .operation = same ? JT_OP_MATCH : JT_OP_NO_MATCH, .pattern = *pattern};
}

// What stands between quotes where a number is asked for: a character, or a cgroup's path.
Result<Literal> Check::number_of(const Value& value) const {
  Literal literal = test_.literal;
  if (literal.kind == Literal::Kind::Number) return literal;
  literal.kind = Literal::Kind::Number;
  if (value.where.kind == JT_VALUE_CGROUP) {
    const auto id = cgroup_id(literal.text);
    if (!id) {
      return refuse_at(text_, literal.place, "no cgroup (version 2) of this path",
                       "name its directory in /sys/fs/cgroup, or its id, the directory's inode");
    }
    literal.number = *id;
  } else if (literal.text.size() == 1) {
    literal.number = static_cast<unsigned char>(literal.text.front());
  } else {
    return refuse_at(text_, literal.place, name() + " is a number and no string");
  }
  return literal;
}

// As the kernel stores it in its own type; a number that does not fit there says so.
Result<std::uint64_t> Check::cut(const jt_value& where, const Literal& literal) const {
  const std::uint64_t mask = width_mask(where);
  std::uint64_t number = literal.number & mask;
  const bool sign = where.is_signed != 0 && (number & (mask ^ mask >> 1U)) != 0;
  if (sign) number |= ~mask;
  if (where.is_signed != 0 && !literal.negative && literal.number >> 63U != 0) {
    return refuse_at(text_, literal.place, "larger than " + name() + " can be");
  }
  if (!literal.negative && number != literal.number) {
    notes_.push_back(fmt::format(
        "--filter: {} does not fit into {}: compared as {}, as the "
        "kernel's filter does",
        literal.number, name(),
        sign ? fmt::to_string(static_cast<std::int64_t>(number)) : fmt::to_string(number)));
  }
  return number;
}

void Check::note_of_zero(const Value& value, const Literal& literal) const {
  const bool less = test_.comparison == Comparison::Less;
  if (literal.number != 0 || value.where.is_signed != 0 || !value.declared ||
      value.declared->is_signed == 0 || (!less && test_.comparison != Comparison::GreaterEqual)) {
    return;
  }
  notes_.push_back(fmt::format(
      "--filter: {0} {1} 0 is {2} true: the kernel records it as 8 unsigned bytes, and its filter "
      "compares it so; write {0} {3} -1",
      test_.field, spelling(test_.comparison), less ? "never" : "always", less ? "<=" : ">"));
}

Result<Checked> Check::number_test(const Value& value, const Literal& literal) const {
  jt_value where = value.where;
  if (literal.negative && value.declared) where = *value.declared;
  if (literal.negative && where.is_signed == 0 && is_order(test_.comparison)) {
    return refuse_at(text_, literal.place, name() + " is never below 0");
  }
  if (test_.comparison == Comparison::AnyBit) {
    where = as_unsigned(where);
    JT_TRY(const std::uint64_t bits, cut(where, literal));
    return Checked{.where = where, .operation = JT_OP_NE, .mask = bits};
  }
  note_of_zero(value, literal);
  JT_TRY(const std::uint64_t constant, cut(where, literal));
  return Checked{.where = where, .operation = operation_of(test_.comparison), .constant = constant};
}

// (FIELD & MASK) OPERATOR NUMBER: of bits, without a sign.
Result<Checked> Check::masked_test(const Value& value, const Literal& literal) const {
  jt_value where = value.where;
  if ((literal.negative || test_.mask->negative) && value.declared) where = *value.declared;
  where = as_unsigned(where);
  JT_TRY(const std::uint64_t mask, cut(where, *test_.mask));
  JT_TRY(const std::uint64_t constant, cut(where, literal));
  return Checked{.where = where,
                 .operation = operation_of(test_.comparison),
                 .mask = mask,
                 .constant = constant};
}

Result<Checked> Check::operator()() {
  auto found =
      fields_.find({.name = test_.field, .user_string = test_.user_string, .index = test_.index});
  if (!found) {
    return refuse_at(text_, test_.place, found.error().message, std::move(found).error().hint);
  }
  Value value = std::move(*found);
  // Whether there is a string at all is asked of its address.
  if (value.is_text && value.address && test_.literal.kind == Literal::Kind::Number) {
    value = Value{.where = *value.address};
  }
  if (test_.user_string && value.where.kind != JT_VALUE_USER_STRING) {
    return refuse_at(text_, test_.place, name() + " is no pointer to a string");
  }
  if (value.is_text) return text_test(value);
  if (is_match(test_.comparison)) {
    return refuse_at(text_, test_.comparison_place, name() + " is a number and no string");
  }
  JT_TRY(const Literal literal, number_of(value));
  return test_.mask ? masked_test(value, literal) : number_test(value, literal);
}

}  // namespace

Result<Checked> check(const Test& test, const Fields& fields, std::string_view text,
                      std::vector<std::string>& notes) {
  return Check(test, fields, text, notes)();
}

}  // namespace jtrace::filter
