// SPDX-License-Identifier: Apache-2.0
#include "session/selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "process/description.h"

namespace jtrace::session {
namespace {

Result<std::set<pid_t>> processes_of(const cli::Options& options) {
  std::set<pid_t> pids(options.pids.begin(), options.pids.end());
  const bool alone = pids.empty() && !options.selects();
  for (const pid_t tid : options.tids) {
    JT_TRY(const pid_t tgid, process::process_of(tid));
    if (alone) pids.insert(tgid);
    if (!pids.empty() && !pids.contains(tgid)) {
      return fail(Errc::Target, fmt::format("--tid {}: a thread of process {}", tid, tgid),
                  fmt::format("which is none of those that -p names; use -p {}", tgid));
    }
  }
  return pids;
}

Result<std::vector<process::Cgroup>> cgroups_of(const cli::Options& options) {
  std::vector<process::Cgroup> cgroups;
  if (options.cgroups.empty() && options.containers.empty()) return cgroups;
  if (options.cgroups.size() + options.containers.size() > JT_MAX_CGROUPS) {
    return fail(Errc::Usage, fmt::format("--cgroup, --container: more than {}", JT_MAX_CGROUPS),
                "a cgroup includes those below it: name one that has them all");
  }
  JT_TRY(const auto tree, process::CgroupTree::find());
  for (const std::string& path : options.cgroups) {
    JT_TRY(auto cgroup, tree.open(path));
    cgroups.push_back(std::move(cgroup));
  }
  for (const std::string& id : options.containers) {
    JT_TRY(auto cgroup, tree.open_container(id));
    cgroups.push_back(std::move(cgroup));
  }
  return cgroups;
}

}  // namespace

Result<Selection> Selection::find(const cli::Options& options) {
  Selection selection(options);
  JT_TRY(selection.pids_, processes_of(options));
  JT_TRY(selection.cgroups_, cgroups_of(options));
  if (options.tids.size() > JT_MAX_TIDS) {
    return fail(Errc::Usage, fmt::format("--tid: more than {} threads", JT_MAX_TIDS));
  }
  if (!options.comms.empty()) {
    JT_TRY(selection.comm_, capture::compile_comm_globs(options.comms));
  }
  return selection;
}

void Selection::configure(capture::CaptureConfig& config) const {
  config.follow = options_->follow;
  config.every = options_->selects();
  config.comm = comm_;
  config.cgroups = static_cast<std::uint32_t>(cgroups_.size());
  config.only_tids = !options_->tids.empty();
  if (pids_.size() == 1 && !config.follow && !config.every) config.only_tgid = *pids_.begin();
}

Status Selection::apply(capture::Capture& capture, const std::vector<pid_t>& own,
                        const std::optional<Command>& command) const {
  for (std::uint32_t i = 0; i < cgroups_.size(); ++i) {
    JT_CHECK_OK(capture.set_cgroup(i, cgroups_[i].directory.get()));
  }
  for (const pid_t tid : options_->tids) JT_CHECK_OK(capture.add_tid(tid));
  if (options_->selects()) {
    for (const pid_t pid : own) JT_CHECK_OK(capture.targets().exclude({.tgid = pid}));
    // Whose parent we are, but which is not ours.
    if (command) JT_CHECK_OK(capture.targets().ask(command->pid()));
  }
  if (options_->traces_command()) JT_CHECK_OK(capture.targets().hold(command->pid()));
  return {};
}

bool Selection::may_match(const process::ProcessText& program) const {
  const auto is_called = [&](const std::string& glob) {
    return ::fnmatch(glob.c_str(), program.comm.c_str(), 0) == 0;
  };
  if (!options_->comms.empty() && std::ranges::none_of(options_->comms, is_called)) return false;
  if (cgroups_.empty()) return true;
  constexpr std::size_t kMost = 64U << 10;
  const auto text = read_file(fmt::format("/proc/{}/cgroup", program.tgid), kMost);
  if (!text) return false;
  const std::string path = std::string(process::cgroup_of(*text)) + '/';
  return std::ranges::any_of(cgroups_, [&](const process::Cgroup& cgroup) {
    return cgroup.path == "/" || path.starts_with(cgroup.path + '/');
  });
}

std::vector<pid_t> Selection::candidates(const std::vector<pid_t>& own,
                                         const std::optional<Command>& command) const {
  std::vector<pid_t> pids;
  if (!options_->selects()) return pids;
  for (const auto& program : process::programs_by_cpu_time()) {
    if (std::ranges::find(own, program.tgid) != own.end()) continue;
    if (command && command->pid() == program.tgid) continue;
    if (may_match(program)) pids.push_back(program.tgid);
  }
  return pids;
}

std::string Selection::who(const Targets& targets, const std::optional<Command>& command) const {
  if (options_->traces_command()) {
    return fmt::format("{} (pid {})", fmt::join(options_->command, " "), command->pid());
  }
  std::string text;
  if (options_->selects()) {
    text = options_->comms.empty() ? "every process" : "processes";
    if (options_->comms.empty() && cgroups_.empty()) text += " but jtrace itself";
    return text;
  }
  for (const Target* target : targets.current()) {
    if (!pids_.contains(target->info().key.tgid)) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} (pid {})", target->info().comm, target->info().key.tgid);
  }
  return text;
}

std::string Selection::text(const Targets& targets, const std::optional<Command>& command) const {
  std::string text = who(targets, command);
  if (!options_->comms.empty()) {
    text += fmt::format(" called '{}'", fmt::join(options_->comms, "' or '"));
  }
  for (std::size_t i = 0; i < cgroups_.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? " in cgroup " : " or ", cgroups_[i].path);
  }
  if (!options_->tids.empty()) text += fmt::format(", thread {}", fmt::join(options_->tids, ", "));
  if (options_->follow) text += ", with what is started by it";
  return text;
}

process::ProcessInfo Selection::eponym(const Targets& targets,
                                       const std::optional<Command>& command) const {
  process::ProcessInfo info;
  if (options_->traces_command()) {
    info.comm = command->name();
    info.key.tgid = command->pid();
  } else if (!options_->selects()) {
    return targets.current().front()->info();
  } else if (!options_->comms.empty()) {
    info.comm = options_->comms.front();
  } else if (!cgroups_.empty()) {
    const std::string& path = cgroups_.front().path;
    info.comm = path == "/" ? "cgroup" : path.substr(path.rfind('/') + 1);
  } else {
    info.comm = "all";
  }
  return info;
}

}  // namespace jtrace::session
