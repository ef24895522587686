// SPDX-License-Identifier: Apache-2.0
// The one table of options: parser, configuration, help text, man page, completion and suggestions
// are made from it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace jtrace::cli {

enum class Origin { Default, File, Environment, CommandLine };

// The words given for one option, not yet looked at. They come from one place: what stands on the
// command line replaces what the environment has, never adds to it.
struct Values {
  std::vector<std::string> texts;  // a flag has "true", "false" or what was written after its '='
  Origin origin = Origin::Default;
  std::string label;  // names the place in messages: "-d", "JTRACE_DURATION", "FILE:3: duration"
  // Of an option that belongs to the -t before it: how many -t stood before each text. Empty where
  // they are not on the command line, and so of every -t.
  std::vector<std::size_t> events_before = {};

  [[nodiscard]] bool given() const { return !texts.empty(); }
  // An option that may be given once keeps all its values too: the last one counts, so that a
  // wrapper script's default can be overridden.
  [[nodiscard]] const std::string& last() const { return texts.back(); }
};

struct Words {
  Values tracepoint, filter, by, weight, min_latency, min_age, errors_only, pid, interval, duration,
      include, exclude, max_overhead, max_rate;
  Values all, follow, tid, comm, cgroup, container;
  Values file, output, host, plain, lines, raw_names, normalise, json;
  Values continuous, loop, keep, max_memory;
  Values push, push_token_file;
  Values serve, metrics, serve_token_file;
  Values cstack, kernel, no_kernel, max_depth, jvm_symbols, threads;
  Values strict, expect_events, dry_run, attach, count_cost, recall, check_walks;
  Values verbose, quiet, config, print_config, version, help;
  std::vector<std::string> rest;     // what no option took: IN, BASE, NEW, GLOB
  std::vector<std::string> command;  // what stands behind --
};

// The forms of the command line that take an option, as bits of Row::commands.
inline constexpr unsigned kTrace = 1;
inline constexpr unsigned kList = 2;
inline constexpr unsigned kDoctor = 4;
inline constexpr unsigned kConvert = 8;
inline constexpr unsigned kDiff = 16;
inline constexpr unsigned kEvery = kTrace | kList | kDoctor | kConvert | kDiff;

// How often an option may be given, and whether environment and configuration file may set it.
enum class Use { Once, Many, CommandLineOnly };

struct Row {
  std::string_view group;
  std::string_view names;  // as CLI11 takes them: "-p,--pid"
  std::string_view value;  // what stands for the value in the help; empty for a flag
  std::string_view text;
  Values Words::* values;
  std::string_view fallback = {};    // the default as the option would take it; empty: none
  std::string_view in_windows = {};  // ... with --continuous, where that has one of its own
  std::string_view choices = {};  // words the value is one of, or that are suggested: "auto|yes|no"
  unsigned commands = kTrace;
  Use use = Use::Once;
  bool of_event = false;  // belongs to the -t before it, or to all where it comes first

  [[nodiscard]] bool is_flag() const { return value.empty(); }
  [[nodiscard]] bool configurable() const { return use != Use::CommandLineOnly; }
  [[nodiscard]] std::vector<std::string_view> all_names() const;
  [[nodiscard]] std::string_view first_name() const { return names.substr(0, names.find(',')); }
  [[nodiscard]] std::string_view key() const;  // the first long name without "--": "max-depth"
  [[nodiscard]] std::string variable() const;  // "JTRACE_MAX_DEPTH"
};

// A form of the command line: trace has an empty name.
struct Command {
  std::string_view name;
  std::string_view synopsis;  // "[GLOB] [-v] [--json]"
  std::string_view text;
  unsigned bit;
};

[[nodiscard]] std::span<const Row> option_table();
[[nodiscard]] std::span<const Command> command_table();

[[nodiscard]] const Row* find_option(std::string_view name);  // "-p" or "--pid"
[[nodiscard]] const Row* find_key(std::string_view key);      // "pid", configurable ones only

[[nodiscard]] std::vector<std::string_view> split(std::string_view list, char separator);

}  // namespace jtrace::cli
