// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/option_table.h"
#include "cli/texts.h"

namespace jtrace::cli {
namespace {

// Text as troff sees it: a '-' that can be copied and searched for, no escape, no request.
std::string roff(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out = "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out += c;
    }
  }
  return out;
}

std::string option_entry(const Row& row, std::string_view formats) {
  std::string names;
  for (const std::string_view name : row.all_names()) {
    names += (names.empty() ? "\\fB" : ", \\fB") + roff(name) + "\\fR";
  }
  if (!row.is_flag()) names += " \\fI" + roff(row.value) + "\\fR";
  std::string text = roff(row.text);
  if (row.values == &Words::output && !formats.empty()) text += ": " + roff(formats);
  return fmt::format(".TP\n{}\n{}.\n", names, text);
}

std::string synopsis() {
  std::string text;
  for (const Command& command : command_table()) {
    text += text.empty() ? "" : ".br\n";
    text += "\\fBjtrace" + (command.name.empty() ? "" : " " + std::string(command.name)) + "\\fR " +
            roff(command.synopsis) + "\n";
  }
  return text;
}

std::string commands() {
  std::string text;
  for (const Command& command : command_table()) {
    if (command.name.empty()) continue;
    text += fmt::format(".TP\n\\fBjtrace {}\\fR\n{}.\n", command.name, roff(command.text));
  }
  return text;
}

std::string options(std::string_view formats) {
  std::string text;
  std::string_view group;
  for (const Row& row : option_table()) {
    if (row.group != group) text += fmt::format(".SS {}\n", roff(row.group));
    group = row.group;
    text += option_entry(row, formats);
  }
  return text;
}

constexpr std::string_view kDescription =
    ".SH DESCRIPTION\n"
    "At each hit of a kernel tracepoint in the processes named, \\fBjtrace\\fR takes the whole "
    "stack,\n"
    "Java and native frames together, from outside: nothing is loaded into the process, and it\n"
    "needs no frame pointers and no restart.\n"
    "It traces until Ctrl\\-C, the duration or the end of the processes, then writes the profile,\n"
    "by default the flame graph\n"
    ".IR jtrace\\-COMM\\-PID\\-TIME.html ,\n"
    "and prints a ledger in which every event is accounted for.\n"
    ".SH COMMANDS\n";

constexpr std::string_view kTargets =
    ".SH TARGETS\n"
    "\\fB\\-\\-comm\\fR, \\fB\\-\\-cgroup\\fR, \\fB\\-\\-container\\fR and \\fB\\-\\-tid\\fR "
    "narrow each other and \\fB\\-p\\fR; several\n"
    "of one kind add up. \\fICOMMAND\\fR alone is traced with its children from the return of its "
    "exec on,\n"
    "and the trace ends when it does. Beside \\fB\\-p\\fR or another of these it only sets the\n"
    "duration. It runs as the caller; Ctrl\\-C reaches it, too.\n";

constexpr std::string_view kFilters =
    ".SH FILTERS\n"
    "\\fB\\-\\-filter\\fR is of the \\fB\\-t\\fR before it; before the first one, of all. It is "
    "the "
    "kernel\\(aqs own\n"
    "filter language and some more: comparisons \\fIFIELD OPERATOR CONSTANT\\fR, joined by\n"
    "\\fB&&\\fR, \\fB||\\fR, \\fB!\\fR and parentheses. Numbers: \\fB== != < <= > >=\\fR, "
    "\\fB&\\fR for any bit,\n"
    "\\fB(\\fIFIELD\\fB & \\fIMASK\\fB) == \\fINUMBER\\fR; constants by name, O_CREAT or ENOENT. "
    "Strings, in quotes:\n"
    "\\fB== !=\\fR, and \\fB~ !~\\fR for globs. Fields are the event\\(aqs own "
    "(\\fBjtrace list \\-v\\fR), and comm, tid,\n"
    "tgid, uid, cgroup, cpu; where a system call ends, ret and errno.\n";

constexpr std::string_view kNames =
    ".SH NAMES OF OUTPUT FILES\n"
    "In the file names of \\fB\\-f\\fR, \\fB%p\\fR is the process, \\fB%t\\fR the local time,\n"
    "\\fB%h\\fR the host, \\fB%n\\fR or \\fB%n{\\fIMAX\\fB}\\fR a number,\n"
    "\\fB%{\\fINAME\\fB}\\fR an environment variable and \\fB%%\\fR a percent sign.\n"
    "Where several processes are traced, \\fB%p\\fR gives each a file of its own: the 64 that "
    "have\n"
    "most, and one called \\fBrest\\fR for all others.\n"
    ".SH EXIT STATUS\n";

