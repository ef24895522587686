// SPDX-License-Identifier: Apache-2.0
// The JSON reader alone; profile_reader_fuzz seldom gets behind its first byte.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "export/reading.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto profile = jtrace::exporting::parse_json({reinterpret_cast<const char*>(data), size});
  if (!profile) {
    if (profile.error().message.empty()) std::abort();
    return 0;
  }
  for (const auto& sample : profile->samples) {
    if (sample.values.size() != profile->sample_types.size()) std::abort();
    for (const auto id : sample.locations) (void)profile->locations.at(id.value);
    for (const auto& label : sample.labels) (void)profile->strings.at(label.str.value);
  }
  return 0;
}
