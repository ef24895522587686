// SPDX-License-Identifier: Apache-2.0
// The one table of options: parser, help text and suggestions are made from it. Private to cli/.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace jtrace::cli {

// The command line's words, not yet looked at. An option that may be given once keeps all its
// values too: the last one counts, so that a wrapper script's default can be overridden.
struct Words {
  std::vector<std::string> tracepoint, pid, duration, file, output, cstack, kernel, max_depth,
      jvm_symbols;
  bool no_kernel = false, count_cost = false, verbose = false, quiet = false, version = false,
       help = false;
};

struct Row {
  std::string_view group;
  std::string_view names;  // as CLI11 takes them: "-p,--pid"
  std::string_view value;  // what stands for the value in the help; empty for a flag
  std::string_view text;
  std::vector<std::string> Words::* values = nullptr;
  bool Words::* flag = nullptr;
};

[[nodiscard]] std::span<const Row> option_table();

// Options and commands of the documented command line that other versions have and this one has
// not. They are told apart from mistyped ones.
[[nodiscard]] bool is_of_other_version(std::string_view option);
[[nodiscard]] bool is_command_of_other_version(std::string_view word);

[[nodiscard]] std::string help_text(std::string_view formats);
[[nodiscard]] std::string version_text();

}  // namespace jtrace::cli
