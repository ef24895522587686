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

TEST(Pace, WhatTakesLongIsFollowedByAPause) {
  Pace pace;
  EXPECT_TRUE(pace.allows());
  EXPECT_EQ(pace.run(milliseconds(60), [] { return 7; }), 7);
  EXPECT_TRUE(pace.allows());
  const auto begin = std::chrono::steady_clock::now();
  const int turns = pace.run(milliseconds(1), [] {
    int count = 0;
    for (const auto end = cpu() + milliseconds(50); cpu() < end;) ++count;
    return count;
  });
  EXPECT_GT(turns, 0);
  // The pause is a second: a test that was held for so long has nothing to say.
  if (std::chrono::steady_clock::now() - begin < milliseconds(900)) {
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
