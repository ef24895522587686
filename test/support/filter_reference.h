// SPDX-License-Identifier: Apache-2.0
// What a filter says of an event, worked out from its syntax tree, in the words of the kernel's
// documentation and with nothing of the product but the tree: the judge of the evaluator.
#pragma once

#include <string_view>

#include "event/format.h"
#include "filter/evaluator.h"
#include "filter/expression.h"

namespace jtrace::test {

// For an expression that was checked against this format. `is_call`: of the category syscalls.
[[nodiscard]] bool passes(const filter::Expression& expression, const event::Format& format,
                          bool is_call, const filter::Event& event);

// The kernel's glob (lib/glob.c). Of a text that is only known up to its end (`cut`) it may not be
// known.
enum class Answer { No, Yes, Unknown };
[[nodiscard]] Answer glob_matches(std::string_view glob, std::string_view text, bool cut = false);

}  // namespace jtrace::test
