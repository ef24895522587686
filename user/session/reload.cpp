// SPDX-License-Identifier: Apache-2.0
// SIGHUP: the configuration is read again, and what can change while tracing is taken over. By then
// this process may open files to read them, and do little else.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "session/run.h"

namespace jtrace::session {
namespace {

// What came through a pipe (`--config <(...)`) is not there a second time: nothing would be set.
Status check_stays(const std::string& file) {
  std::error_code missing;
  if (file.empty() || !std::filesystem::exists(file, missing) ||
      std::filesystem::is_regular_file(file, missing)) {
    return {};
  }
  return fail(Errc::Usage, file + ": no regular file, which could be read again",
              "start jtrace with a --config FILE that is one");
}

std::string one_line(const Error& error) {
  std::string line = error.hint.empty() ? error.message : error.message + "; " + error.hint;
  for (std::size_t at = 0; (at = line.find('\n', at)) != std::string::npos;) {
    line.replace(at, 1, "; ");
  }
  return line;
}

void add(std::string& list, std::string_view word) {
  list.append(list.empty() ? "" : ", ").append(word);
}

}  // namespace

void Run::reload() {
  const Status stays = check_stays(options_.config_file);
  const auto fresh = stays ? reread_() : std::unexpected(stays.error());
  if (!fresh) {
    say(-1, fmt::format("the configuration was not read again, what is in force stays: {}",
                        one_line(fresh.error())));
    return;
  }
  // What the file says of windows may take a restart, and the limit there is without one with it.
  cli::Options limits = options_;
  limits.max_overhead = fresh->max_overhead;
  limits.max_rate = fresh->max_rate;
  const auto can_be = [&](std::string_view option) {
    if (option == "--max-overhead") return governor_.can_limit(limits);
    if (option == "--max-rate") return governor_.can_rate(limits);
    if (option == "--loop" || option == "--continuous") return fresh->continuous();
    return option == "--keep" || option == "-v" || option == "-q";
  };
  std::string taken;
  std::string waiting;
  for (const std::string_view option : cli::changed_options(options_, *fresh)) {
    if (!can_be(option)) {
      add(waiting, option);
      continue;
    }
    cli::adopt_setting(option, *fresh, options_);
    add(taken, cli::setting_text(option, *fresh));
  }
  governor_.set_limits(*capture_, limits);
  if (live_) live_->set_share(governor_.live_share());
  if (can_be("--max-overhead")) options_.max_overhead = fresh->max_overhead;
  if (can_be("--max-rate")) options_.max_rate = fresh->max_rate;
  if (fresh->continuous() && fresh->window != options_.window) {
    options_.window = fresh->window;
    clock_->set_length(fresh->window);
  }
  options_.keep = fresh->keep;
  const std::string& file = fresh->config_file.empty() ? options_.config_file : fresh->config_file;
  // What makes it quiet is still said.
  options_.verbosity = std::max(options_.verbosity, fresh->verbosity);
  if (!taken.empty()) say(0, fmt::format("{} was read again, now in force: {}", file, taken));
  if (!waiting.empty()) {
    say(0, fmt::format("changed in {}: takes effect after a restart: {}", file, waiting));
  }
  if (taken.empty() && waiting.empty() && !file.empty()) {
    say(0, fmt::format("{} was read again: nothing has changed", file));
  }
  options_.verbosity = fresh->verbosity;
  options_.config_file = file;
}

}  // namespace jtrace::session
