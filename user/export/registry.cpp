// SPDX-License-Identifier: Apache-2.0
// The formats: one line each. Help, errors and the golden driver read this list.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "export/diff.h"
#include "export/exporter.h"
#include "export/formats.h"

namespace jtrace::exporting {
namespace {

constexpr std::array<std::string_view, 2> kCollapsed{".collapsed", ".folded"};
constexpr std::array<std::string_view, 1> kHtml{".html"};
constexpr std::array<std::string_view, 1> kPprof{".pb.gz"};
constexpr std::array<std::string_view, 1> kSpeedscope{".speedscope.json"};
constexpr std::array<std::string_view, 1> kOtlp{".otlp"};
constexpr std::array<std::string_view, 1> kJson{".json"};
constexpr std::array<std::string_view, 2> kEvents{".ndjson", ".jsonl"};
constexpr std::array<std::string_view, 1> kText{".txt"};

constexpr std::array<Exporter, 8> kExporters{{
    {"collapsed", kCollapsed, write_collapsed, true, true},
    {"html", kHtml, write_html},
    {"pprof", kPprof, write_pprof},
    {"speedscope", kSpeedscope, write_speedscope, false},  // before json: the longer suffix
    {"otlp", kOtlp, write_otlp, false},
    {"json", kJson, write_json},
    {"text", kText, write_text},
    {"events", kEvents, write_events, false, false, true},
}};

template <class Each>
std::string listed(Each each) {
  std::string list;
  for (const Exporter& exporter : kExporters) each(exporter, list);
  return list;
}

void append(std::string& list, std::string_view word) {
  if (!list.empty()) list += ' ';
  list += word;
}

}  // namespace

std::span<const Exporter> exporters() { return kExporters; }

std::string weight_note(const Exporter& exporter, const profile::Profile& profile) {
  const auto& types = profile.sample_types;
  if (!exporter.one_weight || is_difference(profile) || profile.default_type >= types.size()) {
    return {};
  }
  const auto& [type, unit] = types[profile.default_type];
  if (types.size() == 1 && unit == "count") return {};
  if (unit == "count" || unit == type) return "weight: " + safe_text(type);
  return fmt::format("weight: {}, {}", safe_text(type),
                     unit == "nanoseconds" ? "ns" : safe_text(unit));
}

Result<const Exporter*> exporter_by_name(std::string_view name) {
  const auto it = std::ranges::find(kExporters, name, &Exporter::name);
  if (it != kExporters.end()) return &*it;
  // -o is the format here and the file elsewhere, so a path is the likely mistake.
  if (name.find_first_of("./") != std::string_view::npos) {
    return fail(Errc::Usage,
                fmt::format("-o {}: -o takes a format; did you mean -f?", safe_text(name)));
  }
  const auto names = listed([](const Exporter& e, std::string& list) { append(list, e.name); });
  return fail(Errc::Usage, fmt::format("-o {}: no such format", safe_text(name)),
              fmt::format("formats: {}", names));
}

Result<const Exporter*> exporter_by_suffix(std::string_view file) {
  for (const Exporter& exporter : kExporters) {
    for (const std::string_view suffix : exporter.suffixes) {
      if (file.ends_with(suffix)) return &exporter;
    }
  }
  const auto suffixes = listed([](const Exporter& e, std::string& list) {
    for (const std::string_view suffix : e.suffixes) append(list, suffix);
  });
  return fail(Errc::Usage, fmt::format("-f {}: the suffix names no format", safe_text(file)),
              fmt::format("suffixes: {}; or give the format by -o", suffixes));
}

}  // namespace jtrace::exporting
