// SPDX-License-Identifier: Apache-2.0
// A filter's text, a 0, a record: parser, checks and compiler, then the kernel side's evaluator and
// the tests' own must agree.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "filter/evaluator.h"
#include "support/filter_cases.h"
#include "support/filter_reference.h"

using namespace jtrace;

namespace {

// What a pointer in the record leads to, where the input says that it leads anywhere.
void add_strings(const test::FilteredEvent& of, const std::string& text, filter::Event& event) {
  for (const event::Field& field : of.format.fields) {
    if (field.shape != event::Field::Shape::Pointer) continue;
    std::uint64_t address = 0;
    std::memcpy(&address, event.record.data() + field.offset, sizeof(address));
    if (address % 2 == 0) continue;
    event.user_strings[address] = text;
    event.kernel_strings[address] = text;
  }
}

void judge(const test::FilteredEvent& of, const std::string& text, const std::string& rest) {
  const auto program =
      filter::compile({.filters = {text}}, filter::Fields(of.tracepoint, &of.format));
  if (!program) return;
  const auto expression = filter::parse(text);
  if (!expression) std::abort();
  std::vector<std::byte> record(512);
  std::memcpy(record.data(), rest.data(), std::min(rest.size(), record.size()));
  filter::Event event{.record = record,
                      .comm = rest.substr(0, std::min<std::size_t>(15, rest.find('\0'))),
                      .user_strings = {},
                      .kernel_strings = {}};
  add_strings(of, rest.substr(std::min<std::size_t>(rest.size(), 8)), event);
  const filter::Outcome outcome = filter::evaluate(*program, event);
  for (int i = 0; i < program->spec.predicates; ++i) {
    const jt_predicate& one = program->spec.predicate[i];
    if (one.when_true <= i || one.when_false <= i) std::abort();
  }
  if (outcome.too_long != 0) return;  // a dear glob's limit is the evaluator's own
  const bool is_call = of.tracepoint.category == "syscalls";
  if (outcome.passes != test::passes(*expression, of.format, is_call, event)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = std::min(input.find('\0'), input.size());
  const std::string text = input.substr(0, zero);
  // The host's cgroups, and an id that the formats here do not have.
  if (text.find("cgroup") != std::string::npos || text.find("common_type") != std::string::npos) {
    return 0;
  }
  for (const test::FilteredEvent& of : test::filtered_events()) {
    judge(of, text, input.substr(std::min(zero + 1, size)));
  }
  return 0;
}
