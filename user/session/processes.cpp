// SPDX-License-Identifier: Apache-2.0
#include "session/processes.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>

namespace jtrace::session {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t now_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

// To the millisecond; the kernel tells hundredths of a second.
std::string time_text(std::int64_t since_epoch_ns) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  const std::time_t seconds = since_epoch_ns / kSecond;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds),
                     since_epoch_ns % kSecond / kMillisecond);
}

}  // namespace

Processes::Processes(std::filesystem::path proc)
    : proc_(std::move(proc)),
      boot_ns_(now_of(CLOCK_REALTIME) - now_of(CLOCK_BOOTTIME)),
      monotonic_ns_(now_of(CLOCK_REALTIME) - now_of(CLOCK_MONOTONIC)),
      tick_ns_(kSecond / std::max(::sysconf(_SC_CLK_TCK), 1L)) {}

void Processes::put(pid_t tgid, Known known) {
  if (by_tgid_.size() >= kMost && !by_tgid_.contains(tgid)) return;
  by_tgid_.insert_or_assign(tgid, std::move(known));
}

std::shared_ptr<const process::Description> Processes::about(pid_t tgid) const {
  const auto known = by_tgid_.find(tgid);
  return known == by_tgid_.end() ? nullptr : known->second.about;
}

void Processes::learn(const process::ProcessInfo& info, std::uint64_t birth) {
  const pid_t tgid = info.key.tgid;
  process::Description fresh = process::describe(proc_, tgid, info.comm);
  const auto start = boot_ns_ + static_cast<std::int64_t>(info.key.start_ticks) * tick_ns_;
  // It ended while it was read: where it ran is where it was forked.
  if (const auto before = about(tgid); before && fresh.cgroup.empty()) {
    fresh.cgroup = before->cgroup;
    fresh.container = before->container;
    fresh.pod = before->pod;
  }
  put(tgid, {.about = std::make_shared<const process::Description>(std::move(fresh)),
             .start_ns = start,
             .birth = birth,
             .ended = {}});
}

void Processes::inherit(const jt_notice_record& notice) {
  auto parents = about(static_cast<pid_t>(notice.hi));
  if (!parents) return;
  put(static_cast<pid_t>(notice.tgid),
      {.about = std::move(parents),
       .start_ns = monotonic_ns_ + static_cast<std::int64_t>(notice.lo),
       .birth = notice.lo,
       .ended = {}});
}

void Processes::learn_remains(const capture::Life& life, std::string_view program) {
  constexpr std::size_t kCommBytes = 15;
  const auto before = about(life.tgid);
  process::Description about = before ? *before : process::Description();
  if (!program.empty()) {
    about.comm = process::bounded(program.substr(program.rfind('/') + 1).substr(0, kCommBytes));
    about.main.clear();
  }
  put(life.tgid, {.about = std::make_shared<const process::Description>(std::move(about)),
                  .start_ns = monotonic_ns_ + static_cast<std::int64_t>(life.birth),
                  .birth = life.birth,
                  .ended = window_});
}

// Not of who has its number since.
void Processes::note_end(const capture::Life& life) {
  const auto known = by_tgid_.find(life.tgid);
  if (known == by_tgid_.end() || known->second.birth != life.birth || known->second.ended) return;
  known->second.ended = window_;
}

void Processes::note_window() {
  ++window_;
  std::erase_if(by_tgid_, [this](const auto& entry) {
    const auto& ended = entry.second.ended;
    return ended && *ended + 2 <= window_;
  });
}

profile::Process Processes::find(std::uint32_t tgid) const {
  profile::Process process{.pid = tgid};
  const auto known = by_tgid_.find(static_cast<pid_t>(tgid));
  if (known == by_tgid_.end()) return process;
  const process::Description& about = *known->second.about;
  process.start = time_text(known->second.start_ns);
  process.comm = about.comm;
  process.main = about.main;
  process.container = about.container;
  process.cgroup = about.cgroup;
  process.pod = about.pod;
  return process;
}

}  // namespace jtrace::session
