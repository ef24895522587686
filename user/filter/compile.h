// SPDX-License-Identifier: Apache-2.0
// From the text of a filter to what the kernel side evaluates (bpf/event_filter.h).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "bpf/event_abi.h"
#include "filter/expression.h"
#include "filter/fields.h"

namespace jtrace::filter {

// What is asked of one event, but for the event itself.
struct Wanted {
  std::vector<std::string> filters = {};  // an event passes where it passes all of them
  std::vector<std::string> by = {};       // fields that are shown
  std::vector<std::string> weights = {};  // "latency", or a number; "count" is there anyway
  std::chrono::nanoseconds min_latency{0};
  friend bool operator==(const Wanted&, const Wanted&) = default;
};

// A value that is shown.
struct Shown {
  std::string name;   // as asked for: "filename", "fd.number", "thread"
  std::string field;  // that is read for it: "filename", "fd", "tid"
  jt_value where{};
};

// What is added up, in pprof's words.
struct Weight {
  std::string name;  // as asked for
  std::string type;  // "latency", "bytes", or the field
  std::string unit;  // "nanoseconds", "bytes", "count"
};

struct Program {
  jt_event_spec spec{};
  std::vector<jt_pattern> patterns;  // spec.first_pattern is the caller's to say
  std::vector<std::string> notes;    // lines for a person who may have meant something else
  std::vector<Shown> by;             // spec.by
  std::vector<Weight> weights;       // spec.weight
};

// Errc::Usage with one line that names the place. Nothing wanted, and every event is only counted.
[[nodiscard]] Result<Program> compile(const Wanted& wanted, const Fields& fields);

// Index of one more value, of the same event or of the one that ends it.
[[nodiscard]] Result<std::uint8_t> add_value(Program& program, const jt_value& value);

// Whether a system call has to be taken at its end to tell what is wanted of it: it is about the
// result, or about strings, which may not be resident before the call has read them. `fields` are
// those of the event as it was asked for. Never an error: what is wrong is compile()'s to say.
[[nodiscard]] bool needs_end(const Wanted& wanted, const Fields& fields);
// ... and whether its begin has to be noted, too.
[[nodiscard]] bool needs_latency(const Wanted& wanted);

}  // namespace jtrace::filter
