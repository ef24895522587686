// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/option_table.h"
#include "cli/texts.h"

namespace jtrace::cli {
namespace {

// "-j|--max-depth": a pattern of bash's case.
std::string pattern(const Row& row) {
  std::string text;
  for (const std::string_view name : row.all_names()) {
    text.append(text.empty() ? "" : "|").append(name);
  }
  return text;
}

std::string blanks(std::string_view list, char separator) {
  std::string text;
  for (std::string_view word : split(list, separator)) {
    while (word.starts_with(' ')) word.remove_prefix(1);
    text.append(text.empty() ? "" : " ").append(word);
  }
  return text;
}

// What completes the value of an option, as bash; nothing for free text.
std::string completer(const Row& row, std::string_view formats) {
  if (row.values == &Words::tracepoint) return "_jtrace_events";
  if (row.values == &Words::pid) return "_jtrace_pids";
  if (row.value == "FILE") return "_jtrace_files";
  const std::string words =
      row.values == &Words::output ? blanks(formats, ',') : blanks(row.choices, '|');
  return words.empty() ? ":" : fmt::format("_jtrace_words '{}'", words);
}

std::string value_cases(std::string_view formats) {
  std::string text;
  for (const Row& row : option_table()) {
    if (row.is_flag()) continue;
    text += fmt::format("    {}) {} ;;\n", pattern(row), completer(row, formats));
  }
  return text;
}

std::string option_cases() {
  std::string text;
  for (const Command& command : command_table()) {
    if (command.name.empty()) continue;
    std::string names;
    for (const Row& row : option_table()) {
      if ((row.commands & command.bit) != 0) names += " " + blanks(row.names, ',');
    }
    text += fmt::format("    {}) _jtrace_words '{}' ;;\n", command.name, names.substr(1));
  }
  std::string names;
  for (const Row& row : option_table()) {
    if ((row.commands & kTrace) != 0) names += " " + blanks(row.names, ',');
  }
  return text + fmt::format("    *) _jtrace_words '{}' ;;\n", names.substr(1));
}

std::string command_names() {
  std::string text;
  for (const Command& command : command_table()) {
    if (!command.name.empty()) text.append(text.empty() ? "" : " ").append(command.name);
  }
  return text;
}

constexpr std::string_view kHelpers =
    R"sh(# The word under the cursor, from the line itself: bash splits words at ':' and '='.
_jtrace_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

_jtrace_files() {
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  compopt -o filenames 2>/dev/null
}

_jtrace_pids() {
  local list=(/proc/[0-9]*)
  _jtrace_words "${list[*]#/proc/}"
}

# Names of tracepoints are the words of `jtrace list` that have a ':'. Lists of -t have commas.
_jtrace_events() {
  local before='' line word
  [[ $cur == *,* ]] && before=${cur%,*},
  while read -r line; do
    for word in $line; do
      [[ $word == ?*:?* && $before$word == "$cur"* ]] && COMPREPLY+=("$before$word") && break
    done
  done < <("$program" list "${cur##*,}*" 2>/dev/null)
  compopt -o nospace 2>/dev/null
}
)sh";

constexpr std::string_view kMain = R"sh(
_jtrace() {
  local program=$1 line=${COMP_LINE:0:COMP_POINT} cur previous command words
  COMPREPLY=()
  cur=${line##*[[:space:]]}
  cur=${cur#[\'\"]}
  read -ra words <<<"${line%"${line##*[[:space:]]}"}"
  previous=${words[-1]}
  command=${words[1]:-}
  if [[ $cur == --*=* ]]; then
    previous=${cur%%=*}
    cur=${cur#*=}
  fi
  _jtrace_complete
  # bash replaces only what follows the last ':' that it split the word at.
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${cur%:*}:"}")
  fi
}

complete -F _jtrace jtrace
)sh";

}  // namespace

std::string bash_completion(std::string_view formats) {
  std::string text = "# SPDX-License-Identifier: Apache-2.0\n# bash completion of jtrace\n\n";
  text.append(kHelpers);
  text += fmt::format(
      "\n_jtrace_complete() {{\n"
      "  case $previous in\n{0}"
      "    *) _jtrace_word ;;\n"
      "  esac\n"
      "}}\n"
      "\n_jtrace_word() {{\n"
      "  if [[ $cur != -* ]]; then\n"
      "    if ((${{#words[@]}} == 1)); then\n"
      "      _jtrace_words '{1}'\n"
      "    else\n"
      "      case $command in\n"
      "        list) _jtrace_events ;;\n"
      "        convert | diff) _jtrace_files ;;\n"
      "      esac\n"
      "    fi\n"
      "    return\n"
      "  fi\n"
      "  case $command in\n{2}"
      "  esac\n"
      "}}\n",
      value_cases(formats), command_names(), option_cases());
  return text.append(kMain);
}

}  // namespace jtrace::cli
