// SPDX-License-Identifier: Apache-2.0
#include "cli/option_table.h"

#include <algorithm>
#include <array>

namespace jtrace::cli {
namespace {

constexpr std::string_view kWhat = "What to trace";
constexpr std::string_view kOutput = "Output";
constexpr std::string_view kStacks = "Stacks";
constexpr std::string_view kOutcome = "Outcome";
constexpr std::string_view kGeneral = "General";

constexpr std::array<Row, 46> kTable{{
    {.group = kWhat,
     .names = "-t,--tracepoint,-e,--event",
     .value = "EVENT",
     .text = "CATEGORY:NAME or GLOB, preset:NAME, raw_tp:NAME, trace:ID; comma lists",
     .values = &Words::tracepoint,
     .use = Use::Many},
    {.group = kWhat,
     .names = "--filter",
     .value = "EXPR",
     .text = "only events of the -t before it that pass, e.g. 'ret < 0'",
     .values = &Words::filter,
     .use = Use::Many,
     .of_event = true},
    {.group = kWhat,
     .names = "--by",
     .value = "FIELD[,FIELD]",
     .text = "values as frames above the leaf: filename, fd, ret, errno, comm, ...",
     .values = &Words::by,
     .use = Use::Many,
     .of_event = true},
    {.group = kWhat,
     .names = "--weight",
     .value = "W[,W]",
     .text = "count, latency, ret (bytes) or a numeric field (default count)",
     .values = &Words::weight,
     .use = Use::Many,
     .of_event = true},
    {.group = kWhat,
     .names = "--min-latency",
     .value = "T",
     .text = "only calls that took as long: 10us, 1ms, 2s",
     .values = &Words::min_latency,
     .use = Use::Many,
     .of_event = true},
    {.group = kWhat,
     .names = "--min-age",
     .value = "T",
     .text = "preset:fd-leak: only descriptors that are open as long",
     .values = &Words::min_age,
     .use = Use::Many,
     .of_event = true},
    {.group = kWhat,
     .names = "--errors-only",
     .value = {},
     .text = "only calls that failed",
     .values = &Words::errors_only,
     .use = Use::Many,
     .of_event = true},
    {.group = kWhat,
     .names = "-p,--pid",
     .value = "PID[,PID]",
     .text = "processes; repeatable",
     .values = &Words::pid,
     .commands = kTrace | kDoctor,
     .use = Use::Many},
    {.group = kWhat,
     .names = "-a,--all",
     .value = {},
     .text = "every process but jtrace itself",
     .values = &Words::all,
     .fallback = "false"},
    {.group = kWhat,
     .names = "--comm",
     .value = "GLOB",
     .text = "processes of such a name, e.g. 'java*'; repeatable",
     .values = &Words::comm,
     .use = Use::Many},
    {.group = kWhat,
     .names = "--cgroup",
     .value = "PATH",
     .text = "processes in this cgroup (v2) and those below it; repeatable",
     .values = &Words::cgroup,
     .use = Use::Many},
    {.group = kWhat,
     .names = "--container",
     .value = "ID",
     .text = "processes of the container whose id begins so; repeatable",
     .values = &Words::container,
     .use = Use::Many},
    {.group = kWhat,
     .names = "--tid",
     .value = "TID[,TID]",
     .text = "only these threads; repeatable",
     .values = &Words::tid,
     .use = Use::Many},
    {.group = kWhat,
     .names = "--follow",
     .value = {},
     .text = "also what targets start (the default for -- COMMAND alone)",
     .values = &Words::follow,
     .fallback = "false"},
    {.group = kWhat,
     .names = "-d,--duration",
     .value = "T",
     .text = "30, 30s, 5m, 1h, 500ms (default: until Ctrl-C or target exit)",
     .values = &Words::duration},
    {.group = kWhat,
     .names = "-i,--interval",
     .value = "N",
     .text = "every Nth event; counts are scaled and say so (default 1)",
     .values = &Words::interval,
     .fallback = "1"},
    {.group = kWhat,
     .names = "-I,--include",
     .value = "PATTERN",
     .text = "keep stacks with a frame that matches, e.g. '*Foo*'; repeatable",
     .values = &Words::include,
     .use = Use::Many},
    {.group = kWhat,
     .names = "-X,--exclude",
     .value = "PATTERN",
     .text = "drop stacks with a frame that matches; repeatable",
     .values = &Words::exclude,
     .use = Use::Many},
    {.group = kOutput,
     .names = "-f,--file",
     .value = "FILE",
     .text = "its suffix picks the format; - is standard output; repeatable",
     .values = &Words::file,
     .commands = kTrace | kConvert | kDiff,
     .use = Use::Many},
    {.group = kOutput,
     .names = "-o,--output",
     .value = "FORMAT",
     .text = "force the format",
     .values = &Words::output,
     .commands = kTrace | kConvert | kDiff},
    {.group = kOutput,
     .names = "--plain",
     .value = {},
     .text = "collapsed without the suffixes of frames",
     .values = &Words::plain,
     .fallback = "false",
     .commands = kTrace | kConvert | kDiff},
    {.group = kOutput,
     .names = "--lines",
     .value = {},
     .text = "source lines of Java frames",
     .values = &Words::lines,
     .fallback = "false",
     .commands = kTrace | kConvert | kDiff},
    {.group = kOutput,
     .names = "--raw-names",
     .value = {},
     .text = "lambda and hidden class names as the JVM has them",
     .values = &Words::raw_names,
     .fallback = "false"},
    {.group = kOutput,
     .names = "--normalise,--normalize",
     .value = {},
     .text = "scale BASE to the total of NEW",
     .values = &Words::normalise,
     .fallback = "false",
     .commands = kDiff},
    {.group = kOutput,
     .names = "--push",
     .value = "URL",
     .text = "send it: otlp+http://HOST:4318, pyroscope+https://HOST, parca+...",
     .values = &Words::push,
     .commands = kTrace | kConvert},
    {.group = kOutput,
     .names = "--push-token-file",
     .value = "FILE",
     .text = "what the backend asks for (else JTRACE_PUSH_TOKEN)",
     .values = &Words::push_token_file,
     .commands = kTrace | kConvert},
    {.group = kOutput,
     .names = "--serve",
     .value = "ADDR",
     .text = "flame graphs for a browser, e.g. on 127.0.0.1:7070",
     .values = &Words::serve},
    {.group = kOutput,
     .names = "--metrics",
     .value = "ADDR",
     .text = "/metrics for Prometheus, e.g. on 127.0.0.1:9464",
     .values = &Words::metrics},
    {.group = kOutput,
     .names = "--serve-token-file",
     .value = "FILE",
     .text = "what visitors of the two need (else JTRACE_SERVE_TOKEN)",
     .values = &Words::serve_token_file},
    {.group = kOutput,
     .names = "--json",
     .value = {},
     .text = "JSON on standard output: list, doctor, the summary of a trace",
     .values = &Words::json,
     .fallback = "false",
     .commands = kTrace | kList | kDoctor},
    {.group = kStacks,
     .names = "--cstack",
     .value = "MODE",
     .text = "auto, dwarf (auto or fail), fp (frame pointers), no (no native)",
     .values = &Words::cstack,
     .fallback = "auto",
     .choices = "auto|dwarf|fp|no|vm|vmx"},
    {.group = kStacks,
     .names = "--kernel",
     .value = "auto|yes|no",
     .text = "kernel frames; auto leaves them out for syscalls:*",
     .values = &Words::kernel,
     .fallback = "auto",
     .choices = "auto|yes|no"},
    {.group = kStacks,
     .names = "--no-kernel",
     .value = {},
     .text = "the same as --kernel no",
     .values = &Words::no_kernel,
     .use = Use::CommandLineOnly},
    {.group = kStacks,
     .names = "-j,--max-depth",
     .value = "N[/M]",
     .text = "the N deepest frames, 1 to 2048 (default), and M at the root",
     .values = &Words::max_depth,
     .fallback = "2048"},
    {.group = kStacks,
     .names = "--jvm-symbols",
     .value = "SRC",
     .text = "auto, vmstructs, agent, perfmap, none",
     .values = &Words::jvm_symbols,
     .fallback = "auto",
     .choices = "auto|vmstructs|agent|perfmap|none"},
    {.group = kStacks,
     .names = "--threads",
     .value = {},
     .text = "a root frame [name tid=N] per thread",
     .values = &Words::threads,
     .fallback = "false"},
    {.group = kOutcome,
     .names = "--strict",
     .value = {},
     .text = "exit 5 where anything was lost or a stack is incomplete",
     .values = &Words::strict,
     .fallback = "false"},
    {.group = kOutcome,
     .names = "--expect-events",
     .value = {},
     .text = "exit 6 where nothing happened",
     .values = &Words::expect_events,
     .fallback = "false"},
    {.group = kOutcome,
     .names = "--dry-run",
     .value = {},
     .text = "resolve, load, attach, detach, print the plan",
     .values = &Words::dry_run,
     .fallback = "false"},
    {.group = kOutcome,
     .names = "--count-cost",
     .value = {},
     .text = "count what the BPF programs cost",
     .values = &Words::count_cost,
     .fallback = "false"},
    {.group = kOutcome,
     .names = "--check-walks",
     .value = {},
     .text = "walk again in a second, slower way and count what differs",
     .values = &Words::check_walks,
     .fallback = "false"},
    {.group = kGeneral,
     .names = "-v,--verbose",
     .value = {},
     .text = "say more on standard error; list: fields and types too",
     .values = &Words::verbose,
     .fallback = "false",
     .commands = kEvery},
    {.group = kGeneral,
     .names = "-q,--quiet",
     .value = {},
     .text = "say nothing but errors",
     .values = &Words::quiet,
     .fallback = "false",
     .commands = kEvery},
    {.group = kGeneral,
     .names = "--print-config",
     .value = {},
     .text = "print each option's value and where it comes from",
     .values = &Words::print_config,
     .use = Use::CommandLineOnly},
    {.group = kGeneral,
     .names = "-V,--version",
     .value = {},
     .text = "print the version",
     .values = &Words::version,
     .commands = kEvery,
     .use = Use::CommandLineOnly},
    {.group = kGeneral,
     .names = "-h,--help",
     .value = {},
     .text = "print this text",
     .values = &Words::help,
     .commands = kEvery,
     .use = Use::CommandLineOnly},
}};

constexpr std::array<Command, 5> kCommands{{
    {"", "-t EVENT [-t EVENT]... [-p PID[,PID]]... [OPTIONS] [-- COMMAND [ARG]...]",
     "trace, then write the profile", kTrace},
    {"list", "[GLOB] [-v] [--json]", "tracepoints with their ids; -v adds fields and types", kList},
    {"doctor", "[-p PID] [--json]", "what this host and this process allow, and what mends it",
     kDoctor},
    {"convert", "IN -f OUT [-o FORMAT] [--push URL]", "one profile format into another", kConvert},
    {"diff", "BASE NEW -f OUT [-o FORMAT] [--normalise]",
     "what is new, gone and changed between two profiles", kDiff},
}};

constexpr std::array<std::string_view, 5> kOfOtherVersions{
    "--max-overhead", "--max-rate", "--continuous", "--loop", "--max-memory"};

}  // namespace

std::span<const Row> option_table() { return kTable; }

std::span<const Command> command_table() { return kCommands; }

std::vector<std::string_view> split(std::string_view list, char separator) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(separator), list.size());
    parts.push_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parts;
}

std::vector<std::string_view> Row::all_names() const { return split(names, ','); }

std::string_view Row::key() const {
  for (const std::string_view name : all_names()) {
    if (name.starts_with("--")) return name.substr(2);
  }
  return {};
}

std::string Row::variable() const {
  std::string name = "JTRACE_";
  for (const char c : key()) {
    name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

const Row* find_option(std::string_view name) {
  for (const Row& row : kTable) {
    if (std::ranges::count(row.all_names(), name) != 0) return &row;
  }
  return nullptr;
}

const Row* find_key(std::string_view key) {
  const auto* row = std::ranges::find_if(
      kTable, [key](const Row& r) { return r.configurable() && r.key() == key; });
  return row == kTable.end() ? nullptr : row;
}

bool is_of_other_version(std::string_view option) {
  return std::ranges::find(kOfOtherVersions, option) != kOfOtherVersions.end();
}

}  // namespace jtrace::cli
