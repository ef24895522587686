// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace jtrace::cli {

enum class CStack { Auto, Dwarf, Fp, No };
enum class KernelStack { Auto, Yes, No };
enum class JvmSymbols { Auto, VmStructs, PerfMap, None };

// What the command line asks for, checked but not yet resolved against the host.
struct Options {
  enum class Action { Trace, Help, Version };
  Action action = Action::Trace;
  std::vector<std::string> events;  // texts of -t, as given
  std::vector<pid_t> pids;
  std::optional<std::chrono::nanoseconds> duration;
  std::vector<std::string> files;     // -f; "-" is standard output
  std::optional<std::string> format;  // -o
  CStack cstack = CStack::Auto;
  KernelStack kernel = KernelStack::Auto;
  JvmSymbols jvm_symbols = JvmSymbols::Auto;
  unsigned max_depth = 2048;
  int verbosity = 0;        // -v 1, -q -1
  bool count_cost = false;  // --count-cost: cost counters of the BPF programs in the ledger
  std::string text;         // help or version text, for those actions
};

// argv to Options. Errc::Usage with one line for anything it does not understand.
[[nodiscard]] Result<Options> parse_options(int argc, const char* const* argv);

// "30", "30s", "5m", "1h", "500ms"; more than zero.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(const std::string& text);

}  // namespace jtrace::cli
