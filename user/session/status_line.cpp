// SPDX-License-Identifier: Apache-2.0
#include "session/status_line.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/console.h"
#include "base/counted.h"
#include "session/progress.h"

namespace jtrace::session {
namespace {

constexpr std::chrono::milliseconds kEvery{500};
constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

StatusLine::StatusLine(bool wanted) : shows_(wanted && has_status_terminal()) {}

void StatusLine::show(Clock::time_point now, Clock::duration elapsed,
                      const capture::Counters& counters, std::size_t stacks, std::uint32_t ratio) {
  const std::uint64_t fired = counters.at(JT_COUNTER_FIRED);
  const std::uint64_t lost = counters.at(JT_COUNTER_LOST_RING) +
                             counters.at(JT_COUNTER_LOST_COUNTS) +
                             counters.at(JT_COUNTER_LOST_NESTED);
  const std::chrono::duration<double> span = visible_ ? Clock::duration(now - last_) : elapsed;
  const double rate =
      span.count() > 0 ? static_cast<double>(fired - last_fired_) / span.count() : 0;
  const std::uint64_t filtered = counters.at(JT_COUNTER_FILTERED);
  print(stderr, fmt::format("{}{:.0f} s  {}  {:.0f} events/s  {}{}{}  {} lost", kEraseLine,
                            std::chrono::duration<double>(elapsed).count(), counted(fired, "event"),
                            rate, filtered != 0 ? fmt::format("{} filtered  ", filtered) : "",
                            ratio > 1 ? fmt::format("1 in {} kept  ", ratio) : "",
                            counted(stacks, "stack"), lost));
  visible_ = true;
  last_ = now;
  last_fired_ = fired;
  next_ = now + kEvery;
}

void StatusLine::clear() {
  if (!visible_) return;
  print(stderr, kEraseLine);
  visible_ = false;
}

}  // namespace jtrace::session
