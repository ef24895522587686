// SPDX-License-Identifier: Apache-2.0
// Each case in a process of its own, which a signal may end.
#include "session/signals.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>

namespace jtrace::session {
namespace {

// The exit status of `body`, or 128 + signal.
int status_of(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// A second signal counts as one of its own only after a while: see signals.cpp.
void until_signals_count_apart() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(150);
  while (std::chrono::steady_clock::now() < end) ::usleep(1000);
}

TEST(StopSignals, firstAsksAndSecondEnds) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    EXPECT_EQ(status_of([&] {
                const StopSignals stop;
                if (StopSignals::requested()) return 1;
                ::raise(signal);
                return StopSignals::requested() ? 0 : 2;
              }),
              0);
    EXPECT_EQ(status_of([&] {
                const StopSignals stop;
                ::raise(signal);
                until_signals_count_apart();
                ::raise(SIGINT);
                return 0;
              }),
              128 + SIGINT);
  }
}

TEST(StopSignals, twiceAtOnceIsOnce) {
  EXPECT_EQ(status_of([] {
              const StopSignals stop;
              ::raise(SIGTERM);
              ::raise(SIGTERM);
              return StopSignals::requested() ? 0 : 1;
            }),
            0);
}

TEST(StopSignals, afterwardsASignalEnds) {
  EXPECT_EQ(status_of([] {
              {
                const StopSignals stop;
              }
              ::raise(SIGTERM);
              return 0;
            }),
            128 + SIGTERM);
}

TEST(StopSignals, nohupIsKept) {
  EXPECT_EQ(status_of([] {
              ::signal(SIGHUP, SIG_IGN);
              const StopSignals stop;
              ::raise(SIGHUP);
              return StopSignals::requested() ? 1 : 0;
            }),
            0);
}

TEST(HeldSignals, endsOnlyWithTheHolder) {
  int pipe[2] = {};
  ASSERT_EQ(::pipe(pipe), 0);
  EXPECT_EQ(status_of([&] {
              {
                const HeldSignals held;
                ::raise(SIGINT);
                const char byte = HeldSignals::wanted() ? 'w' : '-';
                if (::write(pipe[1], &byte, 1) != 1) return 1;
              }
              return 0;
            }),
            128 + SIGINT);
  char byte = 0;
  EXPECT_EQ(::read(pipe[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'w');
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(HeldSignals, firstSignalOfARunIsNone) {
  EXPECT_EQ(status_of([] {
              const StopSignals stop;
              {
                const HeldSignals held;
                ::raise(SIGINT);
                if (HeldSignals::wanted()) return 1;
              }
              return StopSignals::requested() ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace jtrace::session
