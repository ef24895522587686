// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/redacted.h"
#include "cli/configuration.h"
#include "cli/limits.h"
#include "cli/option_table.h"
#include "cli/texts.h"
#include "cli/words.h"

namespace jtrace::cli {
namespace {

// Whole text to a number in [least, most], else nullopt.
std::optional<unsigned> number(std::string_view text, unsigned least, unsigned most) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < least || value > most) return std::nullopt;
  return value;
}

template <class Value>
struct Choice {
  std::string_view word;
  Value value;
};

template <class Value, std::size_t N>
Status choose(const Values& words, const std::array<Choice<Value>, N>& choices, Value& out) {
  if (!words.given()) return {};
  std::string list;
  for (const auto& [word, value] : choices) {
    if (word == words.last()) {
      out = value;
      return {};
    }
    list.append(list.empty() ? "" : ", ").append(word);
  }
  return usage(quoted(words.label, words.last()) + "not one of " + list);
}

// `what`: "process" or "thread".
Result<std::vector<pid_t>> parse_pids(const Values& words, const std::string& what) {
  std::vector<pid_t> pids;
  for (const std::string& list : words.texts) {
    for (std::string_view rest = list;;) {
      const std::size_t comma = rest.find(',');
      const std::string_view word = rest.substr(0, comma);
      const auto pid = number(word, 1, kLargestPid);
      if (!pid) {
        return usage(quoted(words.label, word) + "not a " + what + " id",
                     what + " ids are numbers from 1; a list is " + words.label + " 12,34");
      }
      const auto value = static_cast<pid_t>(*pid);
      if (std::ranges::find(pids, value) == pids.end()) pids.push_back(value);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return pids;
}

// As RFC 1123 has them, and what else a kernel takes for a name: it goes into names of files.
Status read_host(const Values& words, Options& options) {
  if (!words.given()) return {};
  constexpr std::size_t kMost = 253;
  const std::string& name = words.last();
  const bool plain = std::ranges::all_of(name, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (!plain || name.empty() || name.front() == '.' || name.size() > kMost) {
    return usage(quoted(words.label, name) + "not the name of a host",
                 "letters, digits, '-', '_' and '.', 253 of them at most");
  }
  options.host = name;
  return {};
}

Status read_output(const Words& words, Options& options) {
  JT_CHECK_OK(read_host(words.host, options));
  options.files = words.file.texts;
  if (words.push.given()) options.push = words.push.last();
  if (words.push_token_file.given()) options.push_token_file = words.push_token_file.last();
  if (words.serve.given()) options.serve = words.serve.last();
  if (words.metrics.given()) options.metrics = words.metrics.last();
  if (words.serve_token_file.given()) options.serve_token_file = words.serve_token_file.last();
  if (!words.output.given()) return {};
  const std::string& format = words.output.last();
  if (format == "-" || format.find_first_of("/.") != std::string::npos) {
    return usage(quoted(words.output.label, format) + "-o takes a format; did you mean -f?");
  }
  options.format = format;
  return {};
}

Status read_depth(const Values& words, Options& options) {
  if (!words.given()) return {};
  const std::string_view text = words.last();
  const std::size_t slash = text.find('/');
  const auto depth = number(text.substr(0, slash), 1, kDeepest);
  if (slash == std::string_view::npos && !depth) {
    return usage(quoted(words.label, text) + "not a number from 1 to " + std::to_string(kDeepest));
  }
  options.max_depth = depth.value_or(0);
  if (slash == std::string_view::npos) return {};
  const auto root = depth ? number(text.substr(slash + 1), 0, *depth - 1) : std::nullopt;
  if (!root) {
    return usage(quoted(words.label, text) + "not N/M with N from 1 to " +
                     std::to_string(kDeepest) + " and M less than N",
                 "N frames are kept in all, M of them at the root");
  }
  options.keep_root = *root;
  return {};
}

Status read_interval(const Values& words, Options& options) {
  if (!words.given()) return {};
  constexpr unsigned kMost = std::numeric_limits<unsigned>::max();
  const auto interval = number(words.last(), 1, kMost);
  if (!interval) {
    return usage(
        quoted(words.label, words.last()) + "not a number from 1 to " + std::to_string(kMost),
        "-i N keeps every Nth event; a time is given with -d");
  }
  options.interval = *interval;
  return {};
}

// "1%", "0.5", "off".
Status read_max_overhead(const Values& words, Options& options) {
  if (!words.given()) return {};
  if (words.last() == "off") {
    options.max_overhead = 0;
    return {};
  }
  constexpr double kLeast = 0.01;
  constexpr double kMost = 100;
  std::string_view text = words.last();
  if (text.ends_with('%')) text.remove_suffix(1);
  double value = 0;
  const auto [stop, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || stop != text.data() + text.size() ||
      !(value >= kLeast && value <= kMost)) {
    return usage(quoted(words.label, words.last()) + "not a percentage from 0.01 to 100",
                 "the share of one CPU that tracing may take is e.g. 1% or 0.5%; off: any");
  }
  options.max_overhead = value;
  return {};
}

Status read_max_rate(const Values& words, Options& options) {
  if (!words.given() || words.last() == "off") return {};
  constexpr unsigned kMost = 1'000'000'000;
  const auto rate = number(words.last(), 1, kMost);
  if (!rate) {
    return usage(
        quoted(words.label, words.last()) + "not a number from 1 to " + std::to_string(kMost),
        "how many events a second are kept is e.g. 1000; off: any number");
  }
  options.max_rate = *rate;
  return {};
}

// --no-kernel stands on the command line, so it contradicts only what stands there too.
Status read_kernel(const Words& words, Options& options) {
  static constexpr std::array<Choice<KernelStack>, 3> kKernel{
      {{"auto", KernelStack::Auto}, {"yes", KernelStack::Yes}, {"no", KernelStack::No}}};
  JT_CHECK_OK(choose(words.kernel, kKernel, options.kernel));
  JT_TRY(const bool none, read_flag(words.no_kernel));
  if (!none) return {};
  if (options.kernel == KernelStack::Yes && words.kernel.origin == Origin::CommandLine) {
    return usage("--kernel yes and --no-kernel contradict each other");
  }
  options.kernel = KernelStack::No;
  return {};
}

Status read_stacks(const Words& words, Options& options) {
  // vm and vmx are async-profiler's words for what auto does here.
  static constexpr std::array<Choice<CStack>, 6> kCStacks{{{"auto", CStack::Auto},
                                                           {"dwarf", CStack::Dwarf},
                                                           {"fp", CStack::Fp},
                                                           {"no", CStack::No},
                                                           {"vm", CStack::Auto},
                                                           {"vmx", CStack::Auto}}};
  static constexpr std::array<Choice<JvmSymbols>, 5> kSymbols{{{"auto", JvmSymbols::Auto},
                                                               {"vmstructs", JvmSymbols::VmStructs},
                                                               {"agent", JvmSymbols::Agent},
                                                               {"perfmap", JvmSymbols::PerfMap},
                                                               {"none", JvmSymbols::None}}};
  // blind takes any two stacks that begin alike for one: shows that check finds differences.
  static constexpr std::array<Choice<Recall>, 4> kRecalls{{{"on", Recall::On},
                                                           {"off", Recall::Off},
                                                           {"check", Recall::Check},
                                                           {"blind", Recall::Blind}}};
  static constexpr std::array<Choice<Attach>, 4> kWays{{{"auto", Attach::Auto},
                                                        {"fentry", Attach::Fentry},
                                                        {"tracepoint", Attach::Tracepoint},
                                                        {"raw", Attach::Raw}}};
  JT_CHECK_OK(choose(words.attach, kWays, options.attach));
  JT_CHECK_OK(choose(words.recall, kRecalls, options.recall));
  JT_CHECK_OK(choose(words.cstack, kCStacks, options.cstack));
  JT_CHECK_OK(read_kernel(words, options));
  JT_CHECK_OK(choose(words.jvm_symbols, kSymbols, options.jvm_symbols));
  return read_depth(words.max_depth, options);
}

Status read_flags(const Words& words, Options& options) {
  struct Flag {
    Values Words::* from;
    bool Options::* to;
  };
  static constexpr std::array<Flag, 11> kFlags{{{&Words::threads, &Options::threads},
                                                {&Words::lines, &Options::lines},
                                                {&Words::raw_names, &Options::raw_names},
                                                {&Words::plain, &Options::plain},
                                                {&Words::normalise, &Options::normalise},
                                                {&Words::strict, &Options::strict},
                                                {&Words::expect_events, &Options::expect_events},
                                                {&Words::dry_run, &Options::dry_run},
                                                {&Words::json, &Options::json},
                                                {&Words::count_cost, &Options::count_cost},
                                                {&Words::check_walks, &Options::check_walks}}};
  for (const auto& [from, to] : kFlags) {
    JT_TRY(options.*to, read_flag(words.*from));
  }
  return {};
}

// Of -v and -q the one that is nearer to the command line counts.
Status read_verbosity(const Words& words, Options& options) {
  JT_TRY(const bool verbose, read_flag(words.verbose));
  JT_TRY(const bool quiet, read_flag(words.quiet));
  if (verbose && quiet && words.verbose.origin == words.quiet.origin) {
    return usage(words.verbose.label + " and " + words.quiet.label + " contradict each other");
  }
  const bool louder = verbose && (!quiet || words.verbose.origin > words.quiet.origin);
  options.verbosity = louder ? 1 : quiet ? -1 : 0;
  return {};
}

// Hands each text of an option to the -t it stands behind, or to all where it stands before the
// first one.
template <class Take>
Status of_events(const Values& values, std::vector<EventRequest>& events, const Take& take) {
  for (std::size_t i = 0; i < values.texts.size(); ++i) {
    const std::size_t of = i < values.events_before.size() ? values.events_before[i] : 0;
    for (std::size_t event = of == 0 ? 0 : of - 1; event < events.size(); ++event) {
      JT_CHECK_OK(take(events[event], values.texts[i]));
      if (of != 0) break;
    }
  }
  return {};
}

// "filename,flags" behind what is there.
Status add_words(const Values& values, const std::string& list, std::vector<std::string>& words) {
  for (const std::string_view word : split(list, ',')) {
    if (word.empty()) {
      return usage(quoted(values.label, list) + "an empty name", "a list is NAME,NAME");
    }
    if (std::ranges::find(words, word) == words.end()) words.emplace_back(word);
  }
  return {};
}

// Each -t, and what belongs to it.
Status read_events(const Words& words, Options& options) {
  auto& events = options.events;
  for (const std::string& text : words.tracepoint.texts) events.push_back({.text = text});
  JT_CHECK_OK(
      of_events(words.filter, events, [](EventRequest& event, const std::string& text) -> Status {
        event.filters.push_back(text);
        return Status();
      }));
  JT_CHECK_OK(
      of_events(words.by, events, [&](EventRequest& event, const std::string& text) -> Status {
        return add_words(words.by, text, event.by);
      }));
  JT_CHECK_OK(
      of_events(words.weight, events, [&](EventRequest& event, const std::string& text) -> Status {
        return add_words(words.weight, text, event.weights);
      }));
  JT_CHECK_OK(of_events(words.min_latency, events,
                        [&](EventRequest& event, const std::string& text) -> Status {
                          JT_TRY(event.min_latency, parse_duration(text, words.min_latency.label));
                          return Status();
                        }));
  JT_CHECK_OK(
      of_events(words.min_age, events, [&](EventRequest& event, const std::string& text) -> Status {
        JT_TRY(event.min_age, parse_duration(text, words.min_age.label));
        return Status();
      }));
  return of_events(words.errors_only, events,
                   [&](EventRequest& event, const std::string& text) -> Status {
                     Values one = words.errors_only;
                     one.texts = {text};
                     JT_TRY(event.errors_only, read_flag(one));
                     return Status();
                   });
}

Status read_targets(const Words& words, Options& options) {
  JT_TRY(options.pids, parse_pids(words.pid, "process"));
  JT_TRY(options.tids, parse_pids(words.tid, "thread"));
  JT_TRY(options.all, read_flag(words.all));
  options.comms = words.comm.texts;
  options.cgroups = words.cgroup.texts;
  options.containers = words.container.texts;
  options.command = words.command;
  JT_TRY(options.follow, read_flag(words.follow, options.traces_command()));
  if (options.all && !options.pids.empty()) {
    return usage(words.all.label + " and " + words.pid.label + " contradict each other");
  }
  return {};
}

// Options that every form reads alike; those that a form does not take are not given.
Status read_all(const Words& words, Options& options) {
  JT_CHECK_OK(read_events(words, options));
  JT_CHECK_OK(read_targets(words, options));
  if (words.duration.given()) {
    JT_TRY(options.duration, parse_duration(words.duration.last(), words.duration.label));
  }
  JT_CHECK_OK(read_windows(words, options));
  options.include = words.include.texts;
  options.exclude = words.exclude.texts;
  JT_CHECK_OK(read_interval(words.interval, options));
  JT_CHECK_OK(read_max_overhead(words.max_overhead, options));
  JT_CHECK_OK(read_max_rate(words.max_rate, options));
  JT_CHECK_OK(read_output(words, options));
  JT_CHECK_OK(read_stacks(words, options));
  JT_CHECK_OK(read_flags(words, options));
  return read_verbosity(words, options);
}

Status check_trace(const Words& words, const Options& options) {
  const bool target = !options.pids.empty() || !options.tids.empty() || options.selects() ||
                      options.traces_command();
  if (!words.tracepoint.given() && !target) {
    return usage("nothing to trace: -t EVENT and -p PID are required", kForm);
  }
  if (!words.tracepoint.given()) return usage("no event: -t EVENT is required", kForm);
  if (!target) {
    return usage("no process: -p PID is required",
                 "or -a, --comm GLOB, --cgroup PATH, --container ID, --tid TID, -- COMMAND; see "
                 "jtrace --help");
  }
  if (options.traces_command() && !options.tids.empty()) {
    return usage("--tid names a thread of a process that is there: -- COMMAND has none yet");
  }
  if (options.json && std::ranges::count(options.files, "-") != 0) {
    return usage("--json and -f - both write to standard output");
  }
  return {};
}

Status finish(const Command& command, Words& words, Options& options) {
  using Action = Options::Action;
  const std::string form =
      "jtrace " + std::string(command.name) + " " + std::string(command.synopsis);
  switch (command.bit) {
    case kList:
      options.action = Action::List;
      if (!words.rest.empty()) options.glob = words.rest.front();
      return {};
    case kDoctor:
      options.action = Action::Doctor;
      return {};
    case kConvert:
    case kDiff:
      options.action = command.bit == kDiff ? Action::Diff : Action::Convert;
      options.inputs = std::move(words.rest);
      // A configuration file is for what traces; a file that is converted goes nowhere by it.
      if (words.push.origin != Origin::CommandLine) options.push.clear();
      if (!options.files.empty() || !options.push.empty()) return {};
      if (command.bit == kDiff) return usage("no output: -f OUT is required", form);
      return usage("no output: -f OUT or --push URL is required", form);
    default:
      return check_trace(words, options);
  }
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(const std::string& text, std::string_view label) {
  struct Unit {
    std::string_view suffix;
    std::chrono::nanoseconds length;
  };
  using namespace std::chrono_literals;
  static constexpr std::array<Unit, 7> kUnits{
      {{"", 1s}, {"s", 1s}, {"ms", 1ms}, {"us", 1us}, {"ns", 1ns}, {"m", 1min}, {"h", 1h}}};
  static constexpr std::chrono::nanoseconds kLongest = 24h * 365;
  constexpr const char* kHint = "a duration is e.g. 30, 30s, 5m, 1h or 500ms";

  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view suffix = std::string_view(text).substr(digits);
  const auto* unit = std::ranges::find(kUnits, suffix, &Unit::suffix);
  if (digits == 0 || unit == kUnits.end()) {
    return usage(quoted(label, text) + "not a duration", kHint);
  }
  std::uint64_t count = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + digits, count);
  const auto most = static_cast<std::uint64_t>(kLongest / unit->length);
  if (error != std::errc{} || stop != text.data() + digits || count > most) {
    return usage(quoted(label, text) + "longer than a year", kHint);
  }
  if (count == 0) return usage(quoted(label, text) + "must be more than zero", kHint);
  return static_cast<std::int64_t>(count) * unit->length;
}

namespace {

// What a shell takes for one word as it stands.
bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("_-./:,=@%+").find(c) != std::string_view::npos;
}

std::string quoted_for_shell(std::string_view word) {
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// `hidden`: so many words at the end are not shown.
std::string command_line_of(int argc, const char* const* argv, std::size_t hidden) {
  std::string text = "jtrace";
  const int shown = argc - static_cast<int>(hidden);
  for (int i = 1; i < shown; ++i) {
    const std::string_view word = argv[i];
    // A query may hold a key.
    const bool url = i > 1 && std::string_view(argv[i - 1]) == "--push";
    constexpr std::string_view kPush = "--push=";
    text += " " + (url                       ? redacted_url(word)
                   : word.starts_with(kPush) ? std::string(kPush) + redacted_url(word.substr(7))
                                             : quoted_for_shell(argv[i]));
  }
  return hidden == 0 ? text : text + " ...";
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv, std::string_view formats,
                              const Sources& sources) {
  const Command& command = command_of(argc, argv);
  JT_TRY(Words words, read_words(command, argc, argv));
  Options options;
  if (words.help.given() || words.version.given()) {
    options.action = words.help.given() ? Options::Action::Help : Options::Action::Version;
    options.text = words.help.given() ? help_text(formats) : version_text();
    return options;
  }
  Sources from = sources;
  if (words.config.given()) {
    from.file = words.config.last();
    from.asked_for = true;
  }
  options.config_file = file_of(from);
  JT_CHECK_OK(add_configuration(command, from, words));
  options.settings = settings_of(words);
  JT_CHECK_OK(read_all(words, options));
  if (words.print_config.given()) {
    options.action = Options::Action::PrintConfig;
    options.text = configuration_text(from, words);
    return options;
  }
  JT_CHECK_OK(finish(command, words, options));
  const std::size_t arguments = options.command.empty() ? 0 : options.command.size() - 1;
  options.command_line = command_line_of(argc, argv, arguments);
  return options;
}

}  // namespace jtrace::cli
