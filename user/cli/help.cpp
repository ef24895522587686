// SPDX-License-Identifier: Apache-2.0
#include "cli/option_table.h"
#include "cli/texts.h"

namespace jtrace::cli {
namespace {

constexpr std::string_view kHead =
    "jtrace - whole Java and native stacks at any kernel tracepoint\n"
    "\n";

constexpr std::string_view kTail =
    "\n"
    "Examples:\n"
    "  sudo jtrace -t syscalls:sys_enter_openat -p 1234\n"
    "  sudo jtrace -t 'sched:sched_sw*' -p 1234 -d 30s -f out.html -f out.collapsed\n"
    "  sudo jtrace -t syscalls:sys_exit_openat --filter 'errno == ENOENT' -p 1234\n"
    "  sudo jtrace -t syscalls:sys_enter_openat -- java -jar app.jar\n"
    "  sudo jtrace list 'syscalls:*open*'\n"
    "\n"
    "Names of -f expand %p process (of several: a file for each), %t time, %h host, %n{MAX}\n"
    "number, %{NAME} environment.\n"
    "Option, else environment JTRACE_MAX_DEPTH, else /etc/jtrace/config.toml: max-depth = 64.\n"
    "\n"
    "Exit status: 0 done, 1 internal, BPF or output failure, 2 usage (an event that does not\n"
    "exist included), 3 host or permission, 4 target not found, gone or not traceable,\n"
    "5 lossy under --strict, 6 no events under --expect-events; else that of COMMAND.\n"
    "Ctrl-C ends the tracing, writes the output and is 0; a second one abandons it: 130.\n";

// "-t,--tracepoint" and "EVENT" to "  -t, --tracepoint EVENT".
std::string left_column(const Row& row) {
  std::string text = row.names.starts_with("--") ? "      " : "  ";
  for (const char c : row.names) text += c == ',' ? std::string(", ") : std::string(1, c);
  if (!row.is_flag()) text.append(" ").append(row.value);
  return text;
}

}  // namespace

std::string help_text(std::string_view formats) {
  constexpr std::size_t kColumn = 30;
  std::string text(kHead);
  for (const Command& command : command_table()) {
    text.append(command.bit == kTrace ? "Usage: jtrace " : "       jtrace ").append(command.name);
    text.append(command.name.empty() ? "" : " ").append(command.synopsis).append("\n");
  }
  std::string_view group;
  for (const Row& row : option_table()) {
    if (row.group != group) text.append("\n").append(row.group).append(":\n");
    group = row.group;
    std::string left = left_column(row);
    if (left.size() + 2 > kColumn) {
      text.append(left).append("\n");
      left.clear();
    }
    left.resize(kColumn, ' ');
    text.append(left).append(row.text);
    if (row.values == &Words::output && !formats.empty()) text.append(": ").append(formats);
    text.append("\n");
  }
  return text.append(kTail);
}

std::string version_text() { return "jtrace " JTRACE_VERSION "\n"; }

}  // namespace jtrace::cli
