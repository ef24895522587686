// SPDX-License-Identifier: Apache-2.0
// From the text of a filter to what the kernel side evaluates (bpf/event_filter.h).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bpf/event_abi.h"
#include "filter/expression.h"
#include "filter/fields.h"

namespace jtrace::filter {

struct Program {
  jt_event_spec spec{};
  std::vector<jt_pattern> patterns;  // spec.first_pattern is the caller's to say
  std::vector<std::string> notes;    // lines for a person who may have meant something else
};

// An event passes where it passes all `filters`; no filter, and every event does. Errc::Usage with
// one line that names the place.
[[nodiscard]] Result<Program> compile(std::span<const std::string> filters, const Fields& fields);

}  // namespace jtrace::filter
