// SPDX-License-Identifier: Apache-2.0
#include "cli/words.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>

#include "base/near_names.h"
#include "base/redacted.h"

namespace jtrace::cli {
namespace {

std::string form_of(const Command& command) {
  if (command.bit == kTrace) return kForm;
  return "jtrace " + std::string(command.name) + " " + std::string(command.synopsis);
}

std::unexpected<Error> missing_value(const Row& row) {
  if (row.values == &Words::tracepoint) {
    return usage("-t needs an event; did you mean --threads?",
                 "an event is CATEGORY:NAME, e.g. syscalls:sys_enter_openat");
  }
  return usage(std::string(row.first_name()) + " needs a value: " + std::string(row.value));
}

// CLI11 gives the first word after an option to it even where that word is an option itself, so
// that `-t -p 1234` would trace the event "-p".
Status check_values(const Words& words) {
  for (const Row& row : option_table()) {
    if (row.is_flag()) continue;
    for (const std::string& value : (words.*row.values).texts) {
      const bool option = value.size() > 1 && value[0] == '-' && (value[1] < '0' || value[1] > '9');
      if (value.empty() || option) return missing_value(row);
    }
  }
  return {};
}

std::unexpected<Error> unknown_option(const Command& command, std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  if (find_option(name) != nullptr) {
    return usage(std::string(name) + " is not an option of jtrace " + std::string(command.name),
                 form_of(command));
  }
  std::vector<std::string> names;
  for (const Row& row : option_table()) {
    if ((row.commands & command.bit) == 0) continue;
    for (const std::string_view known : row.all_names()) names.emplace_back(known);
  }
  std::string hint = name.starts_with("--") ? did_you_mean(near_names(name, names, 1)) : "";
  return usage("unknown option '" + shown(name) + "'", hint.empty() ? kSeeHelp : std::move(hint));
}

bool is_pid(std::string_view word) {
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc{} && stop == word.data() + word.size() && value >= 1 &&
         value <= kLargestPid;
}

// A word that neither an option took nor the form has a place for.
std::unexpected<Error> unexpected_word(const Command& command, const std::string& word) {
  if (word.size() > 1 && word[0] == '-') return unknown_option(command, word);
  const std::string message = "unexpected argument '" + shown(word) + "'";
  if (command.bit != kTrace) return usage(message, form_of(command));
  if (is_pid(word)) return usage(message + "; did you mean -p " + word + "?");
  std::vector<std::string> names;
  for (const Command& known : command_table()) {
    if (known.name.empty()) continue;
    if (known.name == word) return usage(message, "a command comes first: jtrace " + word);
    names.emplace_back(known.name);
  }
  const std::string hint = did_you_mean(near_names(word, names, 1));
  return usage(message, hint.empty() ? form_of(command) : hint);
}

std::unexpected<Error> explain(const CLI::Error& error) {
  const std::string text = error.what();
  // CLI11 names the option before the first colon: "--pid: 1 required PID missing".
  const Row* row = find_option(text.substr(0, text.find(':')));
  if (row != nullptr && !row->is_flag()) return missing_value(*row);
  return usage(shown(text));
}

void add_rows(CLI::App& app, const Command& command, Words& words) {
  for (const Row& row : option_table()) {
    if ((row.commands & command.bit) == 0) continue;
    const std::string names(row.names);
    std::vector<std::string>& texts = (words.*row.values).texts;
    if (row.is_flag()) {
      app.add_flag(names, texts);
    } else {
      app.add_option(names, texts)->allow_extra_args(false);
    }
  }
}

// Which -t an option belongs to that can be given for each.
void note_order(const CLI::App& app, Words& words) {
  std::size_t events = 0;
  for (const CLI::Option* option : app.parse_order()) {
    const Row* row = find_option("--" + option->get_lnames().front());
    if (row == nullptr) continue;
    if (row->values == &Words::tracepoint) ++events;
    if (row->of_event) (words.*row->values).events_before.push_back(events);
  }
}

// Sorts what no option took: as many words as the form has places, anything else is wrong.
Status place_rest(const Command& command, const std::vector<std::string>& rest, Words& words) {
  const std::size_t least = command.bit == kConvert ? 1 : command.bit == kDiff ? 2 : 0;
  const std::size_t most = command.bit == kList ? 1 : least;
  for (const std::string& word : rest) {
    const bool option = word.size() > 1 && word[0] == '-';
    if (option || words.rest.size() == most) return unexpected_word(command, word);
    if (word.empty()) return usage("an argument is empty", form_of(command));
    words.rest.push_back(word);
  }
  if (words.rest.size() < least) {
    return usage("jtrace " + std::string(command.name) +
                     (least == 1 ? " needs a profile to read" : " needs two profiles to compare"),
                 form_of(command));
  }
  return {};
}

}  // namespace

std::unexpected<Error> usage(std::string message, std::string hint) {
  return fail(Errc::Usage, std::move(message), std::move(hint));
}

std::string shown(std::string_view word) {
  constexpr std::size_t kLongest = 80;
  // Wherever it stands, a URL may have a password in it.
  const std::string url = word.find("://") != word.npos ? redacted_url(word) : "";
  if (!url.empty()) word = url;
  std::string text(word.substr(0, kLongest));
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  if (word.size() > kLongest) text += "...";
  return text;
}

std::string quoted(std::string_view label, std::string_view value) {
  return std::string(label) + " '" + shown(value) + "': ";
}

const Command& command_of(int argc, const char* const* argv) {
  const auto commands = command_table();
  const std::string_view word = argc > 1 ? argv[1] : "";
  const auto found = std::ranges::find(commands, word, &Command::name);
  return found == commands.end() ? commands.front() : *found;
}

namespace {

// What stands behind "--" is a command with options of its own: CLI11 never sees it.
Status take_command(const Command& command, int& argc, const char* const* argv, Words& words) {
  const char* const* end = argv + argc;
  const char* const* dashes =
      std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
  if (dashes == end) return {};
  if (command.bit != kTrace) return usage("unexpected argument '--'", form_of(command));
  words.command.assign(dashes + 1, end);
  if (words.command.empty() || words.command.front().empty()) {
    return usage("-- needs a command", kForm);
  }
  argc = static_cast<int>(dashes - argv);
  return {};
}

}  // namespace

Result<Words> read_words(const Command& command, int argc, const char* const* argv) {
  Words words;
  if (argc < 1) return words;  // CLI11 reads argv[0] unasked; exec may pass an empty argv
  JT_CHECK_OK(take_command(command, argc, argv, words));
  const int skipped = command.name.empty() ? 0 : 1;
  try {
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    add_rows(app, command, words);
    app.parse(argc - skipped, argv + skipped);
    JT_CHECK_OK(check_values(words));
    note_order(app, words);
    for (const Row& row : option_table()) {
      Values& values = words.*row.values;
      if (!values.given()) continue;
      values.origin = Origin::CommandLine;
      values.label = row.first_name();
    }
    if (words.help.given() || words.version.given()) return words;
    JT_CHECK_OK(place_rest(command, app.remaining(), words));
  } catch (const CLI::Error& error) {
    return explain(error);
  }
  return words;
}

Result<bool> read_flag(const Values& values, bool fallback) {
  static constexpr std::array<std::string_view, 4> kYes{"true", "yes", "on", "1"};
  static constexpr std::array<std::string_view, 4> kNo{"false", "no", "off", "0"};
  if (!values.given()) return fallback;
  if (std::ranges::find(kYes, values.last()) != kYes.end()) return true;
  if (std::ranges::find(kNo, values.last()) != kNo.end()) return false;
  return usage(quoted(values.label, values.last()) + "neither true nor false");
}

}  // namespace jtrace::cli
