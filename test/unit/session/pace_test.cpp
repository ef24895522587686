// SPDX-License-Identifier: Apache-2.0
#include "session/pace.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>

namespace jtrace::session {
namespace {

using std::chrono::milliseconds;

std::chrono::nanoseconds cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Uses as much CPU time.
int use(milliseconds time) {
  int count = 0;
  for (const auto end = cpu() + time; cpu() < end;) ++count;
  return count;
}

TEST(Pace, OneCallThatTakesLongIsForgiven) {
  Pace pace;
  EXPECT_EQ(pace.run(milliseconds(60), [] { return 7; }), 7);
  EXPECT_GT(pace.run(milliseconds(1), [] { return use(milliseconds(50)); }), 0);
  EXPECT_TRUE(pace.allows());
}

TEST(Pace, ManyThatTakeLongAreFollowedByAPause) {
  Pace pace;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 6; ++i) {
    (void)pace.run(milliseconds(1), [] { return use(milliseconds(50)); });
  }
  // The pause is two seconds: a test that was held for so long has nothing to say.
  if (std::chrono::steady_clock::now() - begin < milliseconds(1500)) {
    EXPECT_FALSE(pace.allows());
  }
}

TEST(Pace, WaitingIsNotReading) {
  Pace pace;
  (void)pace.run(milliseconds(20), [] { return ::poll(nullptr, 0, 100); });
  EXPECT_TRUE(pace.allows());
}

}  // namespace
}  // namespace jtrace::session
