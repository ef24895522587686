// SPDX-License-Identifier: Apache-2.0
// A pprof file as text, as protobuf_dump() has it.
#pragma once

#include <string>
#include <string_view>

namespace jtrace::test {

// Empty where the file is not a gzipped message.
[[nodiscard]] std::string pprof_dump(std::string_view file);

}  // namespace jtrace::test
