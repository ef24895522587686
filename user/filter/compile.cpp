// SPDX-License-Identifier: Apache-2.0
#include "filter/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ranges>
#include <utility>

#include "base/printable.h"
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
  [[nodiscard]] Status show(const std::vector<std::string>& names);
  [[nodiscard]] Status weigh(const std::vector<std::string>& names);
  [[nodiscard]] Result<Program> finish();

 private:
  [[nodiscard]] Result<std::uint8_t> index_of_value(const jt_value& value);
  [[nodiscard]] Result<Value> value(std::string_view option, std::string_view name) const;
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

Result<std::uint8_t> Compiler::index_of_value(const jt_value& value) {
  const std::size_t index = index_of(values_, value);
  if (index >= JT_MAX_VALUES) {
    return fail(Errc::Usage,
                fmt::format("more than {} values are compared, shown or added up", JT_MAX_VALUES));
  }
  return static_cast<std::uint8_t>(index);
}

Result<Value> Compiler::value(std::string_view option, std::string_view name) const {
  auto found = fields_.find({.name = name});
  if (found) return found;
  const std::string& why = found.error().message;
  const std::string of = why.starts_with(fields_.display()) ? "" : fields_.display() + ": ";
  return fail(Errc::Usage, fmt::format("{} '{}': {}{}", option, printable(name), of, why),
              found.error().hint);
}

// Results of these are bytes.
bool returns_bytes(std::string_view call) {
  static constexpr std::array<std::string_view, 24> kCalls{
      "read",     "write",     "pread64",         "pwrite64", "readv",      "writev",
      "preadv",   "pwritev",   "preadv2",         "pwritev2", "sendto",     "recvfrom",
      "sendmsg",  "recvmsg",   "sendfile64",      "sendfile", "splice",     "tee",
      "vmsplice", "getrandom", "copy_file_range", "getdents", "getdents64", "process_vm_readv"};
  return std::ranges::find(kCalls, call) != kCalls.end();
}

bool counts_bytes(std::string_view field) {
  static constexpr std::array<std::string_view, 9> kFields{
      "count", "len", "length", "size", "bytes", "nbytes", "bytes_req", "bytes_alloc", "nr_bytes"};
  return std::ranges::find(kFields, field) != kFields.end();
}

Status Compiler::show(const std::vector<std::string>& names) {
  std::ranges::fill(program_.spec.by, JT_NO_VALUE);
  for (const std::string& name : names) {
    if (program_.by.size() == JT_MAX_BY) {
      return fail(Errc::Usage, fmt::format("--by: an event shows at most {} values", JT_MAX_BY));
    }
    if (name == "latency") {
      return fail(Errc::Usage, "--by latency: hardly two calls take the same time",
                  "--weight latency adds it up and shows how it is distributed");
    }
    // Threads are shown by their names, which only user space knows. `fd.number` is the descriptor
    // itself.
    constexpr std::string_view kNumber = ".number";
    const bool plain = name.ends_with(kNumber);
    const std::string field = name == "thread" ? "tid"
                              : plain          ? name.substr(0, name.size() - kNumber.size())
                                               : name;
    JT_TRY(const Value found, value("--by", field));
    const jt_value number = found.declared.value_or(found.where);
    const jt_value where = plain ? (found.is_text ? found.address.value_or(number) : number)
                           : found.is_text ? found.where
                                           : found.file.value_or(number);
    JT_TRY(program_.spec.by[program_.by.size()], index_of_value(where));
    program_.by.push_back({.name = name, .field = field, .where = where});
  }
  return {};
}

