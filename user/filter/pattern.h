// SPDX-License-Identifier: Apache-2.0
// Strings and globs as the evaluator compares them. Private to filter/.
#pragma once

#include <string_view>

#include "base/result.h"
#include "bpf/event_abi.h"

namespace jtrace::filter {

// The very string.
[[nodiscard]] Result<jt_pattern> literal_pattern(std::string_view text);

// The kernel's glob (lib/glob.c): * ? [a-z] [!a-z], and \ takes the next character as it is; a [
// that nothing closes is an ordinary character.
[[nodiscard]] Result<jt_pattern> glob_pattern(std::string_view glob);

}  // namespace jtrace::filter
