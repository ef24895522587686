// SPDX-License-Identifier: Apache-2.0
#include "session/signals.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace jtrace::session {
namespace {

constexpr std::array kStops{SIGINT, SIGTERM, SIGHUP};

// What the handler and the program share; a signal has no other way to say anything.
struct {
  volatile std::sig_atomic_t taken = 0;     // StopSignals is alive
  volatile std::sig_atomic_t first = 0;     // the signal that asked for the end
  volatile std::sig_atomic_t held = 0;      // HeldSignals is alive
  volatile std::sig_atomic_t deadly = 0;    // the signal that ends the program once it may
  volatile std::sig_atomic_t first_ms = 0;  // when the first one came
  volatile std::sig_atomic_t tells = 0;     // SIGHUP does not end
  volatile std::sig_atomic_t hung_up = 0;   // SIGHUP came
  volatile std::sig_atomic_t wake = -1;     // an eventfd
} state;

// timeout(1) signals its child and then the child's whole group, so that one end is two signals,
// microseconds apart. A person is slower.
constexpr std::sig_atomic_t kSameMs = 100;

std::sig_atomic_t now_ms() {
  constexpr long kSecond = 1000;
  constexpr long kMillisecond = 1'000'000;
  // Wraps after days; only differences count.
  constexpr long kWrap = 1L << 29;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::sig_atomic_t>((now.tv_sec * kSecond + now.tv_nsec / kMillisecond) %
                                        kWrap);
}

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int other : kStops) sigaddset(&action.sa_mask, other);
  ::sigaction(signal, &action, nullptr);
}

// By the signal itself, so that a shell that waits for us knows that its script should end too.
void end_by(int signal) {
  set_handler(signal, SIG_DFL);
  ::raise(signal);
}

void wake() {
  const int before = errno;
  const std::uint64_t one = 1;
  if (state.wake >= 0) (void)!::write(state.wake, &one, sizeof(one));
  errno = before;
}

extern "C" void on_stop(int signal) {
  wake();
  if (signal == SIGHUP && state.taken != 0 && state.tells != 0) {
    state.hung_up = 1;
    return;
  }
  if (state.taken != 0 && state.first == 0) {
    state.first_ms = now_ms();
    state.first = signal;
    return;
  }
  if (state.taken != 0) {
    const std::sig_atomic_t since = now_ms() - state.first_ms;
    if (since >= 0 && since < kSameMs) return;
  }
  if (state.held != 0) {
    state.deadly = signal;
    return;
  }
  end_by(signal);
}

void handle_stops() {
  for (const int signal : kStops) {
    struct sigaction before{};
    ::sigaction(signal, nullptr, &before);
    // SIGINT is ignored in what a script starts with &; who sends it all the same means it.
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue;
    set_handler(signal, on_stop);
  }
}

void release_stops() {
  for (const int signal : kStops) {
    struct sigaction now{};
    ::sigaction(signal, nullptr, &now);
    if (now.sa_handler == on_stop) set_handler(signal, SIG_DFL);
  }
}

}  // namespace

StopSignals::StopSignals(Hangup hangup) {
  state.first = 0;
  state.tells = hangup == Hangup::IsTold ? 1 : 0;
  state.hung_up = 0;
  state.wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  state.taken = 1;
  handle_stops();
}

StopSignals::~StopSignals() {
  state.taken = 0;
  const int fd = state.wake;
  state.wake = -1;
  if (fd >= 0) ::close(fd);
  if (state.held == 0) release_stops();
}

bool StopSignals::requested() { return state.first != 0; }

bool StopSignals::hung_up() {
  const bool came = state.hung_up != 0;
  if (came) state.hung_up = 0;
  return came;
}

int StopSignals::wake_fd() { return state.wake; }

HeldSignals::HeldSignals() {
  state.held = 1;
  handle_stops();
}

HeldSignals::~HeldSignals() {
  state.held = 0;
  if (state.deadly != 0) end_by(state.deadly);
  if (state.taken == 0) release_stops();
}

bool HeldSignals::wanted() { return state.deadly != 0; }

}  // namespace jtrace::session
