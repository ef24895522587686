// SPDX-License-Identifier: Apache-2.0
#include "session/live_view.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace jtrace::session {

std::chrono::nanoseconds thread_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

void LiveView::give(Report report, std::chrono::nanoseconds took, Clock::time_point now) {
  if (!worker_) {
    worker_.emplace([render = render_](Report given) {
      const auto before = thread_time();
      Page page{.window = given.window,
                .header = given.profile.header,
                .json = render(given.profile),
                .took = {}};
      page.took = thread_time() - before;
      return page;
    });
  }
  looked_ = now;
  took_ = took;
  busy_ = true;
  worker_->give(std::move(report));
}

std::optional<LiveView::Page> LiveView::take(Clock::time_point now) {
  if (!busy_) return std::nullopt;
  auto page = worker_->take();
  if (!page) return page;
  busy_ = false;
  const std::chrono::duration<double, std::nano> pause = (took_ + page->took) / share_;
  next_ =
      std::max(now, looked_ + std::max(kLeast, std::chrono::duration_cast<Clock::duration>(pause)));
  return page;
}

}  // namespace jtrace::session
