// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jtrace::cli {

// Frames that one stack can have.
inline constexpr unsigned kDeepest = 2048;

enum class CStack { Auto, Dwarf, Fp, No };
enum class KernelStack { Auto, Yes, No };
enum class JvmSymbols { Auto, VmStructs, Agent, PerfMap, None };
enum class Recall { On, Off, Check, Blind };
enum class Attach { Auto, Fentry, Tracepoint, Raw };

// One -t and what belongs to it.
struct EventRequest {
  std::string text;                       // as given
  std::vector<std::string> filters = {};  // an event passes all of them
  std::vector<std::string> by = {};       // fields that are shown
  std::vector<std::string> weights = {};  // the first is the one that is drawn; none: "count"
  std::chrono::nanoseconds min_latency{0};
  std::chrono::nanoseconds min_age{0};  // of descriptors that are not closed
  bool errors_only = false;
  friend bool operator==(const EventRequest&, const EventRequest&) = default;
};

// --keep: which files of windows stay; 0: that does not decide.
struct Keep {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::chrono::seconds age{0};
  [[nodiscard]] bool any() const { return files != 0 || bytes != 0 || age.count() != 0; }
};

// What the command line asks for, checked but not yet resolved against the host.
struct Options {
  enum class Action { Trace, Help, Version, List, Doctor, Convert, Diff, PrintConfig };
  Action action = Action::Trace;
  std::vector<EventRequest> events;
  std::vector<pid_t> pids;
  bool all = false;                     // -a
  bool follow = false;                  // --follow, or a command that is traced
  std::vector<pid_t> tids;              // --tid: only these threads
  std::vector<std::string> comms;       // --comm: globs, of which a process's name matches one
  std::vector<std::string> cgroups;     // --cgroup: paths
  std::vector<std::string> containers;  // --container: ids, or how they begin
  std::vector<std::string> command;     // what stands behind --
  std::optional<std::chrono::nanoseconds> duration;
  // --continuous, --loop: how long a window is; 0: there is one, the whole trace.
  std::chrono::nanoseconds window{0};
  Keep keep;                          // --keep
  std::uint64_t max_memory = 0;       // --max-memory; 0: no limit
  std::vector<std::string> files;     // -f; "-" is standard output
  std::string host;                   // --host; empty: as it calls itself
  std::optional<std::string> format;  // -o
  Attach attach = Attach::Auto;       // --attach: where system calls are met
  CStack cstack = CStack::Auto;
  KernelStack kernel = KernelStack::Auto;
  JvmSymbols jvm_symbols = JvmSymbols::Auto;
  unsigned max_depth = kDeepest;  // -j N[/M]: the N frames nearest the leaf
  unsigned keep_root = 0;         // ... and M root frames under [truncated] where a stack is cut
  std::uint64_t interval = 1;     // -i: every Nth event
  double max_overhead = 0;        // --max-overhead: percent of one CPU; 0: off
  std::uint64_t max_rate = 0;     // --max-rate: kept events a second; 0: off
  std::vector<std::string> include, exclude;  // -I, -X: globs over frame names
  bool threads = false;                       // --threads: a root frame per thread
  bool lines = false;                         // --lines: source lines of Java frames
  bool raw_names = false;      // --raw-names: lambda and hidden class names as the JVM has them
  bool normalise = false;      // --normalise: diff scales its base to the total of the new side
  bool plain = false;          // --plain: collapsed without suffixes
  bool strict = false;         // exit 5 where anything was lost or is incomplete
  bool expect_events = false;  // exit 6 where nothing happened
  bool dry_run = false;        // resolve, load, attach, detach, print the plan
  bool json = false;           // list, doctor, and the summary of a trace
  std::string glob = "*";      // list
  std::vector<std::string> inputs;  // convert: one, diff: base and new
  std::string push;                 // --push: as given; empty: none
  std::string push_token_file;      // --push-token-file
  std::string serve, metrics;       // --serve, --metrics: as given; empty: none
  std::string serve_token_file;     // --serve-token-file
  int verbosity = 0;                // -v 1, -q -1
  bool count_cost = false;          // --count-cost: cost counters of the BPF programs in the ledger
  Recall recall = Recall::On;       // --recall: stacks that are met again are not walked again
  bool check_walks = false;         // --check-walks: every walk done again in a second way
  // As a shell would read it; of a command behind -- its name alone, for passwords may follow.
  std::string command_line;
  std::string config_file;  // that was read; empty: there is none
  // What each option that a file may set is set to, wherever that comes from: changed_options().
  std::vector<std::vector<std::string>> settings;
  std::string text;  // for Help, Version and PrintConfig: what to print, line end included

  // Processes come while tracing, whoever starts them.
  [[nodiscard]] bool selects() const {
    return pids.empty() && (all || !comms.empty() || !cgroups.empty() || !containers.empty());
  }
  [[nodiscard]] bool continuous() const { return window.count() != 0; }
  // The command is the target; else it only sets the duration.
  [[nodiscard]] bool traces_command() const {
    return !command.empty() && pids.empty() && !selects();
  }
};

// Where options come from that are not on the command line. Precedence: command line, environment,
// file, default.
struct Sources {
  // The value of a JTRACE_* variable or null, as getenv; empty: no variable is honoured.
  std::function<const char*(const char*)> environment;
  std::string file;        // empty: none. One that does not exist sets nothing
  bool asked_for = false;  // by --config: then it has to exist
  // The trace goes on in windows, whatever is read now: so do the defaults that those have.
  bool in_windows = false;

  // The process environment, but not in a set-uid program or one with file capabilities, and
  // /etc/jtrace/config.toml.
  [[nodiscard]] static Sources of_process();
};

// argv to Options. Errc::Usage with one line for anything it does not understand. `formats` are the
// words of -o, for the help text only; whether a format exists is the exporters' business.
[[nodiscard]] Result<Options> parse_options(int argc, const char* const* argv,
                                            std::string_view formats = {},
                                            const Sources& sources = Sources::of_process());

// Those that are set otherwise, as the command line has them: "-t", "--max-memory". Both are
// results of parse_options().
[[nodiscard]] std::vector<std::string_view> changed_options(const Options& before,
                                                            const Options& now);
// Has `to` say of one of those what `from` says: it is changed no more.
void adopt_setting(std::string_view option, const Options& from, Options& to);
// The option as a configuration file has it: "loop = \"30s\""; "loop is not set".
[[nodiscard]] std::string setting_text(std::string_view option, const Options& options);

// "30", "30s", "5m", "1h", "500ms"; more than zero, a year at most. `label` names the value in
// messages.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(const std::string& text,
                                                              std::string_view label = "-d");

}  // namespace jtrace::cli