Status Compiler::weigh(const std::vector<std::string>& names) {
  jt_event_spec& spec = program_.spec;
  std::ranges::fill(spec.weight, JT_NO_VALUE);
  spec.error = spec.latency = JT_NO_VALUE;
  for (const std::string& name : names) {
    // The word is also a field of read and write.
    if (name == "events" || (name == "count" && !fields_.find({.name = name}))) continue;
    const std::size_t slot = program_.weights.size();
    if (slot == JT_MAX_WEIGHTS) {
      return fail(Errc::Usage, fmt::format("--weight: an event has at most {} besides its count",
                                           JT_MAX_WEIGHTS));
    }
    const RecordKind kind = fields_.kind();
    if ((name == "latency" && kind == RecordKind::Begin) ||
        (name == "age" && kind == RecordKind::Opening)) {
      spec.latency = static_cast<std::uint8_t>(slot);
      program_.weights.push_back({name, name, "nanoseconds"});
      continue;
    }
    JT_TRY(const Value found, value("--weight", name));
    if (found.is_text) {
      return fail(Errc::Usage, fmt::format("--weight '{}': it is a string and no number", name));
    }
    JT_TRY(spec.weight[slot], index_of_value(found.declared.value_or(found.where)));
    const bool bytes = name == "ret" ? returns_bytes(fields_.call_name()) : counts_bytes(name);
    program_.weights.push_back({name, name == "ret" && bytes ? "bytes" : name,
                                name == "latency" ? "nanoseconds"
                                : bytes           ? "bytes"
                                                  : "count"});
  }
  if (fields_.kind() == RecordKind::Opening) return {};  // one that failed made none
  // Whether a call failed is told wherever it is known.
  if (const auto error = fields_.find({.name = "errno"}); error && !program_.weights.empty()) {
    JT_TRY(spec.error, index_of_value(error->where));
  } else if (fields_.kind() == RecordKind::Call) {
    JT_TRY(spec.error, index_of_value(fields_.find({.name = "errno"})->where));
  }
  return {};
}

Result<Program> Compiler::finish() {
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

bool mentions_end(const Expression& expression, const Fields& fields) {
  if (expression.kind != Expression::Kind::Test) {
    return std::ranges::any_of(expression.parts,
                               [&](const auto& part) { return mentions_end(part, fields); });
  }
  const std::string& name = expression.test.field;
  if (name == "latency") return true;
  const auto found = fields.find({.name = name});
  // Not of this event, but perhaps of the other one: the result at the begin, arguments at the end.
  if (!found) return true;
  return found->where.kind == JT_VALUE_USER_STRING;
}

// What a descriptor was open on can be told until it is closed.
bool closes(std::string_view call) { return call == "close" || call == "close_range"; }

bool mentions_latency(const Expression& expression) {
  if (expression.kind == Expression::Kind::Test) return expression.test.field == "latency";
  return std::ranges::any_of(expression.parts, mentions_latency);
}

template <class Mentions>
bool any_filter(const Wanted& wanted, const Mentions& mentions) {
  return std::ranges::any_of(wanted.filters, [&](const std::string& text) {
    const auto expression = parse(text);
    return expression && mentions(*expression);
  });
}

}  // namespace

Result<std::uint8_t> add_value(Program& program, const jt_value& value) {
  jt_event_spec& spec = program.spec;
  if (spec.values == JT_MAX_VALUES) {
    return fail(Errc::Usage,
                fmt::format("more than {} values are compared, shown or added up", JT_MAX_VALUES));
  }
  spec.value[spec.values] = value;
  return static_cast<std::uint8_t>(spec.values++);
}

bool needs_end(const Wanted& wanted, const Fields& fields) {
  const bool weighs =
      std::ranges::any_of(wanted.weights, [](const auto& w) { return w != "count"; });
  const bool shows = !wanted.by.empty() && !closes(fields.call_name());
  return shows || weighs || wanted.min_latency.count() != 0 ||
         any_filter(wanted, [&](const auto& e) { return mentions_end(e, fields); });
}

bool needs_latency(const Wanted& wanted) {
  return wanted.min_latency.count() != 0 ||
         std::ranges::find(wanted.weights, "latency") != wanted.weights.end() ||
         any_filter(wanted, mentions_latency);
}

Result<Program> compile(const Wanted& wanted, const Fields& fields) {
  Compiler compiler(fields);
  Label next = JT_VERDICT_PASS;
  for (const std::string& text : wanted.filters | std::views::reverse) {
    JT_TRY(const Expression expression, parse(text));
    compiler.set_text(text);
    JT_TRY(next, compiler.emit(expression, next, JT_VERDICT_REJECT));
  }
  JT_CHECK_OK(compiler.show(wanted.by));
  JT_CHECK_OK(compiler.weigh(wanted.weights));
  JT_TRY(Program program, compiler.finish());
  program.spec.min_latency = static_cast<std::uint64_t>(wanted.min_latency.count());
  return program;
}

}  // namespace jtrace::filter
