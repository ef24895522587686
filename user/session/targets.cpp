// SPDX-License-Identifier: Apache-2.0
#include "session/targets.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

#include "base/counted.h"
#include "export/exporter.h"

namespace jtrace::session {
namespace {

// Records that are under way, and children that were made meanwhile, may need its tables.
constexpr std::chrono::seconds kMourning{1};
// Less than that, so that a parent's tables are there as long as a child lives by them.
constexpr std::chrono::milliseconds kChildhood{500};
// More than that many are not asked in each turn whether they have ended.
constexpr std::size_t kFew = 64;
constexpr std::chrono::milliseconds kWatchMany{50};
constexpr std::size_t kMostStandingBy = 256;
// Of processes that have ended; a person reads no more.
constexpr std::size_t kMostRemarks = 32;

bool same(const capture::Life& a, const capture::Life& b) {
  return a.tgid == b.tgid && a.birth == b.birth;
}

}  // namespace

std::vector<Remark> remarks_of(const Target& target, cli::JvmSymbols choice) {
  std::vector<Remark> remarks;
  const auto pid = target.info().key.tgid;
  if (const auto n = target.ranges_left_out(); n != 0) {
    remarks.push_back(
        {0,
         fmt::format("{} executable mappings of pid {} found no room: stacks in them are partial",
                     n, pid)});
  }
  if (target.revoked()) {
    remarks.push_back({0, fmt::format("process {} executed a program that its user may not trace; "
                                      "it was left alone from then on",
                                      pid)});
    return remarks;
  }
  std::ranges::move(what_names_lack(target, choice), std::back_inserter(remarks));
  // Only now: a JVM that was just starting could not be read at first.
  if (!target.is_jvm() && !target.jvm_note().empty()) {
    // It may name a file of the target.
    remarks.push_back({0, fmt::format("{}: {}; native stacks only", pid,
                                      exporting::safe_text(target.jvm_note()))});
  }
  return remarks;
}

Targets::Targets(SharedTables& shared, const cli::Options& options)
    : shared_(shared), options_(options) {
  if (options.selects() || options.follow || options.traces_command()) processes_.expect_several();
}

Status Targets::find_process(pid_t pid) {
  JT_TRY(auto target, Target::adopt({.tgid = pid}, shared_, options_));
  processes_.learn(target->info(), 0);
  if (!by_tgid_.empty()) processes_.expect_several();
  by_tgid_.insert_or_assign(static_cast<std::uint32_t>(pid), std::move(target));
  return {};
}

void Targets::stand_by(const std::vector<pid_t>& pids, const std::function<bool()>& goes_on) {
  for (const pid_t pid : pids) {
    if (by_tgid_.size() >= kMostStandingBy || !goes_on()) return;
    if (shared_.store.used() > shared_.store.capacity() / 2) return;
    const auto tgid = static_cast<std::uint32_t>(pid);
    if (by_tgid_.contains(tgid)) continue;
    auto target = Target::adopt({.tgid = pid}, shared_, options_);
    if (!target || !(*target)->refresh(nullptr)) continue;
    (*target)->stand_by();
    processes_.learn((*target)->info(), 0);
    by_tgid_.emplace(tgid, *std::move(target));
  }
}

Status Targets::refresh_all(capture::Capture& capture) {
  for (auto it = by_tgid_.begin(); it != by_tgid_.end();) {
    Target& target = *it->second;
    const Status told = target.refresh(&capture);
    if (!told && !target.stands_by()) return told;
    if (!told) {
      capture.targets().remove(target.life());
      capture.targets().give_back_ranges(target.life());
    }
    it = told ? std::next(it) : by_tgid_.erase(it);
  }
  return {};
}

// Of those that are there, whose events have come.
std::size_t Targets::met() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      by_tgid_, [](const auto& entry) { return !entry.second->stands_by(); }));
}

void Targets::note_new(const jt_notice_record& notice) {
  if (notice.hi == notice.tgid) {
    children_.erase(notice.tgid);
    new_.push_back(notice);
  } else {
    processes_.inherit(notice);
    children_.insert_or_assign(notice.tgid, Child{notice, Clock::now()});
  }
}

