// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace::exporting {

// Without a time and a name in the header: same bytes, same file.
[[nodiscard]] std::string gzip(std::string_view bytes);

[[nodiscard]] bool is_gzip(std::string_view bytes);

// Fails where the contents are more than `limit` bytes: a small file can hold terabytes.
[[nodiscard]] Result<std::string> gunzip(std::string_view bytes, std::size_t limit);

}  // namespace jtrace::exporting
