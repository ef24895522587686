// SPDX-License-Identifier: Apache-2.0
// Completion for zsh and fish; that for bash is in completion.cpp.
#include <fmt/format.h>

#include "cli/option_table.h"
#include "cli/texts.h"

namespace jtrace::cli {
namespace {

enum class Completes { Nothing, Words, Events, Processes, Files };

Completes kind_of(const Row& row) {
  if (row.values == &Words::tracepoint) return Completes::Events;
  if (row.values == &Words::pid) return Completes::Processes;
  if (row.value == "FILE") return Completes::Files;
  return row.values == &Words::output || !row.choices.empty() ? Completes::Words
                                                              : Completes::Nothing;
}

// The words of a value, with blanks between.
std::string words_of(const Row& row, std::string_view formats) {
  const bool format = row.values == &Words::output;
  std::string text;
  for (std::string_view word : format ? split(formats, ',') : split(row.choices, '|')) {
    while (word.starts_with(' ')) word.remove_prefix(1);
    text.append(text.empty() ? "" : " ").append(word);
  }
  return text;
}

// In single quotes of either shell, where `special` have a backslash before them.
std::string quoted_text(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_action(const Row& row, std::string_view formats) {
  switch (kind_of(row)) {
    case Completes::Events:
      return "_jtrace_events";
    case Completes::Processes:
      return "_pids";
    case Completes::Files:
      return "_files";
    case Completes::Words:
      return "(" + words_of(row, formats) + ")";
    case Completes::Nothing:
      break;
  }
  return " ";
}

// One element of the array that _arguments takes, for each name of an option.
std::string zsh_options(unsigned command, std::string_view formats) {
  std::string text;
  for (const Row& row : option_table()) {
    if ((row.commands & command) == 0) continue;
    for (const std::string_view name : row.all_names()) {
      const bool joins = !row.is_flag() && name.starts_with("--");
      text +=
          fmt::format("        '*{}{}[{}]", name, joins ? "=" : "", quoted_text(row.text, "[]:\\"));
      if (!row.is_flag()) {
        text += fmt::format(":{}:{}", quoted_text(row.value, "[]:\\"), zsh_action(row, formats));
      }
      text += "'\n";
    }
  }
  return text;
}

// What stands where no option does.
std::string_view zsh_rest(std::string_view command) {
  if (command == "list") return "_jtrace_events";
  return command == "convert" || command == "diff" ? "_files" : " ";
}

constexpr std::string_view kZshHead =
    R"sh(#compdef jtrace
# SPDX-License-Identifier: Apache-2.0
# zsh completion of jtrace

# Names of tracepoints are the words of `jtrace list` that have a ':'. Lists of -t have commas.
_jtrace_events() {
  local -a names
  compset -P '*,'
  names=(${(M)${=${(f)"$(_call_program events ${(q)words[1]} list ${(q)PREFIX}\\*)"}}:#?*:?*})
  compadd -S '' -a names
}

_jtrace() {
  local -a options commands
)sh";

constexpr std::string_view kZshTail = R"sh(  if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
    _describe command commands
  else
    _arguments -s -S $options
  fi
}

_jtrace "$@"
)sh";

std::string fish_condition(unsigned commands) {
  if (commands == kEvery) return {};
  std::string names;
  std::string others;
  for (const Command& command : command_table()) {
    if (command.name.empty()) continue;
    others.append(" ").append(command.name);
    if ((commands & command.bit) != 0) names.append(" ").append(command.name);
  }
  std::string text = (commands & kTrace) != 0 ? "not __fish_seen_subcommand_from" + others : "";
  if (!names.empty()) {
    text.append(text.empty() ? "" : "; or ").append("__fish_seen_subcommand_from").append(names);
  }
  return " -n '" + text + "'";
}

std::string fish_value(const Row& row, std::string_view formats) {
  switch (kind_of(row)) {
    case Completes::Events:
      return " -x -a '(__jtrace_events)'";
    case Completes::Processes:
      return " -x -a '(__fish_complete_pids)'";
    case Completes::Files:
      return " -r -F";
    case Completes::Words:
      return " -x -a '" + words_of(row, formats) + "'";
    case Completes::Nothing:
      break;
  }
  return " -x";
}

}  // namespace

std::string zsh_completion(std::string_view formats) {
  std::string text(kZshHead);
  text += "  commands=(\n";
  for (const Command& command : command_table()) {
    if (command.name.empty()) continue;
    text += fmt::format("    '{}:{}'\n", command.name, quoted_text(command.text, ":\\"));
  }
  text += "  )\n  case $words[2] in\n";
  const auto one = [&](const Command& command) {
    const std::string_view name = command.name.empty() ? "*" : command.name;
    text += fmt::format("    {})\n      options=(\n{}", name, zsh_options(command.bit, formats));
    text += command.name.empty()
                ? "        '*:::command:_normal'\n"
                : fmt::format("        '1:command:({})'\n        '*:argument:{}'\n", command.name,
                              zsh_rest(command.name));
    text += "      ) ;;\n";
  };
  for (const Command& command : command_table()) {
    if (!command.name.empty()) one(command);
  }
  one(command_table().front());
  return text.append("  esac\n").append(kZshTail);
}

std::string fish_completion(std::string_view formats) {
  std::string text =
      "# SPDX-License-Identifier: Apache-2.0\n# fish completion of jtrace\n\n"
      "function __jtrace_events\n"
      "    set -l token (string split -r -m1 , -- (commandline -ct))\n"
      "    set -l before ''\n"
      "    test (count $token) -gt 1; and set before $token[1],\n"
      "    for word in (string split -n ' ' -- (jtrace list \"$token[-1]*\" 2>/dev/null))\n"
      "        string match -q '*?:?*' -- $word; and echo $before$word\n"
      "    end\n"
      "end\n\n"
      "complete -c jtrace -f\n";
  for (const Command& command : command_table()) {
    if (command.name.empty()) continue;
    text += fmt::format("complete -c jtrace -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                        quoted_text(command.text, "\\"));
  }
  text +=
      "complete -c jtrace -n '__fish_seen_subcommand_from list' -a '(__jtrace_events)'\n"
      "complete -c jtrace -n '__fish_seen_subcommand_from convert diff' -F\n";
  for (const Row& row : option_table()) {
    text += "complete -c jtrace" + fish_condition(row.commands);
    for (const std::string_view name : row.all_names()) {
      const bool is_long = name.starts_with("--");
      text.append(is_long ? " -l " : " -s ").append(name.substr(is_long ? 2 : 1));
    }
    if (!row.is_flag()) text += fish_value(row, formats);
    text += fmt::format(" -d '{}'\n", quoted_text(row.text, "\\"));
  }
  return text;
}

}  // namespace jtrace::cli
