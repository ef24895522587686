// SPDX-License-Identifier: Apache-2.0
// What the log says of profiles that are sent while a trace goes on, which nobody waits for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "push/sender.h"

namespace jtrace::session {

// Of what the sender told and the clock: each trouble is said when it begins, and then once in ten
// minutes while it lasts, however often it comes and goes; its end once.
class UploadNotices {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes kEvery{10};

  // `shown`: the URL as it may be shown. `spool`: the folder where profiles wait.
  UploadNotices(std::string shown, std::string spool)
      : shown_(std::move(shown)), spool_(std::move(spool)) {}

  [[nodiscard]] std::vector<std::string> turn(const push::Report& report, Clock::time_point now);

 private:
  // One trouble, and how much of it was told of.
  struct Trouble {
    std::optional<Clock::time_point> said;
    std::uint64_t told = 0;

    // How much there is to tell of now; 0 where it is not yet time.
    [[nodiscard]] std::uint64_t more(std::uint64_t count, Clock::time_point now);
    [[nodiscard]] bool due(Clock::time_point now);
  };

  void say_waiting(const push::Report& report, Clock::time_point now,
                   std::vector<std::string>& lines);

  std::string shown_;
  std::string spool_;
  Trouble waiting_, denied_, refused_, dropped_, behind_;
  bool told_waiting_ = false;  // and not yet that it is over
  std::uint64_t sent_ = 0;     // by then
  bool gone_ = false;
};

}  // namespace jtrace::session