void Targets::note_change(std::uint32_t tgid) {
  const auto child = children_.extract(tgid);
  if (!child.empty()) new_.push_back(child.mapped().notice);
}

void Targets::note_exit(const jt_notice_record& notice) {
  const auto child = children_.find(notice.tgid);
  if (child != children_.end() && child->second.notice.lo == notice.lo) children_.erase(child);
  exits_.push_back(life_of(notice));
  processes_.note_end(exits_.back());
}

std::vector<jt_notice_record> Targets::take_new() {
  const auto grown = Clock::now() - kChildhood;
  for (auto it = children_.begin(); it != children_.end();) {
    const bool is_grown = it->second.since < grown;
    if (is_grown) new_.push_back(it->second.notice);
    it = is_grown ? children_.erase(it) : std::next(it);
  }
  return std::exchange(new_, {});
}

Result<Target*> Targets::adopt(capture::Capture& capture, const jt_notice_record& notice) {
  const auto life = life_of(notice);
  const auto known = by_tgid_.find(notice.tgid);
  if (known != by_tgid_.end()) {
    if (same(known->second->life(), life)) return known->second.get();
    retire(known, capture);
  }
  auto target = Target::adopt(life, shared_, options_);
  Status read = target ? (*target)->refresh(&capture) : std::unexpected(target.error());
  if (!read) {
    if (read.error().code == Errc::Target) {
      capture.targets().remove(life);
      return remains_of(life);
    }
    // Not for us to see, or no room for its tables: its events would all be deferred in vain.
    keep_remark(
        {0, fmt::format("process {} is not traced: {}", notice.tgid, read.error().message)});
    JT_CHECK_OK(capture.targets().exclude(life));
    return nullptr;
  }
  Target* const adopted = target->get();
  processes_.learn(adopted->info(), life.birth);
  by_tgid_.insert_or_assign(notice.tgid, *std::move(target));
  return adopted;
}

// Not among those that are there: its stacks will find it.
Target* Targets::remains_of(const capture::Life& life) {
  if (log_) log_->drain();
  const auto mappings = log_ ? log_->of(life.tgid) : std::vector<capture::LoggedMapping>{};
  processes_.learn_remains(life, mappings.empty() ? std::string_view() : mappings.front().path);
  if (mappings.empty()) {
    ++figures_.missed;
    return nullptr;
  }
  ended_.push_back(
      {.target = Target::remains(life, mappings, shared_, options_), .since = Clock::now()});
  return ended_.back().target.get();
}

Status Targets::refresh(Target& target, capture::Capture& capture) {
  Status status = target.refresh(&capture);
  if (executing_.erase(static_cast<std::uint32_t>(target.info().key.tgid)) != 0)
    learn_again(target);
  if (status || status.error().code != Errc::Target) return status;
  if (log_) log_->drain();
  const auto mappings =
      log_ ? log_->of(target.info().key.tgid) : std::vector<capture::LoggedMapping>{};
  // Without, it keeps the tables it had.
  if (!mappings.empty() && !target.is_jvm()) target.use(mappings);
  return {};
}

void Targets::learn_again(const Target& target) {
  const pid_t pid = target.info().key.tgid;
  const auto info = process::find_process(pid);
  if (info && info->key == target.info().key) processes_.learn(*info, target.life().birth);
}

Status Targets::open_log() {
  JT_TRY(log_, capture::MappingLog::open());
  return {};
}

Target* Targets::find(std::uint32_t tgid) const {
  if (const auto it = by_tgid_.find(tgid); it != by_tgid_.end()) return it->second.get();
  const auto gone = std::ranges::find_if(ended_ | std::views::reverse, [tgid](const Ended& one) {
    return one.target->info().key.tgid == static_cast<pid_t>(tgid);
  });
  return gone == ended_.rend() ? nullptr : gone->target.get();
}

std::vector<Target*> Targets::current() const {
  std::vector<Target*> all;
  std::ranges::transform(by_tgid_, std::back_inserter(all),
                         [](const auto& entry) { return entry.second.get(); });
  return all;
}

std::vector<Target*> Targets::note_window(capture::Capture& capture) {
  processes_.note_window();
  if (!shared_.note_window(capture)) return {};
  std::vector<Target*> all = current();
  std::erase_if(all, [](const Target* target) { return !target->has_room_now(); });
  return all;
}

