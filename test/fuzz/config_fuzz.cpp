// SPDX-License-Identifier: Apache-2.0
// A file of options: entries with a key and a value, or a usage error that names the line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cli/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = jtrace::cli::ConfigEntry::Kind;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto entries = jtrace::cli::parse_config(text, "file");
  if (!entries) {
    if (entries.error().code != jtrace::Errc::Usage || entries.error().message.empty())
      std::abort();
    return 0;
  }
  const auto lines = 1 + static_cast<std::size_t>(std::ranges::count(text, '\n'));
  for (const auto& entry : *entries) {
    if (entry.key.empty() || entry.line == 0 || entry.line > lines) std::abort();
    if (entry.kind != Kind::Array && entry.values.size() != 1) std::abort();
    // What was read can be written and read again.
    for (const auto& value : entry.values) {
      const auto again =
          jtrace::cli::parse_config("a = " + jtrace::cli::toml_string(value), "file");
      if (!again || again->size() != 1 || again->front().values.front() != value) std::abort();
    }
  }
  return 0;
}
