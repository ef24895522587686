// SPDX-License-Identifier: Apache-2.0
#include "cli/option_table.h"

#include <algorithm>
#include <array>

namespace jtrace::cli {
namespace {

constexpr std::string_view kWhat = "What to trace";
constexpr std::string_view kOutput = "Output";
constexpr std::string_view kStacks = "Stacks";
constexpr std::string_view kGeneral = "General";

constexpr std::array<Row, 15> kTable{{
    {kWhat, "-t,--tracepoint,-e,--event", "EVENT",
     "CATEGORY:NAME, CATEGORY:GLOB or trace:ID; comma lists, repeatable", &Words::tracepoint},
    {kWhat, "-p,--pid", "PID[,PID]", "processes; repeatable", &Words::pid},
    {kWhat, "-d,--duration", "T", "30, 30s, 5m, 1h, 500ms (default: until Ctrl-C or target exit)",
     &Words::duration},
    {kOutput, "-f,--file", "FILE", "its suffix picks the format; - is standard output; repeatable",
     &Words::file},
    {kOutput, "-o,--output", "FORMAT", "force the format", &Words::output},
    {kStacks, "--cstack", "MODE", "auto, dwarf (auto or fail), fp (frame pointers), no (no native)",
     &Words::cstack},
    {kStacks, "--kernel", "auto|yes|no", "kernel frames; auto leaves them out for syscalls:*",
     &Words::kernel},
    {kStacks, "--no-kernel", "", "the same as --kernel no", nullptr, &Words::no_kernel},
    {kStacks, "-j,--max-depth", "N", "keep the N deepest frames, 1 to 2048 (default 2048)",
     &Words::max_depth},
    {kStacks, "--jvm-symbols", "SRC", "auto, vmstructs, perfmap, none", &Words::jvm_symbols},
    {kGeneral, "--count-cost", "", "count what the BPF programs cost", nullptr, &Words::count_cost},
    {kGeneral, "-v,--verbose", "", "say more on standard error", nullptr, &Words::verbose},
    {kGeneral, "-q,--quiet", "", "say nothing but errors", nullptr, &Words::quiet},
    {kGeneral, "-V,--version", "", "print the version", nullptr, &Words::version},
    {kGeneral, "-h,--help", "", "print this text", nullptr, &Words::help},
}};

constexpr std::array<std::string_view, 31> kOfOtherVersions{
    "-a",           "--all",         "--follow",
    "--tid",        "--comm",        "--cgroup",
    "--container",  "--filter",      "--by",
    "--weight",     "--min-latency", "--errors-only",
    "-i",           "--interval",    "--max-overhead",
    "--max-rate",   "--threads",     "-I",
    "-X",           "--continuous",  "--loop",
    "--push",       "--metrics",     "--serve",
    "--max-memory", "--strict",      "--expect-events",
    "--dry-run",    "--json",        "--print-config",
    "--plain"};

constexpr std::array<std::string_view, 4> kCommandsOfOtherVersions{"list", "doctor", "convert",
                                                                   "diff"};

constexpr std::string_view kHead =
    "jtrace - whole Java and native stacks at any kernel tracepoint\n"
    "\n"
    "Usage: jtrace -t EVENT [-t EVENT]... -p PID[,PID]... [OPTIONS]\n";

constexpr std::string_view kTail =
    "\n"
    "Examples:\n"
    "  sudo jtrace -t syscalls:sys_enter_openat -p 1234\n"
    "  sudo jtrace -t 'sched:sched_sw*' -p 1234 -d 30s -f out.html -f out.collapsed\n"
    "\n"
    "Exit status: 0 done, 1 internal, BPF or output failure, 2 usage (an event that does not\n"
    "exist included), 3 host or permission, 4 target not found, gone or not traceable.\n"
    "Ctrl-C ends the tracing, writes the output and is 0; a second one abandons it: 130.\n";

// "-t,--tracepoint" and "EVENT" to "  -t, --tracepoint EVENT".
std::string left_column(const Row& row) {
  std::string text = row.names.starts_with("--") ? "      " : "  ";
  for (const char c : row.names) text += c == ',' ? std::string(", ") : std::string(1, c);
  if (!row.value.empty()) text.append(" ").append(row.value);
  return text;
}

}  // namespace

std::span<const Row> option_table() { return kTable; }

bool is_of_other_version(std::string_view option) {
  return std::ranges::find(kOfOtherVersions, option) != kOfOtherVersions.end();
}

bool is_command_of_other_version(std::string_view word) {
  return std::ranges::find(kCommandsOfOtherVersions, word) != kCommandsOfOtherVersions.end();
}

std::string help_text(std::string_view formats) {
  constexpr std::size_t kColumn = 30;
  std::string text(kHead);
  std::string_view group;
  for (const Row& row : kTable) {
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
