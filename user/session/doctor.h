// SPDX-License-Identifier: Apache-2.0
// What this host and a process allow, and the one command that mends each gap.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/features.h"
#include "cli/options.h"

namespace jtrace::session {

struct Check {
  enum class State { Ok, Gap, Info };
  std::string name;  // as error messages name it: "tracefs"
  State state = State::Info;
  std::string finding;       // may hold text of a target until it is printed
  std::string command;       // what mends a gap; empty where nothing does
  bool fatal = false;        // a gap that nothing can be traced with
  std::optional<pid_t> pid;  // none: about the host
  bool refused = false;      // a process that others could trace: it is us who may not
};

// Where the host's facts come from: a seam for tests.
struct Host {
  std::filesystem::path root = "/";
  std::function<Status()> load_bpf;
  std::function<capture::KernelFeatures()> features;
  std::function<bool()> in_initial_pid_namespace;
  std::filesystem::path cache;
  bool rights_are_lent = false;  // base/rights.h

  [[nodiscard]] static Host real();
};

[[nodiscard]] std::vector<Check> check_host(const Host& host);
[[nodiscard]] std::vector<Check> check_process(pid_t pid, const cli::Options& options);

// Lines for a person; an array of objects for a program. Both end in what it comes to.
[[nodiscard]] std::string checks_text(const std::vector<Check>& checks);
[[nodiscard]] std::string checks_json(const std::vector<Check>& checks);

// 3 where the host, or we have not the right, else 4 where a process cannot be traced, else 0.
[[nodiscard]] int exit_status(const std::vector<Check>& checks);

[[nodiscard]] Result<int> run_doctor(const cli::Options& options);

}  // namespace jtrace::session
