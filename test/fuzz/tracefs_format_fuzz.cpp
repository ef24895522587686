// SPDX-License-Identifier: Apache-2.0
// Fields of a format lie in a record, and no two have one name.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "event/format.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto format = jtrace::event::parse_format({reinterpret_cast<const char*>(data), size});
  std::set<std::string_view> names;
  for (const auto& field : format.fields) {
    if (field.name.empty() || !names.insert(field.name).second) std::abort();
    if (std::uint64_t{field.offset} + field.size > 1U << 16) std::abort();
    if (format.find(field.name) != &field) std::abort();
  }
  return 0;
}
