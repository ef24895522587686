// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/near_names.h"
#include "cli/option_table.h"

namespace jtrace::cli {
namespace {

constexpr const char* kSeeHelp = "see jtrace --help";
constexpr const char* kForm = "jtrace -t EVENT -p PID [OPTIONS]; see jtrace --help";

// The largest pid_max that the kernel allows (PID_MAX_LIMIT).
constexpr unsigned kLargestPid = 4U << 20U;

std::unexpected<Error> usage(std::string message, std::string hint = kSeeHelp) {
  return fail(Errc::Usage, std::move(message), std::move(hint));
}

// A word of the command line as part of a message: one line, not long, steering no terminal.
std::string shown(std::string_view word) {
  constexpr std::size_t kLongest = 80;
  std::string text(word.substr(0, kLongest));
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  if (word.size() > kLongest) text += "...";
  return text;
}

std::string quoted(std::string_view option, std::string_view value) {
  return std::string(option) + " '" + shown(value) + "': ";
}

std::string version() { return "jtrace " JTRACE_VERSION; }

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
Status choose(std::string_view option, const std::vector<std::string>& words,
              const std::array<Choice<Value>, N>& choices, Value& out) {
  if (words.empty()) return {};
  std::string list;
  for (const auto& [word, value] : choices) {
    if (word == words.back()) {
      out = value;
      return {};
    }
    list.append(list.empty() ? "" : ", ").append(word);
  }
  return usage(quoted(option, words.back()) + "not one of " + list);
}

std::unexpected<Error> missing_value(const Row& row) {
  const std::string_view name = row.names.substr(0, row.names.find(','));
  if (row.values == &Words::tracepoint) {
    return usage("-t needs an event; did you mean --threads?",
                 "an event is CATEGORY:NAME, e.g. syscalls:sys_enter_openat");
  }
  return usage(std::string(name) + " needs a value: " + std::string(row.value));
}

// CLI11 gives the first word after an option to it even where that word is an option itself, so
// that `-t -p 1234` would trace the event "-p".
Status check_values(const Words& words) {
  for (const Row& row : option_table()) {
    if (row.values == nullptr) continue;
    for (const std::string& value : words.*row.values) {
      const bool option = value.size() > 1 && value[0] == '-' && (value[1] < '0' || value[1] > '9');
      if (value.empty() || option) return missing_value(row);
    }
  }
  return {};
}

std::unexpected<Error> unknown_option(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  if (is_of_other_version(name)) {
    return usage(std::string(name) + " is not in this version (" + version() + ")");
  }
  std::vector<std::string> names;
  for (const Row& row : option_table()) {
    for (std::string_view rest = row.names; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      names.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  std::string hint = name.starts_with("--") ? did_you_mean(near_names(name, names, 1)) : "";
  return usage("unknown option '" + shown(name) + "'", hint.empty() ? kSeeHelp : std::move(hint));
}

// The first word that no option took.
std::unexpected<Error> unexpected_word(const std::string& word) {
  if (word == "--") {
    return usage("-- COMMAND is not in this version (" + version() + ")",
                 "start the command first, then trace it with -p PID");
  }
  if (word.size() > 1 && word[0] == '-') return unknown_option(word);
  if (number(word, 1, kLargestPid)) {
    return usage("unexpected argument '" + word + "'; did you mean -p " + word + "?");
  }
  return usage("unexpected argument '" + shown(word) + "'", kForm);
}

std::unexpected<Error> explain(const CLI::Error& error) {
  const std::string text = error.what();
  // CLI11 names the option before the first colon: "--pid: 1 required PID missing".
  const std::string name = text.substr(0, text.find(':'));
  for (const Row& row : option_table()) {
    const std::string names = "," + std::string(row.names) + ",";
    if (row.values != nullptr && names.find("," + name + ",") != std::string::npos) {
      return missing_value(row);
    }
  }
  return usage(shown(text));
}

Result<Words> read_words(int argc, const char* const* argv) {
  Words words;
  if (argc < 1) return words;  // CLI11 reads argv[0] unasked; exec may pass an empty argv
  try {
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    for (const Row& row : option_table()) {
      const std::string names(row.names);
      const std::string text(row.text);
      if (row.flag != nullptr) {
        app.add_flag(names, words.*row.flag, text)
            ->disable_flag_override()
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      } else {
        app.add_option(names, words.*row.values, text)->allow_extra_args(false);
      }
    }
    app.parse(argc, argv);
    JT_CHECK_OK(check_values(words));
    if (words.help || words.version) return words;
    const std::vector<std::string> rest = app.remaining();
    if (!rest.empty()) return unexpected_word(rest.front());
  } catch (const CLI::Error& error) {
    return explain(error);
  }
  return words;
}

Result<std::vector<pid_t>> parse_pids(const std::vector<std::string>& lists) {
  std::vector<pid_t> pids;
  for (const std::string& list : lists) {
    for (std::string_view rest = list;;) {
      const std::size_t comma = rest.find(',');
      const std::string_view word = rest.substr(0, comma);
      const auto pid = number(word, 1, kLargestPid);
      if (!pid) {
        return usage(quoted("-p", word) + "not a process id",
                     "process ids are numbers from 1; a list is -p PID,PID");
      }
      const auto value = static_cast<pid_t>(*pid);
      if (std::ranges::find(pids, value) == pids.end()) pids.push_back(value);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return pids;
}

Status read_output(const Words& words, Options& options) {
  options.files = words.file;
  if (words.output.empty()) return {};
  const std::string& format = words.output.back();
  if (format == "-" || format.find_first_of("/.") != std::string::npos) {
    return usage(quoted("-o", format) + "-o takes a format; did you mean -f?");
  }
  options.format = format;
  return {};
}

Status read_depth(const Words& words, Options& options) {
  if (words.max_depth.empty()) return {};
  const std::string& text = words.max_depth.back();
  if (text.find('/') != std::string::npos) {
    return usage(quoted("-j", text) + "N/M is not in this version (" + version() + "), N is");
  }
  const auto depth = number(text, 1, kDeepest);
  if (!depth) {
    return usage(quoted("-j", text) + "not a number from 1 to " + std::to_string(kDeepest));
  }
  options.max_depth = *depth;
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
  static constexpr std::array<Choice<KernelStack>, 3> kKernel{
      {{"auto", KernelStack::Auto}, {"yes", KernelStack::Yes}, {"no", KernelStack::No}}};
  static constexpr std::array<Choice<JvmSymbols>, 4> kSymbols{{{"auto", JvmSymbols::Auto},
                                                               {"vmstructs", JvmSymbols::VmStructs},
                                                               {"perfmap", JvmSymbols::PerfMap},
                                                               {"none", JvmSymbols::None}}};
  JT_CHECK_OK(choose("--cstack", words.cstack, kCStacks, options.cstack));
  JT_CHECK_OK(choose("--kernel", words.kernel, kKernel, options.kernel));
  if (words.no_kernel && options.kernel == KernelStack::Yes) {
    return usage("--kernel yes and --no-kernel contradict each other");
  }
  if (words.no_kernel) options.kernel = KernelStack::No;
  if (!words.jvm_symbols.empty() && words.jvm_symbols.back() == "agent") {
    return usage("--jvm-symbols agent is not in this version (" + version() + ")",
                 "auto needs no agent: it reads the JVM's own tables");
  }
  JT_CHECK_OK(choose("--jvm-symbols", words.jvm_symbols, kSymbols, options.jvm_symbols));
  return read_depth(words, options);
}

Status check_required(const Words& words) {
  if (words.tracepoint.empty() && words.pid.empty()) {
    return usage("nothing to trace: -t EVENT and -p PID are required", kForm);
  }
  if (words.tracepoint.empty()) return usage("no event: -t EVENT is required", kForm);
  if (words.pid.empty()) return usage("no process: -p PID is required", kForm);
  if (words.verbose && words.quiet) return usage("-v and -q contradict each other");
  return {};
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(const std::string& text) {
  struct Unit {
    std::string_view suffix;
    std::chrono::nanoseconds length;
  };
  using namespace std::chrono_literals;
  static constexpr std::array<Unit, 5> kUnits{
      {{"", 1s}, {"s", 1s}, {"ms", 1ms}, {"m", 1min}, {"h", 1h}}};
  static constexpr std::chrono::nanoseconds kLongest = 24h * 365;
  constexpr const char* kHint = "a duration is e.g. 30, 30s, 5m, 1h or 500ms";

  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view suffix = std::string_view(text).substr(digits);
  const auto* unit = std::ranges::find(kUnits, suffix, &Unit::suffix);
  if (digits == 0 || unit == kUnits.end()) {
    return usage(quoted("-d", text) + "not a duration", kHint);
  }
  std::uint64_t count = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + digits, count);
  const auto most = static_cast<std::uint64_t>(kLongest / unit->length);
  if (error != std::errc{} || stop != text.data() + digits || count > most) {
    return usage(quoted("-d", text) + "longer than a year", kHint);
  }
  if (count == 0) return usage(quoted("-d", text) + "must be more than zero", kHint);
  return static_cast<std::int64_t>(count) * unit->length;
}

Result<Options> parse_options(int argc, const char* const* argv, std::string_view formats) {
  if (argc > 1 && is_command_of_other_version(argv[1])) {
    return usage("jtrace " + std::string(argv[1]) + " is not in this version (" + version() +
                     "), which traces only",
                 kForm);
  }
  JT_TRY(const Words words, read_words(argc, argv));
  Options options;
  if (words.help || words.version) {
    options.action = words.help ? Options::Action::Help : Options::Action::Version;
    options.text = words.help ? help_text(formats) : version_text();
    return options;
  }
  JT_CHECK_OK(check_required(words));
  options.events = words.tracepoint;
  JT_TRY(options.pids, parse_pids(words.pid));
  if (!words.duration.empty()) {
    JT_TRY(options.duration, parse_duration(words.duration.back()));
  }
  JT_CHECK_OK(read_output(words, options));
  JT_CHECK_OK(read_stacks(words, options));
  options.verbosity = words.verbose ? 1 : words.quiet ? -1 : 0;
  options.count_cost = words.count_cost;
  return options;
}

}  // namespace jtrace::cli
