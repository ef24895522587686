// SPDX-License-Identifier: Apache-2.0
// The window that goes on, for who looks at it now (--serve).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "profile/profile.h"
#include "session/report.h"
#include "session/worker.h"

namespace jtrace::session {

// When to look at it, and how it becomes a page. Until somebody asks there is no thread, and
// nothing is done.
class LiveView {
 public:
  using Clock = std::chrono::steady_clock;
  using Render = std::function<std::string(const profile::Profile&)>;

  // `share`: of a CPU, that all of this may take.
  LiveView(double share, Render render) : share_(share), render_(std::move(render)) {}

  void set_share(double share) { share_ = share; }
  // What was last looked at is rendered, and what it took has been made up for.
  [[nodiscard]] bool may_look(Clock::time_point now) const { return !busy_ && now >= next_; }
  // When that will be; nothing where may_look(), or wake_fd() will tell.
  [[nodiscard]] std::optional<Clock::time_point> next(Clock::time_point now) const {
    return busy_ || now >= next_ ? std::nullopt : std::optional(next_);
  }
  // Not now: nobody is to ask again for a while.
  void put_off(Clock::time_point now) { next_ = now + kLeast; }
  // `took`: CPU time, to look.
  void give(Report report, std::chrono::nanoseconds took, Clock::time_point now);

  struct Page {
    std::uint32_t window = 0;
    profile::Header header;
    std::string json;
    std::chrono::nanoseconds took{};  // CPU time, to render it
  };
  [[nodiscard]] std::optional<Page> take(Clock::time_point now);
  // -1 where nothing is being rendered.
  [[nodiscard]] int wake_fd() const { return busy_ ? worker_->wake_fd() : -1; }

  static constexpr std::chrono::nanoseconds kLeast = std::chrono::seconds(1);

 private:
  double share_;
  Render render_;
  bool busy_ = false;
  std::chrono::nanoseconds took_{};
  Clock::time_point looked_{};
  Clock::time_point next_{};
  std::optional<Worker<Report, Page>> worker_;  // last: it renders
};

// CPU time of this thread.
[[nodiscard]] std::chrono::nanoseconds thread_time();

}  // namespace jtrace::session