// One that is gone is no target any more: its number can be handed out.
void Targets::retire(std::map<std::uint32_t, std::unique_ptr<Target>>::iterator it,
                     capture::Capture& capture) {
  capture.targets().remove(it->second->life());
  processes_.note_end(it->second->life());
  ended_.push_back({.target = std::move(it->second), .since = Clock::now()});
  by_tgid_.erase(it);
}

bool Targets::watch(capture::Capture& capture) {
  if (log_) log_->drain();
  for (const auto& life : std::exchange(exits_, {})) {
    const auto it = by_tgid_.find(static_cast<std::uint32_t>(life.tgid));
    // Known ones are asked below: between this and their end they have some more events.
    if (it == by_tgid_.end() || !same(it->second->life(), life)) capture.targets().remove(life);
  }
  const auto now = Clock::now();
  if (!children_.empty() && by_tgid_.empty()) return true;
  if (by_tgid_.size() > kFew && now - watched_ < kWatchMany) return true;
  watched_ = now;
  figures_.most = std::max(figures_.most, met());
  std::vector<pollfd> fds;
  std::vector<std::uint32_t> tgids;
  for (const auto& [tgid, target] : by_tgid_) {
    fds.push_back({.fd = target->pidfd(), .events = POLLIN, .revents = 0});
    tgids.push_back(tgid);
  }
  ::poll(fds.data(), fds.size(), 0);
  for (std::size_t i = 0; i < fds.size(); ++i) {
    const auto it = by_tgid_.find(tgids[i]);
    if (fds[i].revents != 0 || it->second->revoked()) retire(it, capture);
  }
  return !by_tgid_.empty() || !children_.empty() || !new_.empty();
}

std::vector<std::unique_ptr<Target>> Targets::take_ended(
    capture::Capture& capture, const std::function<bool(Target&)>& is_needed) {
  std::vector<std::unique_ptr<Target>> taken;
  const auto before = Clock::now() - kMourning;
  for (Ended& one : ended_) {
    if (one.since >= before) break;
    Target& target = *one.target;
    if (is_needed(target)) continue;
    capture.targets().give_back_ranges(target.life());
    if (!target.stands_by()) {
      keep_remarks(target);
      ++figures_.opened;
      figures_.jvms += target.is_jvm();
    }
    taken.push_back(std::move(one.target));
  }
  std::erase_if(ended_, [](const Ended& one) { return one.target == nullptr; });
  return taken;
}

void Targets::keep_remarks(const Target& target) {
  for (Remark& remark : remarks_of(target, options_.jvm_symbols)) keep_remark(std::move(remark));
}

void Targets::keep_remark(Remark remark) {
  if (kept_.size() < kMostRemarks) {
    kept_.push_back(std::move(remark));
  } else if (remark.level <= 0) {
    ++more_remarks_;
  }
}

Targets::Figures Targets::figures() const {
  Figures all = figures_;
  all.most = std::max(all.most, met());
  const auto add = [&](const Target& target) {
    if (target.stands_by()) return;
    ++all.opened;
    all.jvms += target.is_jvm();
  };
  for (const auto& [tgid, target] : by_tgid_) add(*target);
  for (const auto& one : ended_) add(*one.target);
  return all;
}

std::vector<Remark> Targets::remarks() const {
  std::vector<Remark> all = kept_;
  const auto add = [&](const Target& target) {
    if (target.stands_by()) return;
    std::ranges::move(remarks_of(target, options_.jvm_symbols), std::back_inserter(all));
  };
  for (const auto& one : ended_) add(*one.target);
  for (const auto& [tgid, target] : by_tgid_) add(*target);
  if (figures_.missed != 0) {
    all.push_back(
        {0, fmt::format("{} had ended before mappings could be read: stacks there are partial",
                        counted(figures_.missed, "process", "processes"))});
  }
  if (more_remarks_ != 0) {
    all.push_back(
        {0, fmt::format("{} on processes that have ended", counted(more_remarks_, "more remark"))});
  }
  return all;
}

}  // namespace jtrace::session
