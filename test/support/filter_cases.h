// SPDX-License-Identifier: Apache-2.0
// Random filters and random events for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "event/format.h"
#include "event/tracepoint.h"
#include "filter/evaluator.h"
#include "filter/expression.h"

namespace jtrace::test {

// An event with fields of every shape, and the entry and exit of a system call.
struct FilteredEvent {
  event::Tracepoint tracepoint;
  event::Format format;
  std::vector<std::string> numbers;  // fields, as a filter names them
  std::vector<std::string> texts;
};
[[nodiscard]] const std::vector<FilteredEvent>& filtered_events();

class FilterCases {
 public:
  // `of_kernel`: nothing that the kernel's own filter would refuse.
  explicit FilterCases(std::uint64_t seed, bool of_kernel = false)
      : random_(seed), of_kernel_(of_kernel) {}

  // Of at most `tests` comparisons; all of them are right for the event.
  [[nodiscard]] filter::Expression expression(const FilteredEvent& event, int tests);
  // As a person may write it: with the parentheses it needs, and now and then some more.
  [[nodiscard]] std::string text(const filter::Expression& expression);

  // Its memory is here until the next one.
  [[nodiscard]] filter::Event event(const FilteredEvent& event);

  // A number that may be at some edge, a word of a, b and c.
  [[nodiscard]] std::uint64_t number();
  [[nodiscard]] std::string word(std::size_t longest);

 private:
  [[nodiscard]] std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }
  [[nodiscard]] bool one_in(std::size_t n) { return below(n) == 0; }
  template <class Range>
  [[nodiscard]] auto one_of(const Range& range) {
    return range[below(range.size())];
  }
  [[nodiscard]] std::string glob();
  [[nodiscard]] filter::Test test(const FilteredEvent& event);
  [[nodiscard]] filter::Test number_test(const FilteredEvent& event);
  [[nodiscard]] filter::Literal literal(bool may_be_negative);
  [[nodiscard]] std::string text(const filter::Test& test);
  [[nodiscard]] std::string text(const filter::Literal& literal);
  [[nodiscard]] std::string text(const filter::Expression& expression, int binding);
  void put(std::size_t offset, const void* from, std::size_t bytes);

  std::mt19937_64 random_;
  bool of_kernel_;
  std::vector<std::byte> record_;
};

}  // namespace jtrace::test
