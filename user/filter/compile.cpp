// SPDX-License-Identifier: Apache-2.0
#include "filter/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ranges>
#include <utility>

#include "filter/check.h"

namespace jtrace::filter {
namespace {

// Where an evaluation goes on: the n-th predicate from the end, or a verdict.
using Label = std::uint8_t;

template <class T>
bool same(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// Index of what is equal, added where nothing is.
template <class T>
std::size_t index_of(std::vector<T>& all, const T& one) {
  const auto found = std::ranges::find_if(all, [&](const T& other) { return same(one, other); });
  if (found == all.end()) all.push_back(one);
  return static_cast<std::size_t>(
      std::ranges::find_if(all, [&](const T& other) { return same(one, other); }) - all.begin());
}

class Compiler {
 public:
  explicit Compiler(const Fields& fields) : fields_(fields) {}

  // Emits what decides `expression`, from its end to its beginning, so that all it can jump to is
  // there already. Returns the label of its first comparison.
  [[nodiscard]] Result<Label> emit(const Expression& expression, Label when_true, Label when_false);
  void set_text(std::string_view text) { text_ = text; }
  [[nodiscard]] Program finish();

 private:
  [[nodiscard]] Result<Label> emit_test(const Test& test, Label when_true, Label when_false);

  const Fields& fields_;
  std::string_view text_;
  std::vector<jt_value> values_;
  std::vector<jt_predicate> reversed_;
  Program program_;
};

Result<Label> Compiler::emit_test(const Test& test, Label when_true, Label when_false) {
  JT_TRY(const Checked checked, check(test, fields_, text_, program_.notes));
  if (reversed_.size() == JT_MAX_PREDICATES) {
    return refuse_at(
        text_, test.place,
        fmt::format("an event's filters have at most {} comparisons", JT_MAX_PREDICATES),
        "a glob with [...] or a mask may stand for several");
  }
  jt_predicate predicate{};
  predicate.mask = checked.mask;
  predicate.constant = checked.constant;
  if (checked.pattern) predicate.constant = index_of(program_.patterns, *checked.pattern);
  const std::size_t value = index_of(values_, checked.where);
  if (value == JT_MAX_VALUES) {
    return refuse_at(text_, test.place,
                     fmt::format("an event's filters compare at most {} values", JT_MAX_VALUES));
  }
  predicate.value = static_cast<std::uint8_t>(value);
  predicate.op = checked.operation;
  predicate.when_true = when_true;
  predicate.when_false = when_false;
  reversed_.push_back(predicate);
  return static_cast<Label>(reversed_.size() - 1);
}

Result<Label> Compiler::emit(const Expression& expression, Label when_true, Label when_false) {
  using Kind = Expression::Kind;
  if (expression.kind == Kind::Test) return emit_test(expression.test, when_true, when_false);
  if (expression.kind == Kind::Not) return emit(expression.parts[0], when_false, when_true);
  JT_TRY(const Label second, emit(expression.parts[1], when_true, when_false));
  return expression.kind == Kind::And ? emit(expression.parts[0], second, when_false)
                                      : emit(expression.parts[0], when_true, second);
}

Program Compiler::finish() {
  const auto turn = [this](Label label) {
    return label < JT_MAX_PREDICATES ? static_cast<Label>(reversed_.size() - 1 - label) : label;
  };
  jt_event_spec& spec = program_.spec;
  spec.record_bytes = fields_.record_bytes();
  spec.values = static_cast<std::uint16_t>(values_.size());
  spec.predicates = static_cast<std::uint16_t>(reversed_.size());
  std::ranges::copy(values_, spec.value);
  std::ranges::transform(reversed_ | std::views::reverse, spec.predicate, [&](jt_predicate one) {
    one.when_true = turn(one.when_true);
    one.when_false = turn(one.when_false);
    return one;
  });
  return std::move(program_);
}

}  // namespace

Result<Program> compile(std::span<const std::string> filters, const Fields& fields) {
  Compiler compiler(fields);
  Label next = JT_VERDICT_PASS;
  for (const std::string& text : filters | std::views::reverse) {
    JT_TRY(const Expression expression, parse(text));
    compiler.set_text(text);
    JT_TRY(next, compiler.emit(expression, next, JT_VERDICT_REJECT));
  }
  return compiler.finish();
}

}  // namespace jtrace::filter
