// SPDX-License-Identifier: Apache-2.0
// https://www.speedscope.app/file-format-schema.json, written row by row: a document of a large
// profile in memory would take several times the file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "export/exporter.h"
#include "export/formats.h"
#include "export/stacks.h"
#include "profile/saturate.h"

namespace jtrace::exporting {
namespace {

// The units that speedscope knows; all else is "none", which shows plain numbers.
std::string_view unit_of(const profile::ValueType& type) {
  constexpr std::array<std::string_view, 5> kUnits{"nanoseconds", "microseconds", "milliseconds",
                                                   "seconds", "bytes"};
  const auto it = std::ranges::find(kUnits, type.unit);
  return it == kUnits.end() ? "none" : *it;
}

// One weight is one profile; speedscope has a list of them to choose from.
void put_profile(std::string& out, const Stacks& stacks, std::string_view name,
                 const profile::ValueType& type, const std::vector<std::int64_t>& weights) {
  std::int64_t total = 0;
  for (const std::int64_t weight : weights) total = profile::saturating_add(total, weight);
  const auto put = std::back_inserter(out);
  fmt::format_to(put,
                 R"({{"type":"sampled","name":{},"unit":"{}",)"
                 R"("startValue":0,"endValue":{},"samples":[)",
                 name, unit_of(type), total);
  std::string_view comma = "\n";
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    fmt::format_to(put, "{}[{}]", comma, fmt::join(stacks.stacks[i].frames, ","));
    comma = ",\n";
  }
  out += "],\n\"weights\":[";
  comma = "";
  for (const std::int64_t weight : weights) {
    if (weight == 0) continue;
    fmt::format_to(put, "{}{}", comma, weight);
    comma = ",";
  }
  out += "]}";
}

}  // namespace

std::string json_escaped(std::string_view safe) {
  std::string out;
  for (const char c : safe) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string json_string(std::string_view text) { return nlohmann::json(safe_text(text)).dump(); }

std::string write_speedscope(const profile::Profile& profile, const WriteOptions& options) {
  Stacks stacks =
      make_stacks(profile, Suffixes::No, options.lines ? Lines::Yes : Lines::No, Keep::Weighed);
  merge_kinds(stacks);
  std::string out;
  const auto put = std::back_inserter(out);
  fmt::format_to(put,
                 R"({{"$schema":"https://www.speedscope.app/file-format-schema.json",)"
                 "\n"
                 R"("exporter":"jtrace","name":{},"activeProfileIndex":{},"shared":{{"frames":[)",
                 json_string(profile.header.title), profile.default_type);
  std::string_view comma = "\n";
  for (const Frame& frame : stacks.frames) {
    // The text is safe already: escaping it again would double its backslashes.
    fmt::format_to(put, R"({}{{"name":{}}})", comma, nlohmann::json(frame.text).dump());
    comma = ",\n";
  }
  out += "]},\n\"profiles\":[";
  const auto& types = profile.sample_types;
  for (std::size_t i = 0; i < std::max<std::size_t>(types.size(), 1); ++i) {
    if (i != 0) out += ",\n";
    const std::string& title = profile.header.title;
    put_profile(out, stacks, json_string(types.size() < 2 ? title : title + ": " + types[i].type),
                types.empty() ? profile::ValueType{} : types[i], weights_of(stacks, profile, i));
  }
  return out += "]}\n";
}

}  // namespace jtrace::exporting
