// SPDX-License-Identifier: Apache-2.0
#include "cli/configuration.h"

#include <fmt/format.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/near_names.h"
#include "base/redacted.h"
#include "cli/config_file.h"
#include "cli/words.h"

namespace jtrace::cli {
namespace {

constexpr std::size_t kLargestFile = 64 * 1024;

std::unexpected<Error> unknown_key(const std::string& place, const std::string& key) {
  std::vector<std::string> keys;
  for (const Row& row : option_table()) {
    if (row.configurable()) keys.emplace_back(row.key());
  }
  return usage(fmt::format("{}unknown key '{}'", place, shown(key)),
               did_you_mean(near_names(key, keys)));
}

Status check_kind(const Row& row, const ConfigEntry& entry, const std::string& label) {
  using Kind = ConfigEntry::Kind;
  if (row.is_flag()) {
    return entry.kind == Kind::Boolean ? Status{} : usage(label + " is true or false");
  }
  if (entry.kind == Kind::Boolean)
    return usage(label + " needs a value: " + std::string(row.value));
  if (entry.kind == Kind::Array && row.use != Use::Many) return usage(label + " takes one value");
  for (const std::string& value : entry.values) {
    if (value.empty()) return usage(label + " needs a value: " + std::string(row.value));
  }
  return {};
}

Status add_entry(const Command& command, const std::string& file, ConfigEntry& entry,
                 Words& words) {
  const std::string place = fmt::format("{}:{}: ", file, entry.line);
  const Row* row = find_key(entry.key);
  if (row == nullptr) return unknown_key(place, entry.key);
  std::string label = place + entry.key;
  JT_CHECK_OK(check_kind(*row, entry, label));
  Values& values = words.*row->values;
  if (values.given() || (row->commands & command.bit) == 0) return {};
  values = {std::move(entry.values), Origin::File, std::move(label), {}};
  return {};
}

// Every line is checked, also where the command line or the environment overrides it.
Status add_file(const Command& command, const Sources& sources, Words& words) {
  const std::string file = file_of(sources);
  if (file.empty()) return {};
  auto text = read_file(file, kLargestFile);
  if (!text && sources.asked_for) return usage("--config: " + text.error().message);
  if (!text) return std::unexpected(std::move(text).error());
  JT_TRY(auto entries, parse_config(*text, file));
  Failures wrong;
  for (ConfigEntry& entry : entries) wrong.add(add_entry(command, file, entry, words));
  return wrong.status();
}

void add_environment(const Command& command, const Sources& sources, Words& words) {
  if (!sources.environment) return;
  for (const Row& row : option_table()) {
    Values& values = words.*row.values;
    if (values.given() || !row.configurable() || (row.commands & command.bit) == 0) continue;
    std::string variable = row.variable();
    const char* text = sources.environment(variable.c_str());
    // An empty variable is how a shell script leaves one unset.
    if (text == nullptr || *text == 0) continue;
    values = {{text}, Origin::Environment, std::move(variable), {}};
  }
}

// Words like any others, so that what is in force is what --print-config shows.
Status add_defaults_of_windows(const Sources& sources, Words& words) {
  JT_TRY(const bool continuous, read_flag(words.continuous, words.loop.given()));
  if (!continuous && !sources.in_windows) return {};
  for (const Row& row : option_table()) {
    Values& values = words.*row.values;
    // Given, it would mean --continuous.
    if (!continuous && row.values == &Words::loop) continue;
    if (values.given() || row.in_windows.empty()) continue;
    values = {{std::string(row.in_windows)}, Origin::Default, std::string(row.first_name()), {}};
  }
  return {};
}

std::string value_text(const Row& row, const Values& values) {
  const auto one = [&row](std::string_view text) {
    const bool number = text.find_first_not_of("0123456789") == std::string_view::npos &&
                        (text.size() == 1 || text.front() != '0');
    if (row.value == "URL") return toml_string(redacted_url(text));
    return row.is_flag() || number ? std::string(text) : toml_string(text);
  };
  if (!values.given()) return row.is_flag() ? std::string(row.fallback) : one(row.fallback);
  if (row.is_flag()) return read_flag(values).value_or(false) ? "true" : "false";
  if (row.use != Use::Many) return one(values.last());
  std::string list;
  for (const std::string& text : values.texts) {
    list.append(list.empty() ? "[" : ", ").append(toml_string(text));
  }
  return list + "]";
}

std::string place_text(const Values& values) {
  switch (values.origin) {
    case Origin::Default:
      return values.given() ? "default with --continuous" : "default";
    case Origin::File:
      return values.label.substr(0, values.label.rfind(": "));
    case Origin::Environment:
    case Origin::CommandLine:
      return values.label;
  }
  return {};
}

// The place, and what the line says less than that.
std::string origin_text(const Row& row, const Values& values, std::size_t events) {
  std::string text = place_text(values);
  if (!values.given()) return text;
  if (row.value == "URL" && redacted_url(values.last()) != values.last()) {
    text += ", without its query, which may be secret";
  }
  const auto after = [](std::size_t before) { return before != 0; };
  if (events > 1 && std::ranges::any_of(values.events_before, after)) {
    text += ", there of the -t before it, here of all";
  }
  return text;
}

}  // namespace

Sources Sources::of_process() {
  Sources sources;
  // Set-uid or with file capabilities, jtrace has rights that its caller has not. The command line
  // is what such an installation allows; a variable that some parent left behind is not.
  if (::getauxval(AT_SECURE) == 0) {
    sources.environment = [](const char* name) -> const char* { return std::getenv(name); };
  }
  sources.file = "/etc/jtrace/config.toml";
  return sources;
}

std::string file_of(const Sources& sources) {
  std::error_code missing;
  const bool there = sources.asked_for ||
                     (!sources.file.empty() && std::filesystem::exists(sources.file, missing));
  return there ? sources.file : std::string();
}

std::vector<std::vector<std::string>> settings_of(const Words& words) {
  std::vector<std::vector<std::string>> settings;
  for (const Row& row : option_table()) {
    const Values& values = words.*row.values;
    auto& texts = settings.emplace_back();
    if (!row.configurable()) continue;
    if (!values.given()) {
      // A default that is written down is the same.
      if (!row.fallback.empty()) texts.emplace_back(row.fallback);
    } else if (row.use == Use::Many) {
      texts = values.texts;
    } else if (row.is_flag()) {
      texts.emplace_back(read_flag(values).value_or(false) ? "true" : "false");
    } else {
      texts.push_back(values.last());
    }
  }
  return settings;
}

std::vector<std::string_view> changed_options(const Options& before, const Options& now) {
  std::vector<std::string_view> names;
  const auto table = option_table();
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (before.settings.at(i) != now.settings.at(i)) names.push_back(table[i].first_name());
  }
  return names;
}

