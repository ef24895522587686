// SPDX-License-Identifier: Apache-2.0
#include "session/list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "event/format.h"
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
  if (format.skipped != 0) text += fmt::format("    ({} fields not understood)\n", format.skipped);
  return text;
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

}  // namespace

Result<std::string> list_text(const event::Tracefs& tracefs, const cli::Options& options) {
  JT_TRY(const auto tracepoints, find(tracefs, options.glob));
  const bool fields = options.verbosity > 0;
  std::size_t width = 0;
  for (const auto& one : tracepoints) width = std::max(width, one.display().size());
  std::string text;
  auto json = nlohmann::ordered_json::array();
  for (const auto& one : tracepoints) {
    event::Format format;
    if (fields) {
      JT_TRY(format, event::read_format(tracefs, one));
    }
    if (options.json) {
      nlohmann::ordered_json entry{
          {"event", one.display()}, {"category", one.category}, {"name", one.name}, {"id", one.id}};
      if (fields) entry["fields"] = fields_json(format);
      json.push_back(std::move(entry));
    } else {
      fmt::format_to(std::back_inserter(text), "{:<{}}  {:>5}\n", one.display(), width, one.id);
      text += fields_text(format);
    }
  }
  if (!options.json) return text;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<int> run_list(const cli::Options& options) {
  JT_TRY(const auto tracefs, event::Tracefs::open());
  JT_TRY(const std::string text, list_text(tracefs, options));
  JT_CHECK_OK(write_standard_output(text));
  return 0;
}

}  // namespace jtrace::session
