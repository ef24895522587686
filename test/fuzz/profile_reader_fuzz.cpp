// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "export/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto profile = jtrace::exporting::parse_profile(bytes);
  if (!profile) return 0;
  // What was read must hold together: exporters index the tables without asking.
  for (const auto& sample : profile->samples) {
    if (sample.values.size() != profile->sample_types.size()) std::abort();
    for (const auto id : sample.locations) {
      if (id.value >= profile->locations.size()) std::abort();
    }
    for (const auto& label : sample.labels) (void)profile->strings.at(label.str.value);
  }
  for (const auto& location : profile->locations) {
    (void)profile->mappings.at(location.mapping.value);
    for (const auto& line : location.lines) (void)profile->functions.at(line.function.value);
  }
  return 0;
}
