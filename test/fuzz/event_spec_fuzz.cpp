// SPDX-License-Identifier: Apache-2.0
// Whatever parses is a list of names that stay below events/, of ids in range and of presets;
// whatever does not is a usage error of one printable line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "event/preset.h"
#include "event/tracepoint.h"

namespace {

using jtrace::event::EventSpec;
using jtrace::event::TracepointId;
using jtrace::event::TracepointName;

void require(bool holds) {
  if (!holds) std::abort();
}

bool stays_below(std::string_view part) {
  return !part.empty() && part != "." && part != ".." &&
         part.find_first_of(std::string_view("/:,\0", 4)) == std::string_view::npos;
}

void check(const EventSpec& spec) {
  if (const auto* id = std::get_if<TracepointId>(&spec)) {
    require(id->id >= 1 && id->id <= std::uint32_t{1} << 31);
    return;
  }
  if (const auto* preset = std::get_if<jtrace::event::PresetName>(&spec)) {
    require(jtrace::event::find_preset(preset->name) != nullptr);
    return;
  }
  const auto& [category, name] = std::get<TracepointName>(spec);
  require(stays_below(category) && stays_below(name));
  require(category.size() + name.size() < 256);
}

bool is_printable(std::string_view line) {
  return std::ranges::all_of(line, [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto specs = jtrace::event::parse_event_specs(text);
  if (!specs) {
    require(specs.error().code == jtrace::Errc::Usage);
    require(!specs.error().message.empty() && is_printable(specs.error().message));
    require(is_printable(specs.error().hint) && specs.error().message.size() < 600);
    return 0;
  }
  require(specs->size() == 1 + static_cast<std::size_t>(std::ranges::count(text, ',')));
  std::ranges::for_each(*specs, check);
  return 0;
}
