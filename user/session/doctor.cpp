// SPDX-License-Identifier: Apache-2.0
#include "session/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "session/output.h"

namespace jtrace::session {
namespace {

constexpr std::string_view state_word(Check::State state) {
  switch (state) {
    case Check::State::Ok:
      return "ok";
    case Check::State::Gap:
      return "gap";
    case Check::State::Info:
      break;
  }
  return "info";
}

std::string verdict(const std::vector<Check>& checks) {
  const auto fatal = std::ranges::find(checks, true, &Check::fatal);
  if (fatal != checks.end()) {
    return fatal->pid ? fmt::format("process {} cannot be traced: see {}", *fatal->pid, fatal->name)
                      : fmt::format("tracing cannot work here: see {}", fatal->name);
  }
  const auto gaps = std::ranges::count(checks, Check::State::Gap, &Check::state);
  if (gaps == 0) return "tracing works";
  return fmt::format("tracing works, with {} gap{}", gaps, gaps == 1 ? "" : "s");
}

}  // namespace

std::string checks_text(const std::vector<Check>& checks) {
  constexpr std::size_t kState = 4;
  std::size_t width = 0;
  for (const Check& check : checks) width = std::max(width, check.name.size());
  std::string text;
  std::optional<pid_t> about;
  for (const Check& check : checks) {
    if (check.pid != about) text += fmt::format("process {}\n", check.pid.value_or(0));
    about = check.pid;
    fmt::format_to(std::back_inserter(text), "{:<{}}  {:<{}}  {}\n", state_word(check.state),
                   kState, check.name, width, printable(check.finding));
    if (!check.command.empty()) {
      fmt::format_to(std::back_inserter(text), "{:{}}  mend: {}\n", "", kState + 2 + width,
                     printable(check.command));
    }
  }
  return text + verdict(checks) + "\n";
}

std::string checks_json(const std::vector<Check>& checks) {
  auto list = nlohmann::ordered_json::array();
  for (const Check& check : checks) {
    nlohmann::ordered_json entry{{"name", check.name},
                                 {"state", state_word(check.state)},
                                 {"finding", printable(check.finding)},
                                 {"command", printable(check.command)},
                                 {"fatal", check.fatal}};
    if (check.pid) entry["pid"] = *check.pid;
    list.push_back(std::move(entry));
  }
  const nlohmann::ordered_json json{{"checks", std::move(list)},
                                    {"works", exit_status(checks) == 0},
                                    {"verdict", verdict(checks)}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

int exit_status(const std::vector<Check>& checks) {
  const auto fatal = [&](bool of_host) {
    return std::ranges::any_of(checks, [&](const Check& check) {
      return check.fatal && (!check.pid || check.refused) == of_host;
    });
  };
  if (fatal(true)) return static_cast<int>(Errc::Environment);
  return fatal(false) ? static_cast<int>(Errc::Target) : 0;
}

Result<int> run_doctor(const cli::Options& options) {
  std::vector<Check> checks = check_host(Host::real());
  for (const pid_t pid : options.pids) {
    auto more = check_process(pid, options);
    checks.insert(checks.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
  }
  JT_CHECK_OK(write_standard_output(options.json ? checks_json(checks) : checks_text(checks)));
  return exit_status(checks);
}

}  // namespace jtrace::session
