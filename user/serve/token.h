// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace::serve {

// What a visitor has to show: of a file, else of JTRACE_SERVE_TOKEN, which is removed from the
// environment of what we start. Empty: nothing is asked for. Never part of an error.
[[nodiscard]] Result<std::string> read_token(const std::string& file);

// Takes as long whatever is in `given`.
[[nodiscard]] bool is_same_secret(std::string_view given, std::string_view secret);

// 64 letters by chance.
[[nodiscard]] Result<std::string> make_secret();

}  // namespace jtrace::serve
