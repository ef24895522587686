// SPDX-License-Identifier: Apache-2.0
// A comparison against the event it is about. Private to filter/, but for its tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/event_abi.h"
#include "filter/expression.h"
#include "filter/fields.h"

namespace jtrace::filter {

// What a predicate says, in full.
struct Checked {
  jt_value where{};
  jt_operation operation = JT_OP_EQ;
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t constant = 0;
  std::optional<jt_pattern> pattern = {};  // of a string
};

// `text` is the filter that the test is part of. Errc::Usage: no such field, or not of this type.
// `notes` gets what a person may not have meant.
[[nodiscard]] Result<Checked> check(const Test& test, const Fields& fields, std::string_view text,
                                    std::vector<std::string>& notes);

}  // namespace jtrace::filter
