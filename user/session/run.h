// SPDX-License-Identifier: Apache-2.0
// One run of the program. Private to session/: session.cpp makes it ready, tracing.cpp traces and
// says what came of it, reload.cpp reads the configuration again.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "capture/capture.h"
#include "cli/options.h"
#include "event/tracepoint.h"
#include "session/command.h"
#include "session/entry.h"
#include "session/events.h"
#include "session/governor.h"
#include "session/live_view.h"
#include "session/memory.h"
#include "session/observers.h"
#include "session/output.h"
#include "session/progress.h"
#include "session/publisher.h"
#include "session/recorder.h"
#include "session/report.h"
#include "session/selection.h"
#include "session/service_notice.h"
#include "session/session.h"
#include "session/target.h"
#include "session/targets.h"
#include "session/uploads.h"
#include "session/window_clock.h"
#include "session/writer.h"

namespace jtrace::session {

// Rows of the unwind tables of all binaries in use: libjvm has 0.2 M, a JVM with all its libraries
// 0.4 M. 8 bytes each.
constexpr std::uint32_t kMaxRows = 4U << 20;
class Run {
 public:
  Run(const cli::Options& options, Reread reread)
      : options_(options),
        reread_(std::move(reread)),
        shared_(MemoryLimit(options.max_memory).rows(kMaxRows),
                MemoryLimit(options.max_memory).symbol_bytes(NativeSymbols::kMaxBytes)),
        targets_(shared_, options_),
        governor_(options),
        memory_(options.max_memory),
        progress_({.shows = options.verbosity >= 0 && has_status_terminal()}) {}

  [[nodiscard]] Result<int> operator()();

 private:
  [[nodiscard]] Status prepare();
  [[nodiscard]] Status resolve();
  [[nodiscard]] Status find_targets();
  [[nodiscard]] Status read_targets();
  [[nodiscard]] std::pair<Status, Status> load_and_read();
  // Where functions were refused late, without them.
  [[nodiscard]] Status choose_entries(const std::optional<std::string>& refused_late);
  [[nodiscard]] Status load();
  [[nodiscard]] Status load_programs();
  [[nodiscard]] Status attach();
  [[nodiscard]] Status confine(Recorder& recorder);
  [[nodiscard]] Status trace(Recorder& recorder);
  void wait(Recorder& recorder, std::chrono::steady_clock::time_point begin);
  [[nodiscard]] Status turn_window(Recorder& recorder);
  void reload();
  void turn_live(Recorder& recorder);
  void renew_names(Recorder& recorder);
  [[nodiscard]] std::uint64_t met_bytes(const Recorder& recorder) const;
  void mind_memory(Recorder& recorder);
  [[nodiscard]] Result<Report> report_of(Recorder& recorder, Window& window,
                                         const WindowClock::Span& span);
  [[nodiscard]] Result<Report> live_report(Recorder& recorder,
                                           std::chrono::steady_clock::time_point now);
  [[nodiscard]] Places places();
  void settle(const Published& published);
  void take_published();
  [[nodiscard]] Result<int> finish(Recorder& recorder);
  [[nodiscard]] Status finish_windows(Recorder& recorder);
  [[nodiscard]] Status upload();
  [[nodiscard]] Result<int> verdict() const;
  [[nodiscard]] bool kernel_stacks(const event::Tracepoint& tracepoint) const;
  [[nodiscard]] bool any_kernel_stacks() const;
  [[nodiscard]] bool lists_events() const;
  [[nodiscard]] Observers::Run observed(Recorder& recorder, std::chrono::nanoseconds traced) {
    return {options_,
            events_,
            *capture_,
            recorder,
            governor_,
            traced,
            shared_.store.used(),
            uploads_.report(),
            features_.recursion_misses};
  }
  [[nodiscard]] bool lingers() const {
    return observers_.lingers(governor_.stopped() && options_.continuous());
  }
  void linger(Recorder& recorder);
  [[nodiscard]] bool is_over(Recorder& recorder, std::chrono::steady_clock::time_point begin);
  void say_what_targets_lack() const;
  void say_what_could_not_be_read();
  void say_what_is_left_out();
  void say_what_others_tell();
  void say(int level, const std::string& text) const;

  cli::Options options_;  // in force: reload() changes some
  Reread reread_;
  SharedTables shared_;
  Result<event::Tracefs> tracefs_ = fail(Errc::Internal, "tracefs was not opened");
  Events events_;
  std::optional<Selection> selection_;
  std::optional<Command> command_;
  Targets targets_;
  Governor governor_;
  Governor::Figures governed_;  // of the window that ended
  std::vector<pid_t> own_;      // our processes, this one first
  std::string target_text_;     // as they were at the start
  std::vector<Output> outputs_;
  Writer writer_;
  Uploads uploads_;
  Observers observers_;
  ServiceNotice notice_;
  std::string what_;  // is traced: for the service manager
  capture::KernelFeatures features_;
  Entries entries_;
  std::unique_ptr<capture::Capture> capture_;
  std::optional<std::chrono::steady_clock::time_point> stopped_;  // by a signal
  std::optional<Error> failure_;  // of a turn: the trace ends, the profile is written all the same
  MemoryLimit memory_;
  std::uint64_t runs_ = 0;  // of programs, by the governor, when we last looked
  bool refuses_ = false;    // new stacks, until the window ends
  std::optional<WindowClock> clock_;
  std::chrono::steady_clock::time_point began_{};
  WindowClock::Span ended_;               // the window that is ending
  std::optional<Publisher> publisher_;    // of windows
  std::deque<std::uint64_t> publishing_;  // what the stacks take of those it has
  std::optional<LiveView> live_;          // --serve
  bool watched_ = false;                  // somebody looks at it
  bool told_ = false;                     // who sends or serves has something to tell, or is gone
  int quiet_turns_ = 0;                   // since the kernel last sent something
  bool lossless_ = true;
  std::uint64_t fired_ = 0;         // and passed filters
  std::optional<Error> unwritten_;  // the first output that could not be written
  std::chrono::steady_clock::duration duration_{};
  std::int64_t wall_ns_ = 0;   // ReportInput::wall_ns
  mutable Progress progress_;  // hidden by say(), which changes nothing else
};

}  // namespace jtrace::session
