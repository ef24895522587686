// SPDX-License-Identifier: Apache-2.0
// What a service manager is told of a run: sd_notify(3), with Type=notify. Not by libsystemd, which
// would load six more libraries for what is a line of text on a socket, and opens that socket with
// each message: who traces may open none.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::session {

class ServiceNotice {
 public:
  using Clock = std::chrono::steady_clock;

  // Takes what it needs from NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes these out of
  // the environment of programs that are started later. Where there is none of them it does
  // nothing.
  void read_environment();
  // The socket, as long as there may be one. An error is for the log: a trace goes on without.
  [[nodiscard]] Status open();

  void ready(std::string_view status);  // also after reloading()
  void status(std::string_view text);
  void reloading();
  void stopping(std::string_view status);

  // As often as there is time: tells the watchdog in time that the run goes on, and what the
  // manager had no room for. Costs a look at the clock.
  void turn(Clock::time_point now);
  // When the next turn is due; the end of time where nobody waits for one.
  [[nodiscard]] Clock::time_point next() const {
    return every_.count() == 0 && waiting_.empty() ? Clock::time_point::max() : next_;
  }

 private:
  void send(std::string message);
  void send_waiting();

  std::string address_;  // as given
  UniqueFd socket_;
  std::chrono::microseconds every_{0};  // WATCHDOG=1; 0: not asked for
  Clock::time_point next_{};
  std::deque<std::string> waiting_;
};

}  // namespace jtrace::session