namespace {

std::size_t place_of(std::string_view option) {
  const auto table = option_table();
  return static_cast<std::size_t>(std::ranges::find(table, option, &Row::first_name) -
                                  table.begin());
}

}  // namespace

void adopt_setting(std::string_view option, const Options& from, Options& to) {
  const std::size_t place = place_of(option);
  to.settings.at(place) = from.settings.at(place);
}

std::string setting_text(std::string_view option, const Options& options) {
  const std::size_t place = place_of(option);
  const Row& row = option_table()[place];
  const auto& texts = options.settings.at(place);
  if (texts.empty()) return fmt::format("{} is not set", row.key());
  return fmt::format("{} = {}", row.key(),
                     value_text(row, {.texts = texts, .origin = {}, .label = {}}));
}

Status add_configuration(const Command& command, const Sources& sources, Words& words) {
  add_environment(command, sources, words);
  JT_CHECK_OK(add_file(command, sources, words));
  return add_defaults_of_windows(sources, words);
}

std::string configuration_text(const Sources& sources, const Words& words) {
  std::error_code missing;
  const bool file = !sources.file.empty() && std::filesystem::exists(sources.file, missing);
  std::string text = fmt::format("# jtrace {}: option, else JTRACE_*, else {}, else default\n",
                                 JTRACE_VERSION, sources.file);
  text += fmt::format("# {}: {}\n", sources.file, file ? "read" : "not there");
  if (!sources.environment) {
    text += "# JTRACE_*: not honoured, jtrace runs set-uid or with file capabilities\n";
  }
  for (const Row& row : option_table()) {
    if (!row.configurable()) continue;
    const Values& values = words.*row.values;
    if (!values.given() && row.fallback.empty()) {
      text += fmt::format("# {} is not set\n", row.key());
      continue;
    }
    text += fmt::format("{:<32}# {}\n", fmt::format("{} = {} ", row.key(), value_text(row, values)),
                        origin_text(row, values, words.tracepoint.texts.size()));
  }
  return text;
}

}  // namespace jtrace::cli
