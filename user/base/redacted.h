// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace jtrace {

// A URL, or what somebody took for one, as messages may have it: "https://***@host:4318/path",
// without the query. Whatever stands before its last @ may be a password, whether it parses or not.
[[nodiscard]] std::string redacted_url(std::string_view url);

}  // namespace jtrace
