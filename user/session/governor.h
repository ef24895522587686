// SPDX-License-Identifier: Apache-2.0
// --max-overhead and --max-rate: the half of the governor that is not in the kernel. There the
// ratio is chosen, within a budget that is set here: the limit, less what jtrace's own processes
// take.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/capture.h"
#include "cli/options.h"

namespace jtrace::session {

class Governor {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Governor(const cli::Options& options);

  // Loaded with the programs; what it allows may be all.
  [[nodiscard]] bool active() const { return active_; }
  [[nodiscard]] bool has_limit() const { return limit_ > 0; }
  void configure(capture::CaptureConfig& config) const;
  // While it is active --max-overhead may become any other, and one --max-rate another one or off.
  [[nodiscard]] bool can_limit(const cli::Options& options) const;
  [[nodiscard]] bool can_rate(const cli::Options& options) const;
  // What can be of the two, in force from now on.
  void set_limits(capture::Capture& capture, const cli::Options& options);
  // Before Capture::resume(). `others`: processes of ours beside this one.
  void start(capture::Capture& capture, std::vector<pid_t> others, Clock::time_point now);

  // Sets the budget anew, where it is time to. Fails where three times the limit was taken for a
  // second: no ratio can hold it.
  [[nodiscard]] Status turn(capture::Capture& capture, Clock::time_point now);
  [[nodiscard]] bool stopped() const { return stopped_; }

  // What was in force since the window began.
  struct Figures {
    double total_bpf_seconds = 0;  // since the trace began, at events of all
    std::uint32_t ratio = 1, least = 1, most = 1;
    double bpf_seconds = 0;        // in BPF programs at the targets' events
    double other_seconds = 0;      // ... at those of others
    double collector_seconds = 0;  // CPU of our processes
    double share = 0;              // of the first and the last in one CPU's time
    std::string limits{};          // options_text()
  };
  [[nodiscard]] Figures figures(const capture::Capture& capture, Clock::time_point now) const;
  void begin_window(capture::Capture& capture, Clock::time_point now);

  // What showing a window while it goes on may take of a CPU: the programs' share stays.
  [[nodiscard]] double live_share() const;
  // "--max-overhead 1%", "--max-rate 100", both, or "--max-overhead off".
  [[nodiscard]] std::string options_text() const;

 private:
  // Sums since the start.
  struct Sums {
    Clock::time_point at{};
    double bpf = 0, others = 0, collector = 0;
  };
  [[nodiscard]] Sums sums(const jt_governor& governor, Clock::time_point now) const;
  void set_budget(capture::Capture& capture, Clock::time_point now);
  [[nodiscard]] Status check(const jt_governor& governor, Clock::time_point now);

  double limit_ = 0;  // share of one CPU, 0: none
  std::uint64_t max_rate_ = 0;
  bool active_ = false;
  bool rates_ = false;  // the programs were loaded with --max-rate
  std::vector<pid_t> others_;
  Clock::time_point next_{};
  Clock::time_point others_next_{};
  double others_seconds_ = 0;  // CPU of the other processes
  double collector_share_ = 0;
  Sums last_, window_;
  // What programs had taken a second ago, and since.
  struct Spent {
    Clock::time_point at;
    std::uint64_t ns;
  };
  std::deque<Spent> spent_;
  bool stopped_ = false;
};

// Of a total that was scaled: half of the interval that holds the true one in 95 of 100 cases.
[[nodiscard]] double error_of(std::uint64_t spread, std::uint64_t interval);

// For the profile: what was in force, what that means for its numbers.
[[nodiscard]] std::vector<std::string> governor_comments(const Governor& governor,
                                                         const Governor::Figures& figures,
                                                         const capture::Counters& counters,
                                                         std::uint64_t interval);

}  // namespace jtrace::session
