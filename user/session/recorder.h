// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "capture/capture.h"
#include "profile/profile_builder.h"
#include "profile/symbol_table.h"
#include "session/target.h"
#include "session/targets.h"
#include "session/unnamed_stacks.h"
#include "session/walk_check.h"
#include "session/window.h"
#include "symbolize/kernel_symbols.h"

namespace jtrace::session {

// Takes what the kernel sends, keeps the targets' tables fresh, names stacks at first sight.
class Recorder {
 public:
  Recorder(capture::Capture& capture, Targets& targets, const cli::Options& options,
           const Events& events, bool lists_events);

  // One turn of the timer: drain, refresh what changed, finish deferred walks.
  [[nodiscard]] Status turn();
  // Called in each turn, after every few megabytes.
  void watch_by(std::function<void()> watcher) { watcher_ = std::move(watcher); }
  // While there is the right to: they are read at the end.
  void open_kernel_symbols();
  // The last turns, after detaching.
  [[nodiscard]] Status finish();

  // Ends the window that goes on and begins the next one. What belongs to the one that ended still
  // comes in the turns that follow; none may be ending already.
  void begin_window();
  [[nodiscard]] bool is_ending() const { return ending_; }
  // Nothing of the one that ended is to be waited for. What comes late gets a second.
  [[nodiscard]] bool has_ended() const;
  // What it was. To be followed by forget_window(), when it is done with.
  [[nodiscard]] std::unique_ptr<Window> take_window();
  void forget_window(const Window& window);
  // Forgets what no window needs any more, so that names do not pile up over weeks of classes that
  // come and go. False where that cannot be now.
  bool renew_names(LateNames& late);

  // Something waits for a turn: no record will tell when its time has come.
  [[nodiscard]] bool has_pending() const {
    return ending_ || !changed_.empty() || !starting_.empty() || !asking_.empty() ||
           !waiting_.empty() || !unnamed_.empty() || !deferred_.empty() || targets_.has_pending();
  }

  // Taken from the kernel so far.
  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] const WalkCheck& checked() const { return check_; }
  // The one that goes on.
  [[nodiscard]] Window& window() { return *windows_.at(current_); }
  // What the stacks take, about, that nobody has taken yet: of both windows, those without names
  // yet, and those in the ring buffer.
  [[nodiscard]] std::uint64_t met_bytes() const;
  [[nodiscard]] profile::SymbolTable& symbols() { return *symbols_; }
  [[nodiscard]] const Processes& processes() const { return targets_.processes(); }
  // "[name tid=N]" as the thread was called when it was first seen.
  [[nodiscard]] static std::string thread_text(const Window& window, std::uint32_t tid,
                                               bool on_virtual_thread);
  [[nodiscard]] static std::string thread_name(const Window& window, std::uint32_t tid);
  [[nodiscard]] profile::LocationId marker(std::string_view text);
  // Kernel frames of a stack id, leaf first.
  [[nodiscard]] std::vector<profile::LocationId> kernel_frames(const Window& window,
                                                               std::int32_t id);

 private:
  struct Free {
    void operator()(jt_deferred_record* record) const { std::free(record); }
  };
  // Only as long as its stack copy.
  using Deferred = std::unique_ptr<jt_deferred_record, Free>;
  [[nodiscard]] Target* find(std::uint32_t tgid) const { return targets_.find(tgid); }
  Target* meet(std::uint32_t tgid);
  void on_stack(const jt_stack_record& record);
  void on_deferred(const jt_deferred_record& record);
  void on_notice(const jt_notice_record& notice);
  void on_values(const jt_values_record& record);
  void on_event(const jt_event_record& record);
  // Of a record: windows with odd and even numbers take turns.
  [[nodiscard]] Window& window_of(std::uint32_t its) {
    const auto& its_window = windows_.at(its & 1);
    return its_window ? *its_window : window();
  }
  [[nodiscard]] static Deferral deferral_of(const jt_deferred_record& record);
  void count_here(std::uint32_t window, const jt_stack_key& key, const Deferral& event,
                  std::vector<profile::LocationId> locations);
  void hand_on(const Window& from, const jt_held& begun);
  void await_names(UnnamedStack stack, const Moment& moment);
  [[nodiscard]] bool is_ready(const UnnamedStack& stack) const;
  void name_stack(const UnnamedStack& stack);
  void name_stacks(bool all);
  [[nodiscard]] Status adopt_new();
  [[nodiscard]] Status refresh_changed();
  void note_start(Target* target);
  void bury_ended();
  // `all`: also of JVMs that are still starting.
  void finish_walks(bool all);
  [[nodiscard]] profile::LocationId signal_frame();
  void note_thread(Window& window, std::uint32_t tgid, std::uint32_t tid);
  void cut(std::vector<profile::LocationId>& locations);
  // Names of frames: what only the process knows, and what is in files as well.
  [[nodiscard]] Perishable locate_java(Target& target, std::span<const jt_frame> frames,
                                       const Moment& moment);
  [[nodiscard]] std::vector<profile::LocationId> locate_rest(Target& target,
                                                             std::span<const jt_frame> frames,
                                                             const Perishable& java);

  capture::Capture& capture_;
  Targets& targets_;
  const cli::Options& options_;
  const Events& events_;
  capture::RecordHandlers handlers_;
  std::unique_ptr<profile::SymbolTable> symbols_ = std::make_unique<profile::SymbolTable>();
  std::array<std::unique_ptr<Window>, 2> windows_;  // the other one: ending, or null
  std::uint32_t current_ = 0;
  bool ending_ = false;
  bool caught_up_ = false;  // all is drained that was sent before it ended
  std::chrono::steady_clock::time_point ended_{};
  const bool lists_;
  std::function<void()> watcher_;
  std::uint64_t records_ = 0;
  WalkCheck check_;  // --check-walks
  // Targets with something to be done for them, so that the others cost nothing.
  std::set<Target*> changed_, starting_, asking_, waiting_;
  UnnamedStacks unnamed_;
  std::vector<Deferred> deferred_;
  std::size_t deferred_bytes_ = 0;
  std::optional<symbolize::KernelSymbols> kernel_;
  UniqueFd kernel_file_;
};

}  // namespace jtrace::session
