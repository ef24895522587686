// SPDX-License-Identifier: Apache-2.0
// Whose events count, as the options say it and as this host has it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/capture.h"
#include "cli/options.h"
#include "process/cgroups.h"
#include "process/identity.h"
#include "session/command.h"
#include "session/targets.h"

namespace jtrace::session {

class Selection {
 public:
  // Looks up cgroups, containers, the processes of threads.
  [[nodiscard]] static Result<Selection> find(const cli::Options& options);

  // Processes that must be there at the start.
  [[nodiscard]] const std::set<pid_t>& pids() const { return pids_; }
  void configure(capture::CaptureConfig& config) const;
  // Once the programs are loaded. `own`: processes of jtrace's own.
  [[nodiscard]] Status apply(capture::Capture& capture, const std::vector<pid_t>& own,
                             const std::optional<Command>& command) const;
  // Those that are there and may become targets at their first event, the busiest first; none where
  // targets are given by number. Names are compared by the kernel in the end.
  [[nodiscard]] std::vector<pid_t> candidates(const std::vector<pid_t>& own,
                                              const std::optional<Command>& command) const;
  // Tracing ends when the processes that it began with, and theirs, have ended.
  [[nodiscard]] bool ends_with_targets() const {
    return !options_->selects() && !options_->traces_command();
  }

  // "java (pid 12)", "processes called 'java*' in cgroup /x".
  [[nodiscard]] std::string text(const Targets& targets,
                                 const std::optional<Command>& command) const;
  // What names an output that nobody has named: number 0 where there is no one process.
  [[nodiscard]] process::ProcessInfo eponym(const Targets& targets,
                                            const std::optional<Command>& command) const;

 private:
  explicit Selection(const cli::Options& options) : options_(&options) {}
  [[nodiscard]] bool may_match(const process::ProcessText& program) const;
  [[nodiscard]] std::string who(const Targets& targets,
                                const std::optional<Command>& command) const;

  const cli::Options* options_;
  std::set<pid_t> pids_;
  std::vector<process::Cgroup> cgroups_;
  std::optional<capture::CommGlobs> comm_;
};

}  // namespace jtrace::session
