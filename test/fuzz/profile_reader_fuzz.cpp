// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "export/exporter.h"
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
    for (const auto& label : sample.labels) {
      for (const auto id : {label.key, label.str, label.unit}) (void)profile->strings.at(id.value);
    }
  }
  for (const auto& location : profile->locations) {
    (void)profile->mappings.at(location.mapping.value);
    for (const auto& line : location.lines) (void)profile->functions.at(line.function.value);
  }
  // Weights and labels are as hostile as names.
  for (const auto* format : {"text", "html", "json"}) {
    if ((*jtrace::exporting::exporter_by_name(format))->write(*profile, {}).empty()) std::abort();
  }
  return 0;
}