struct ExitStatus {
  std::string_view number;
  std::string_view text;
};

constexpr ExitStatus kExits[] = {
    {"0", "done; also after Ctrl-C, which ends the tracing and writes the output"},
    {"1", "internal, BPF or output failure"},
    {"2", "usage, an event that does not exist included"},
    {"3", "host or permission"},
    {"4", "target not found, gone or not traceable"},
    {"5", "something was lost or is incomplete, under --strict"},
    {"6", "no events, under --expect-events"},
    {"126, 127", "COMMAND cannot be executed, there is none; what it ends with is the status else"},
    {"130", "abandoned by a second Ctrl-C"},
};

std::string environment() {
  std::string text =
      ".SH ENVIRONMENT\n"
      "An option that is not on the command line is taken from the environment. An empty variable\n"
      "counts as unset. Variables are ignored where \\fBjtrace\\fR runs set\\-uid or with file\n"
      "capabilities.\n"
      ".PP\n";
  for (const Row& row : option_table()) {
    if (row.configurable()) text += fmt::format("\\fB{}\\fR\n.br\n", row.variable());
  }
  text +=
      ".TP\n\\fBNO_COLOR\\fR\nno escape codes on a terminal.\n"
      ".SH FILES\n"
      ".TP\n\\fI/etc/jtrace/config.toml\\fR\n"
      "Options that neither the command line nor the environment has, one \\fIKEY\\fR = "
      "\\fIVALUE\\fR\n"
      "a line. The key is the long name of the option. A text stands in quotes, a flag is true or\n"
      "false, and what may be repeated can be an array:\n"
      ".IP\n.nf\n# a comment\nmax\\-depth = 64\ncstack = \"fp\"\nthreads = true\n"
      "exclude = [\"*Idle*\", \"*park*\"]\n.fi\n"
      ".IP\n\\fBjtrace \\-\\-print\\-config\\fR shows what is in force, as such a file.\n"
      ".TP\n\\fI/etc/jtrace/service.toml\\fR\n"
      "The same for the service that the package installs, which is started with "
      "\\fB\\-\\-config\\fR.\n";
  return text;
}

constexpr std::string_view kTail =
    ".SH RIGHTS\n"
    "Root, or CAP_BPF and CAP_PERFMON; CAP_DAC_READ_SEARCH for tracefs, which names events;\n"
    "CAP_SYS_PTRACE for other users\\(aq processes. \\fBjtrace doctor\\fR says what is missing.\n"
    "Once attached, \\fBjtrace\\fR keeps only what reading targets takes: root becomes nobody, and "
    "a\n"
    "process made before writes the files. Installed for a group, with file capabilities, it lets\n"
    "members trace their own processes.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "sudo jtrace \\-t syscalls:sys_enter_openat \\-p 1234\n"
    "sudo jtrace \\-t \\(aqsched:sched_sw*\\(aq \\-p 1234 \\-d 30s \\-f out.html \\-f "
    "out.collapsed\n"
    "sudo jtrace \\-t syscalls:sys_exit_openat \\-\\-filter \\(aqerrno == ENOENT\\(aq \\-p 1234\n"
    "sudo jtrace list \\(aqsyscalls:*open*\\(aq\n"
    "jtrace diff before.pb.gz after.pb.gz \\-f difference.html\n"
    ".fi\n"
    ".SH SEE ALSO\n"
    ".BR perf\\-record (1),\n"
    ".BR bpftrace (8),\n"
    ".BR perf_event_open (2)\n";

}  // namespace

std::string man_page(std::string_view formats) {
  std::string text = fmt::format(
      ".TH JTRACE 8 \"\" \"jtrace {}\" \"System Administration\"\n"
      ".SH NAME\n"
      "jtrace \\- whole Java and native stacks at any kernel tracepoint\n"
      ".SH SYNOPSIS\n",
      JTRACE_VERSION);
  text.append(synopsis()).append(kDescription).append(commands());
  text.append(".SH OPTIONS\n")
      .append(options(formats))
      .append(kTargets)
      .append(kFilters)
      .append(kNames);
  for (const auto& [number, meaning] : kExits) {
    text += fmt::format(".TP\n\\fB{}\\fR\n{}.\n", number, roff(meaning));
  }
  return text.append(environment()).append(kTail);
}

}  // namespace jtrace::cli
