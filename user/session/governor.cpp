// SPDX-License-Identifier: Apache-2.0
#include "session/governor.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "base/counted.h"
#include "base/file.h"

namespace jtrace::session {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::chrono::milliseconds kEvery{100};
constexpr std::chrono::seconds kOthersEvery{1};
constexpr double kNanos = 1e9;
// What is left to the programs where our own processes take all: without any event nothing would
// be known, and what they take is mostly for stacks that are new.
constexpr double kLeastShare = 0.25;
constexpr double kStop = 3;  // times the limit
constexpr std::chrono::seconds kStopAfter{1};

double seconds(const timeval& time) {
  constexpr double kMicro = 1e6;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / kMicro;
}

double own_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Of a process, and of its children that it waited for: those that read files.
double process_seconds(pid_t pid) {
  constexpr std::size_t kLimit = 4096;
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), kLimit);
  if (!text) return 0;
  // "pid (name) state ppid ...": the name is anything. utime is the 14th, cstime the 17th.
  std::istringstream words(text->substr(std::min(text->size(), text->rfind(')') + 1)));
  std::string skipped;
  constexpr int kBeforeTimes = 11;
  for (int i = 0; i < kBeforeTimes; ++i) words >> skipped;
  double sum = 0;
  constexpr int kTimes = 4;
  for (int i = 0; i < kTimes; ++i) {
    std::uint64_t ticks = 0;
    words >> ticks;
    sum += static_cast<double>(ticks);
  }
  return sum / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// A share of one CPU.
double limit_of(const cli::Options& options) { return options.max_overhead / 100; }

// Programs that were loaded with --max-rate keep nothing without one: the largest that there is.
constexpr std::uint64_t kAnyRate = 1'000'000'000;

}  // namespace

Governor::Governor(const cli::Options& options)
    : limit_(limit_of(options)),
      max_rate_(options.max_rate),
      active_(limit_ > 0 || max_rate_ != 0),
      rates_(max_rate_ != 0) {}

bool Governor::can_limit(const cli::Options& options) const {
  return active_ || limit_of(options) == 0;
}

bool Governor::can_rate(const cli::Options& options) const {
  return rates_ || options.max_rate == 0;
}

void Governor::set_limits(capture::Capture& capture, const cli::Options& options) {
  if (can_limit(options) && limit_of(options) != limit_) {
    limit_ = limit_of(options);
    spent_.clear();
    next_ = {};
    capture.set_budget(static_cast<std::uint64_t>(limit_ * kNanos));
  }
  if (can_rate(options) && options.max_rate != max_rate_) {
    max_rate_ = options.max_rate;
    capture.set_max_rate(max_rate_ != 0 ? max_rate_ : kAnyRate);
  }
}

void Governor::configure(capture::CaptureConfig& config) const {
  config.governor = active();
  config.max_rate = rates_;
}

void Governor::start(capture::Capture& capture, std::vector<pid_t> others, Clock::time_point now) {
  if (!active()) return;
  others_ = std::move(others);
  for (const pid_t pid : others_) others_seconds_ += process_seconds(pid);
  capture.govern(static_cast<std::uint64_t>(limit_ * kNanos), max_rate_);
  last_ = sums(capture.governor(), now);
  window_ = last_;
  next_ = now + kEvery;
  others_next_ = now + kOthersEvery;
}

Governor::Sums Governor::sums(const jt_governor& governor, Clock::time_point now) const {
  return {.at = now,
          .bpf = static_cast<double>(governor.time_ns[JT_RUN_OUT] + governor.time_ns[JT_RUN_KEPT]) /
                 kNanos,
          .others = static_cast<double>(governor.time_ns[JT_RUN_OTHERS]) / kNanos,
          .collector = own_seconds() + others_seconds_};
}

