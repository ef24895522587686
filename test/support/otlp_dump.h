// SPDX-License-Identifier: Apache-2.0
// A file of OpenTelemetry's profiles signal as text, as protobuf_dump() has it.
#pragma once

#include <string>
#include <string_view>

namespace jtrace::test {

[[nodiscard]] std::string otlp_dump(std::string_view file);

}  // namespace jtrace::test
