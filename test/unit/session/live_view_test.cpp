// SPDX-License-Identifier: Apache-2.0
#include "session/live_view.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <string>
#include <utility>

namespace jtrace::session {
namespace {

using std::chrono::milliseconds;
using Clock = LiveView::Clock;

LiveView::Page wait_for(LiveView& live, Clock::time_point now) {
  pollfd ready{.fd = live.wake_fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ready, 1, 60'000), 1);
  auto page = live.take(now);
  EXPECT_TRUE(page);
  return page ? std::move(*page) : LiveView::Page{};
}

// Takes CPU time, not only time.
void work_for(std::chrono::nanoseconds time) {
  const auto begin = thread_time();
  while (thread_time() - begin < time) {
  }
}

TEST(LiveView, NothingIsThereUntilItIsGivenSomething) {
  LiveView live(0.05, [](const auto&) { return std::string("json"); });
  const Clock::time_point now{std::chrono::hours(1)};
  EXPECT_TRUE(live.may_look(now));
  EXPECT_FALSE(live.next(now));
  EXPECT_EQ(live.wake_fd(), -1);
  EXPECT_FALSE(live.take(now));
}

TEST(LiveView, LooksOnceASecondAtMost) {
  LiveView live(0.05, [](const profile::Profile& profile) { return profile.header.title; });
  const Clock::time_point now{std::chrono::hours(1)};
  Report report;
  report.window = 7;
  report.profile.header.title = "title";
  live.give(std::move(report), milliseconds(1), now);
  EXPECT_FALSE(live.may_look(now + milliseconds(5000))) << "while it is rendered";
  EXPECT_FALSE(live.next(now));
  const auto page = wait_for(live, now + milliseconds(10));
  EXPECT_EQ(page.window, 7U);
  EXPECT_EQ(page.json, "title");
  EXPECT_EQ(live.wake_fd(), -1);
  EXPECT_FALSE(live.may_look(now + milliseconds(999)));
  EXPECT_EQ(live.next(now + milliseconds(999)), now + LiveView::kLeast);
  EXPECT_TRUE(live.may_look(now + LiveView::kLeast));
  EXPECT_FALSE(live.next(now + LiveView::kLeast));
  live.put_off(now);
  EXPECT_FALSE(live.may_look(now + milliseconds(999)));
}

// Of both threads together, and measured.
TEST(LiveView, TakesNoMoreThanItsShare) {
  constexpr auto kWork = milliseconds(60);
  LiveView live(0.05, [&](const auto&) {
    work_for(kWork);
    return std::string("json");
  });
  const Clock::time_point now{std::chrono::hours(1)};
  live.give(Report(), milliseconds(40), now);
  const auto page = wait_for(live, now);
  EXPECT_GE(page.took, kWork);
  const auto next = live.next(now);
  ASSERT_TRUE(next);
  EXPECT_GE(*next - now, (milliseconds(40) + kWork) * 20);
  EXPECT_EQ(*next - now,
            std::chrono::duration_cast<Clock::duration>(
                std::chrono::duration<double, std::nano>(milliseconds(40) + page.took) / 0.05));
}

}  // namespace
}  // namespace jtrace::session
