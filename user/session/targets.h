// SPDX-License-Identifier: Apache-2.0
// The processes of a run: those it begins with, and those that come while it traces.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/capture.h"
#include "capture/mapping_log.h"
#include "cli/options.h"
#include "session/name_sources.h"
#include "session/processes.h"
#include "session/target.h"

namespace jtrace::session {

class Targets {
 public:
  Targets(SharedTables& shared, const cli::Options& options);

  // Before there is a capture: one of the current() ones from now on, whose mappings are not read.
  [[nodiscard]] Status find_process(pid_t pid);
  // Before there is anything counted: processes that may become targets at their first event are
  // made ready for it, the first ones first, as long as `goes_on` says so and while they leave half
  // of the tables' rows to others. Without, a busy one's events are lost while its tables are read.
  // Who cannot be read, or has ended, is no matter here.
  void stand_by(const std::vector<pid_t>& pids, const std::function<bool()>& goes_on);
  // Tells the kernel of all there are. Who stands by and cannot be read any more is let go.
  [[nodiscard]] Status refresh_all(capture::Capture& capture);
  // The kernel side has made a process a target. Null where it has ended already, or cannot be
  // read, by who was lent our rights for instance: the kernel side counts it no more then.
  [[nodiscard]] Result<Target*> adopt(capture::Capture& capture, const jt_notice_record& notice);
  // A target's mappings have changed. One that has ended meanwhile has those that the log tells.
  [[nodiscard]] Status refresh(Target& target, capture::Capture& capture);
  // It executes another program; the next refresh() learns which.
  void note_exec(std::uint32_t tgid) { executing_.insert(tgid); }
  // A process that the kernel side has made a target. A child that was forked is left to its
  // parent's tables, and names, as long as they are right: until it maps code or executes
  // something, or for half a second.
  void note_new(const jt_notice_record& notice);
  void note_change(std::uint32_t tgid);
  // Those to be adopted now.
  [[nodiscard]] std::vector<jt_notice_record> take_new();
  // The last thread of a process has ended, one that we know or not.
  void note_exit(const jt_notice_record& notice);
  void note_starting(std::size_t jvms) { shared_.starting = jvms; }
  // For processes that come and go; while there is the right to.
  [[nodiscard]] Status open_log();

  // Children or ended processes whose time will come.
  [[nodiscard]] bool has_pending() const {
    return !new_.empty() || !children_.empty() || !ended_.empty() || !exits_.empty();
  }

  // NativeSymbols::progress(), of all.
  [[nodiscard]] std::uint64_t files_read() { return shared_.native.progress(); }
  // Who has this number, or had it last. One that has ended is found until take_ended().
  [[nodiscard]] Target* find(std::uint32_t tgid) const;
  [[nodiscard]] std::vector<Target*> current() const;
  // Who they are, and were.
  [[nodiscard]] Processes& processes() { return processes_; }
  // A window is published: what only processes have that ended long before it is let go. Which ones
  // are to be refreshed, since there is room for their rows now.
  [[nodiscard]] std::vector<Target*> note_window(capture::Capture& capture);
  // Looks who has ended: false where nobody is left.
  [[nodiscard]] bool watch(capture::Capture& capture);
  // Those that ended so long ago that no event and no child of theirs needs their tables any more.
  // Their ranges are given back. Those that `is_needed` says stay.
  [[nodiscard]] std::vector<std::unique_ptr<Target>> take_ended(
      capture::Capture& capture, const std::function<bool(Target&)>& is_needed);

  struct Figures {
    std::size_t opened = 0;  // at the start and since
    std::size_t jvms = 0;
    std::size_t missed = 0;  // had ended before anything could be learned of them
    std::size_t most = 0;    // at a time
  };
  [[nodiscard]] Figures figures() const;
  // What is to be said of them at the end.
  [[nodiscard]] std::vector<Remark> remarks() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Child {
    jt_notice_record notice;
    Clock::time_point since;
  };
  struct Ended {
    std::unique_ptr<Target> target;
    Clock::time_point since;
  };
  static capture::Life life_of(const jt_notice_record& notice) {
    return {.tgid = static_cast<pid_t>(notice.tgid), .birth = notice.lo};
  }
  [[nodiscard]] std::size_t met() const;
  void retire(std::map<std::uint32_t, std::unique_ptr<Target>>::iterator it,
              capture::Capture& capture);
  [[nodiscard]] Target* remains_of(const capture::Life& life);
  void learn_again(const Target& target);
  void keep_remarks(const Target& target);
  void keep_remark(Remark remark);

  SharedTables& shared_;
  const cli::Options& options_;
  std::map<std::uint32_t, std::unique_ptr<Target>> by_tgid_;
  std::vector<jt_notice_record> new_;
  std::map<std::uint32_t, Child> children_;  // that live by their parents' tables
  std::vector<Ended> ended_;                 // in this order
  std::vector<capture::Life> exits_;
  std::set<std::uint32_t> executing_;
  Processes processes_;
  Clock::time_point watched_{};
  std::optional<capture::MappingLog> log_;
  Figures figures_;           // of those taken as ended, but for `most`
  std::vector<Remark> kept_;  // of those
  std::size_t more_remarks_ = 0;
};

// "process 12 ...": what it lacks, as lines for a person.
[[nodiscard]] std::vector<Remark> remarks_of(const Target& target, cli::JvmSymbols choice);

}  // namespace jtrace::session