Status Governor::turn(capture::Capture& capture, Clock::time_point now) {
  if (!has_limit() || now < next_) return {};
  next_ = now + kEvery;
  if (now >= others_next_) {
    others_next_ = now + kOthersEvery;
    double sum = 0;
    for (const pid_t pid : others_) sum += process_seconds(pid);
    // One that ended takes no more, and what it took is not forgotten.
    others_seconds_ = std::max(others_seconds_, sum);
  }
  const jt_governor governor = capture.governor();
  const Sums sum = sums(governor, now);
  const double elapsed = Seconds(now - last_.at).count();
  const double share = (sum.collector - last_.collector) / elapsed;
  collector_share_ += (share - collector_share_) * std::min(1.0, elapsed);
  last_ = sum;
  capture.set_budget(static_cast<std::uint64_t>(
      std::max(limit_ - collector_share_, limit_ * kLeastShare) * kNanos));
  return check(governor, now);
}

Status Governor::check(const jt_governor& governor, Clock::time_point now) {
  spent_.push_back({.at = now, .ns = governor.spent_ns});
  while (spent_.size() > 2 && now - spent_[1].at >= kStopAfter) spent_.pop_front();
  const Spent& before = spent_.front();
  if (now - before.at < kStopAfter) return {};
  const double share = static_cast<double>(governor.spent_ns - before.ns) / kNanos /
                       Seconds(now - before.at).count();
  if (share < kStop * limit_) return {};
  stopped_ = true;
  return fail(
      Errc::Internal,
      fmt::format("tracing stopped: the events came so fast that {} took {:.2g} % of a CPU with 1 "
                  "in {} kept, more than three times what {} allows",
                  "jtrace's BPF programs", share * 100, governor.ratio, options_text()),
      "name fewer events or processes, or allow more");
}

Governor::Figures Governor::figures(const capture::Capture& capture, Clock::time_point now) const {
  if (!active()) return {};
  const jt_governor governor = capture.governor();
  const Sums sum = sums(governor, now);
  Figures figures{.total_bpf_seconds = sum.bpf + sum.others,
                  .ratio = std::max(1U, governor.ratio),
                  .least = std::max(1U, governor.least),
                  .most = std::max(1U, governor.most),
                  .bpf_seconds = sum.bpf - window_.bpf,
                  .other_seconds = sum.others - window_.others,
                  .collector_seconds = sum.collector - window_.collector,
                  .limits = options_text()};
  const double elapsed = Seconds(now - window_.at).count();
  if (elapsed > 0) figures.share = (figures.bpf_seconds + figures.collector_seconds) / elapsed;
  return figures;
}

void Governor::begin_window(capture::Capture& capture, Clock::time_point now) {
  if (!active()) return;
  window_ = sums(capture.governor(), now);
  capture.begin_ratios();
}

double Governor::live_share() const {
  constexpr double kMost = 0.05, kPart = 0.25;
  return has_limit() ? std::min(kMost, kPart * limit_) : kMost;
}

std::string Governor::options_text() const {
  std::string text;
  if (has_limit()) text = fmt::format("--max-overhead {:g}%", limit_ * 100);
  if (max_rate_ == 0 && text.empty()) return "--max-overhead off";
  if (max_rate_ != 0) text += fmt::format("{}--max-rate {}", text.empty() ? "" : ", ", max_rate_);
  return text;
}

double error_of(std::uint64_t spread, std::uint64_t interval) {
  constexpr double k95 = 1.96;
  return k95 * std::sqrt(static_cast<double>(interval) * static_cast<double>(spread));
}

std::vector<std::string> governor_comments(const Governor& governor,
                                           const Governor::Figures& figures,
                                           const capture::Counters& counters,
                                           std::uint64_t interval) {
  std::vector<std::string> comments;
  if (!governor.active()) return comments;
  const std::uint64_t total = counters.at(JT_COUNTER_SCALED) * interval;
  if (figures.most <= 1) {
    comments.push_back(fmt::format("every event was kept ({})", figures.limits));
  } else {
    comments.push_back(fmt::format(
        "counts are scaled: 1 event in {} to {} was kept ({}), total {} +- {:.0f} (95 %)",
        figures.least, figures.most, figures.limits, total,
        error_of(counters.at(JT_COUNTER_SPREAD), interval)));
  }
  if (const std::uint64_t limited = counters.at(JT_COUNTER_RATE_LIMITED); limited != 0) {
    comments.push_back(
        fmt::format("counts are too low: {} came too suddenly for --max-rate and stand for none",
                    counted(limited, "event")));
  }
  return comments;
}

}  // namespace jtrace::session
