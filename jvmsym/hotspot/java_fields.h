// SPDX-License-Identifier: Apache-2.0
// Where a field lies in the objects of a class, by the class's own table of fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "jvmsym/hotspot/layout.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

struct JavaField {
  std::uint32_t offset = 0;  // from the object
  char type = 0;             // first character of its signature: 'L', '[', 'B', ...
  char element = 0;          // second one
};

// nullopt where the class has no such field, or its table makes no sense.
[[nodiscard]] std::optional<JavaField> find_java_field(const process::MemoryReader& memory,
                                                       const ThreadNamesLayout& layout,
                                                       const MethodLayout& symbols,
                                                       std::uint64_t klass, std::string_view name);

}  // namespace jtrace::jvmsym::hotspot
