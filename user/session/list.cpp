// SPDX-License-Identifier: Apache-2.0
#include "session/list.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/counted.h"
#include "capture/raw_tracepoints.h"
#include "event/format.h"
#include "event/preset.h"
#include "session/output.h"

namespace jtrace::session {
namespace {

using event::Tracepoint;

Result<std::vector<Tracepoint>> find(const event::Tracefs& tracefs, const std::string& glob) {
  const std::size_t colon = glob.find(':');
  std::vector<Tracepoint> found;
  if (colon != std::string::npos || glob == "*") {
    JT_TRY(found, tracefs.list(glob));
  } else {
    JT_TRY(found, tracefs.list("*:" + glob));
    JT_TRY(auto whole, tracefs.list(glob + ":*"));
    found.insert(found.end(), std::make_move_iterator(whole.begin()),
                 std::make_move_iterator(whole.end()));
    const auto key = [](const Tracepoint& one) { return std::tie(one.category, one.name); };
    std::ranges::sort(found, {}, key);
    const auto twice = std::ranges::unique(found, {}, key);
    found.erase(twice.begin(), twice.end());
  }
  if (!found.empty()) return found;
  // It knows near names, and what is wrong with the category.
  if (colon == std::string::npos) return tracefs.resolve(event::TracepointName{"*", glob + "*"});
  return tracefs.resolve(event::TracepointName{glob.substr(0, colon), glob.substr(colon + 1)});
}

// Of -v; of a raw tracepoint by BTF.
Result<event::Format> format_of(const event::Tracefs* tracefs, const Tracepoint& tracepoint) {
  if (!tracepoint.is_raw()) return event::read_format(*tracefs, tracepoint);
  JT_TRY(const auto* raw, capture::RawTracepoints::of_kernel());
  return raw->format(tracepoint);
}

// "raw_tp:*", "raw_tp:sched_*", "raw_tp"; nullopt for what is of tracefs.
std::optional<std::string> raw_glob(const std::string& glob) {
  const std::string prefix = std::string(event::kRawCategory) + ":";
  if (glob == event::kRawCategory || glob == prefix) return "*";
  if (!glob.starts_with(prefix)) return std::nullopt;
  return glob.substr(prefix.size());
}

std::string fields_text(const event::Format& format) {
  std::size_t width = 0;
  for (const auto& field : format.fields) {
    if (!field.common) width = std::max(width, field.type.size() + 1 + field.name.size());
  }
  std::string text;
  for (const auto& field : format.fields) {
    if (field.common) continue;
    fmt::format_to(std::back_inserter(text), "    {:<{}}  offset {:>4}  size {:>3}  {}\n",
                   field.type + ' ' + field.name, width, field.offset, field.size,
                   field.is_signed ? "signed" : "unsigned");
  }
  if (format.skipped != 0)
    text += fmt::format("    ({} not understood)\n", counted(format.skipped, "field"));
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

// "preset:", "preset:*", "preset:file-*"; nullopt for what is no preset.
std::optional<std::string> preset_glob(const std::string& glob) {
  constexpr std::string_view kPrefix = "preset:";
  if (glob == "preset") return "*";
  if (!glob.starts_with(kPrefix)) return std::nullopt;
  std::string rest = glob.substr(kPrefix.size());
  return rest.empty() ? "*" : rest;
}

std::string preset_text(const event::Preset& preset, const event::Expansion& expansion,
                        bool verbose) {
  std::string text =
      fmt::format("preset:{}\n  {}; weight: {}\n", preset.name, preset.explanation, preset.weight);
  for (const event::PresetEvent& one : expansion.events) {
    std::string line = fmt::format("    {:<36}", one.tracepoint.display());
    if (!one.by.empty()) line += " by " + joined(one.by);
    if (one.weight != preset.weight) line += ", weight " + one.weight;
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (verbose && !one.filter.empty()) text += "      only with: " + one.filter + "\n";
  }
  std::string missing;
  for (const event::TracepointName& one : expansion.absent) {
    missing += " " + one.category + ":" + one.name;
  }
  if (verbose && !missing.empty()) text += "    not on this kernel:" + missing + "\n";
  return text;
}

nlohmann::ordered_json preset_json(const event::Preset& preset, const event::Expansion& expansion) {
  auto events = nlohmann::ordered_json::array();
  for (const event::PresetEvent& one : expansion.events) {
    events.push_back({{"event", one.tracepoint.display()},
                      {"id", one.tracepoint.id},
                      {"by", one.by},
                      {"weight", one.weight},
                      {"filter", one.filter}});
  }
  auto absent = nlohmann::ordered_json::array();
  for (const event::TracepointName& one : expansion.absent) {
    absent.push_back(one.category + ":" + one.name);
  }
  return {{"preset", preset.name},
          {"explanation", preset.explanation},
          {"weight", preset.weight},
          {"events", std::move(events)},
          {"absent", std::move(absent)}};
}

Result<std::string> list_presets(const event::Tracefs& tracefs, const std::string& glob,
                                 const cli::Options& options) {
  std::string text;
  auto json = nlohmann::ordered_json::array();
  bool any = false;
  for (const event::Preset& preset : event::presets()) {
    if (::fnmatch(glob.c_str(), std::string(preset.name).c_str(), 0) != 0) continue;
    any = true;
    auto expansion = event::expand(preset, tracefs);
    // One that this kernel has nothing of is still explained.
    if (!expansion && expansion.error().code != Errc::Usage)
      return std::unexpected(std::move(expansion).error());
    const event::Expansion found = expansion ? std::move(*expansion) : event::Expansion{};
    text += preset_text(preset, found, options.verbosity > 0);
    json.push_back(preset_json(preset, found));
  }
  if (!any) return event::no_such_preset(glob);
  if (!options.json) return text;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

nlohmann::ordered_json fields_json(const event::Format& format) {
  auto fields = nlohmann::ordered_json::array();
  for (const auto& field : format.fields) {
    fields.push_back({{"name", field.name},
                      {"type", field.type},
                      {"offset", field.offset},
                      {"size", field.size},
                      {"signed", field.is_signed},
                      {"common", field.common}});
  }
  return fields;
}

// `tracefs` may be null where all are raw.
Result<std::string> list_all(const event::Tracefs* tracefs,
                             const std::vector<Tracepoint>& tracepoints,
                             const cli::Options& options) {
  const bool fields = options.verbosity > 0;
  std::size_t width = 0;
  for (const auto& one : tracepoints) width = std::max(width, one.display().size());
  std::string text;
  auto json = nlohmann::ordered_json::array();
  for (const auto& one : tracepoints) {
    event::Format format;
    if (fields) {
      JT_TRY(format, format_of(tracefs, one));
    }
    if (options.json) {
      nlohmann::ordered_json entry{
          {"event", one.display()}, {"category", one.category}, {"name", one.name}};
      // Those of BTF mean nothing elsewhere.
      if (!one.is_raw()) entry["id"] = one.id;
      if (fields) entry["fields"] = fields_json(format);
      json.push_back(std::move(entry));
    } else {
      if (one.is_raw()) {
        text += one.display() + "\n";
      } else {
        fmt::format_to(std::back_inserter(text), "{:<{}}  {:>5}\n", one.display(), width, one.id);
      }
      text += fields_text(format);
    }
  }
  if (!options.json) return text;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<std::string> list_text(const event::Tracefs& tracefs, const cli::Options& options) {
  if (const auto presets = preset_glob(options.glob))
    return list_presets(tracefs, *presets, options);
  JT_TRY(const auto tracepoints, find(tracefs, options.glob));
  return list_all(&tracefs, tracepoints, options);
}

Result<std::string> list_raw_text(const capture::RawTracepoints& raw, const std::string& glob,
                                  const cli::Options& options) {
  JT_TRY(const auto tracepoints, raw.resolve(glob));
  return list_all(nullptr, tracepoints, options);
}

Result<int> run_list(const cli::Options& options) {
  std::string text;
  if (const auto glob = raw_glob(options.glob)) {
    JT_TRY(const auto* raw, capture::RawTracepoints::of_kernel());
    JT_TRY(text, list_raw_text(*raw, *glob, options));
  } else {
    JT_TRY(const auto tracefs, event::Tracefs::open());
    JT_TRY(text, list_text(tracefs, options));
  }
  JT_CHECK_OK(write_standard_output(text));
  return 0;
}

}  // namespace jtrace::session
