// SPDX-License-Identifier: Apache-2.0
// https://www.speedscope.app/file-format-schema.json, written row by row: a document of a large
// profile in memory would take several times the file.
#include <fmt/format.h>

#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "export/exporter.h"
#include "export/formats.h"
#include "export/stacks.h"

namespace jtrace::exporting {
namespace {

// The units that speedscope knows; all else is "none", which shows plain numbers.
std::string_view unit_of(const profile::Profile& profile) {
  constexpr std::array<std::string_view, 5> kUnits{"nanoseconds", "microseconds", "milliseconds",
                                                   "seconds", "bytes"};
  for (const std::string_view unit : kUnits) {
    if (!profile.sample_types.empty() && profile.sample_types.front().unit == unit) return unit;
  }
  return "none";
}

}  // namespace

std::string json_string(std::string_view text) { return nlohmann::json(safe_text(text)).dump(); }

std::string write_speedscope(const profile::Profile& profile, const WriteOptions& options) {
  Stacks stacks = make_stacks(profile, Suffixes::No, options.lines ? Lines::Yes : Lines::No);
  merge_kinds(stacks);
  const std::string title = json_string(profile.header.title);
  std::string out;
  const auto put = std::back_inserter(out);
  fmt::format_to(put,
                 R"({{"$schema":"https://www.speedscope.app/file-format-schema.json",)"
                 "\n"
                 R"("exporter":"jtrace","name":{},"activeProfileIndex":0,"shared":{{"frames":[)",
                 title);
  std::string_view comma = "\n";
  for (const Frame& frame : stacks.frames) {
    // The text is safe already: escaping it again would double its backslashes.
    fmt::format_to(put, R"({}{{"name":{}}})", comma, nlohmann::json(frame.text).dump());
    comma = ",\n";
  }
  fmt::format_to(put,
                 "]}},\n"
                 R"("profiles":[{{"type":"sampled","name":{},"unit":"{}",)"
                 R"("startValue":0,"endValue":{},"samples":[)",
                 title, unit_of(profile), stacks.total);
  comma = "\n";
  for (const Stack& stack : stacks.stacks) {
    fmt::format_to(put, "{}[{}]", comma, fmt::join(stack.frames, ","));
    comma = ",\n";
  }
  out += "],\n\"weights\":[";
  comma = "";
  for (const Stack& stack : stacks.stacks) {
    fmt::format_to(put, "{}{}", comma, stack.value);
    comma = ",";
  }
  return out += "]}]}\n";
}

}  // namespace jtrace::exporting
