// SPDX-License-Identifier: Apache-2.0
// A pprof file as text, by a decoder that shares nothing with the one of the product.
#pragma once

#include <string>
#include <string_view>

namespace jtrace::test {

// One line a field: "sample.value: 1 2". Empty where the file is not a gzipped message, unknown
// fields are "?"; numbers of packed fields stand in one line.
[[nodiscard]] std::string pprof_dump(std::string_view file);

}  // namespace jtrace::test
