// SPDX-License-Identifier: Apache-2.0
// Who watches a run from outside: --metrics and --serve.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture/capture.h"
#include "cli/options.h"
#include "profile/profile.h"
#include "serve/server.h"
#include "session/events.h"
#include "session/governor.h"
#include "session/metrics.h"
#include "session/recorder.h"

namespace jtrace::session {

class Observers {
 public:
  using Clock = std::chrono::steady_clock;

  // Does nothing where nobody asked for it. Forks: before there is a second thread.
  [[nodiscard]] static Result<Observers> start(const cli::Options& options);

  // What start() says of the options: whether its library is there, whether the addresses can be
  // listened on, but for those that are in use, perhaps by the service that a dry run is beside.
  [[nodiscard]] static Status check(const cli::Options& options);
  // Of --serve and --metrics: the address, and whether it is in use now.
  [[nodiscard]] static std::pair<std::string, std::string> plan(const cli::Options& options);

  // -1 where there is none.
  [[nodiscard]] pid_t pid() const { return server_ ? server_->pid() : -1; }
  // What to say about it: where one may look.
  [[nodiscard]] std::vector<std::string> remarks() const;

  struct Run {
    const cli::Options& options;
    const Events& events;
    const capture::Capture& capture;
    Recorder& recorder;
    const Governor& governor;
    std::chrono::nanoseconds traced;
    std::uint32_t rows = 0;  // of unwind tables, that are in use
    std::optional<push::Report> uploads{};
    bool misses_measurable = false;  // what the kernel dropped, since a BPF program ran there
  };
  // Metrics, about once a second.
  [[nodiscard]] bool due(Clock::time_point now) const { return next() && now >= next_; }
  [[nodiscard]] std::optional<Clock::time_point> next() const {
    return server_ && !*gone_ ? std::optional(next_) : std::nullopt;
  }
  void publish_metrics(const Run& run, Clock::time_point now);
  // What is known of a window only when it is finished, for the metrics.
  void count_window(const Run& run, const Window& window, const capture::WindowCounts& counts);
  // Its page; `json` is what page_of() made, which any thread may call.
  void publish_window(const profile::Header& header, const std::string& json);
  [[nodiscard]] std::string page_of(const profile::Profile& profile) const;

  // The page of the window that goes on, up to when it was looked at.
  void publish_live(const profile::Header& header, const std::string& json);
  // Becomes readable when somebody looks at that; -1 where nobody can.
  [[nodiscard]] int watch_fd() const { return has_pages() ? server_->watch_fd() : -1; }
  // Whether somebody has since the last time.
  [[nodiscard]] bool watched() { return has_pages() && server_->watched(); }

  // At its end when the server ends; -1 where there is none, or that was told.
  [[nodiscard]] int end_fd() const { return server_ && !*gone_ ? server_->fd() : -1; }
  // True once, when it has ended; from then on nothing is made for it.
  [[nodiscard]] bool has_just_ended() { return lost() && !gone_->exchange(true); }
  // It ended, by itself or by another's hand.
  [[nodiscard]] bool lost() const { return server_ && server_->counters().gone; }
  // Whether there is something to be looked at after the trace: pages, or why it `stopped`.
  [[nodiscard]] bool lingers(bool stopped) const {
    return server_ && !lost() && (stopped || has_pages());
  }
  // Until a signal comes or the server is gone; `meanwhile` several times a second.
  void linger(const std::function<void()>& meanwhile);

  [[nodiscard]] bool has_pages() const {
    return server_ && !*gone_ && !server_->pages_url().empty();
  }

 private:
  [[nodiscard]] MetricsInput figures(const Run& run);

  std::unique_ptr<serve::Server> server_;
  // And that was told; who makes pages asks, on another thread.
  std::unique_ptr<std::atomic<bool>> gone_ = std::make_unique<std::atomic<bool>>(false);
  Clock::time_point next_{};
  std::uint64_t windows_ = 0;
  // Of all finished windows.
  std::optional<FrameCounts> frames_;
  std::vector<StatusCounts> statuses_;  // by event
  UnreadEvents unread_;
  std::optional<std::uint64_t> missed_by_recursion_;
};

}  // namespace jtrace::session
