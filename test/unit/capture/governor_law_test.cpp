// SPDX-License-Identifier: Apache-2.0
// The governor's law as BPF obeys it, over loads that are simulated: CPUs hand over what they
// counted at runs that are measured and at ticks, as governor.bpf.h has it.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <vector>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wconversion"
#include "bpf/governor.h"
#pragma GCC diagnostic pop

namespace jtrace::test {
namespace {

constexpr double kSecond = 1e9;
constexpr std::uint64_t kMillisecond = 1'000'000;

struct Costs {
  double out = 35, kept = 5000;  // ns; those of kept runs are spread widely
  int runs = 1;                  // of an event: 2 where begin and end are runs
};

class Simulation {
 public:
  struct Settings {
    double limit = 0.01;
    std::uint64_t max_rate = 0;
    unsigned cpus = 4;
    unsigned seed = 1;
  };
  explicit Simulation(Settings settings) : random_(settings.seed), cpus_(settings.cpus) {
    g_.budget = static_cast<std::uint64_t>(settings.limit * kSecond);
    g_.max_rate = settings.max_rate;
    jt_start_governor(&g_, now_);
  }

  // So many events a second, at random, for so long.
  void load(double rate, double seconds, Costs costs = {}) {
    const std::uint64_t end = now_ + static_cast<std::uint64_t>(seconds * kSecond);
    std::exponential_distribution<double> gap(rate / kSecond);
    for (double at = static_cast<double>(now_) + gap(random_); at < static_cast<double>(end);
         at += gap(random_)) {
      now_ = static_cast<std::uint64_t>(at);
      event(costs);
    }
    now_ = end;
  }
  void idle(double seconds) { now_ += static_cast<std::uint64_t>(seconds * kSecond); }

  // Since the last call.
  double share() {
    const double share = spent_ / static_cast<double>(now_ - mark_);
    spent_ = 0;
    mark_ = now_;
    return share;
  }
  [[nodiscard]] std::uint32_t ratio() const { return g_.ratio; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] double estimate() const { return estimate_; }
  [[nodiscard]] double deviation() const { return std::sqrt(spread_); }
  [[nodiscard]] std::uint64_t kept() const { return kept_.size(); }
  [[nodiscard]] std::uint64_t limited() const { return limited_; }
  // In any second.
  [[nodiscard]] std::uint64_t most_kept() const {
    std::uint64_t most = 0;
    std::size_t first = 0;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      while (kept_[i] - kept_[first] >= JT_SECOND_NS) ++first;
      most = std::max<std::uint64_t>(most, i - first + 1);
    }
    return most;
  }
  // The ratios that were in force, by time.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> trace;

 private:
  struct Cpu {
    std::uint64_t tick = 0;
    std::array<std::uint64_t, 2> decided{}, runs{};
    std::uint64_t wanted = 0;
  };

  void hand_over(Cpu& cpu) {
    for (int i = 0; i < 2; ++i) {
      g_.decided[i] += cpu.decided.at(i);
      g_.runs[i] += cpu.runs.at(i);
    }
    g_.wanted += cpu.wanted;
    cpu.decided = cpu.runs = {};
    cpu.wanted = 0;
    if (!jt_step_is_due(&g_, now_)) return;
    g_.tokens += jt_new_tokens(&g_, now_ - g_.stepped_ns);
    jt_govern(&g_, now_);
    trace.emplace_back(now_, g_.ratio);
  }

  void run(Cpu& cpu, int kind, const Costs& costs) {
    std::lognormal_distribution<double> wide(-0.5, 1.0);  // mean 1
    const double took = kind == JT_RUN_KEPT ? costs.kept * wide(random_) : costs.out;
    spent_ += took;
    const unsigned of = kind == JT_RUN_KEPT ? JT_MEASURED_KEPT : JT_MEASURED_OUT;
    ++cpu.runs.at(kind);
    if (random_() % of != 0) return;
    jt_learn(&g_, kind, static_cast<std::uint64_t>(took));
    hand_over(cpu);
  }

  void event(const Costs& costs) {
    Cpu& cpu = cpus_.at(random_() % cpus_.size());
    constexpr std::uint64_t kTick = 4 * kMillisecond;
    if (cpu.tick != now_ / kTick) {
      cpu.tick = now_ / kTick;
      hand_over(cpu);
    }
    ++events_;
    const std::uint32_t ratio = g_.ratio;
    const std::uint64_t chance = random_() & 0xffffffffU;
    const int kind = (chance * ratio >> 32) == 0 ? JT_RUN_KEPT : JT_RUN_OUT;
    ++cpu.decided.at(kind);
    if (kind == JT_RUN_KEPT) keep(cpu, ratio);
    for (int i = 0; i < costs.runs; ++i) run(cpu, kind, costs);
  }

  void keep(Cpu& cpu, std::uint32_t ratio) {
    ++cpu.wanted;
    if (g_.max_rate != 0) {
      if (g_.tokens < JT_TOKEN) {
        ++limited_;
        return;
      }
      g_.tokens -= JT_TOKEN;
    }
    kept_.push_back(now_);
    estimate_ += ratio;
    spread_ += static_cast<double>(ratio) * (ratio - 1.0);
  }

  jt_governor g_{};
  std::mt19937_64 random_;
  std::vector<Cpu> cpus_;
  std::uint64_t now_ = 1000 * JT_SECOND_NS;
  std::uint64_t mark_ = now_;
  double spent_ = 0, estimate_ = 0, spread_ = 0;
  std::uint64_t events_ = 0, limited_ = 0;
  std::deque<std::uint64_t> kept_;
};

struct Steady {
  double limit, rate;
};
class SteadyLoad : public testing::TestWithParam<Steady> {};

TEST_P(SteadyLoad, takesTheLimitAndNoMore) {
  Simulation simulation({.limit = GetParam().limit});
  simulation.load(GetParam().rate, 3);
  simulation.share();
  // Where few are kept, long enough for what they take to be the same again.
  simulation.load(GetParam().rate, GetParam().limit < 0.002 || GetParam().rate < 5000 ? 60 : 4);
  const double share = simulation.share();
  EXPECT_LE(share, 1.05 * GetParam().limit);
  EXPECT_GE(share, 0.9 * GetParam().limit);
}

INSTANTIATE_TEST_SUITE_P(Governor, SteadyLoad,
                         testing::Values(Steady{0.001, 1e3}, Steady{0.001, 1e4}, Steady{0.01, 3e3},
                                         Steady{0.01, 2e4}, Steady{0.01, 1.5e5}, Steady{0.05, 5e5},
                                         Steady{0.2, 5e5}, Steady{0.2, 5e4}));

TEST(Governor, keepsAllWhereThatIsWithinTheLimit) {
  Simulation simulation({});
  simulation.load(1000, 10);  // 0.5 %
  // A burst a second that is as much on average.
  for (int i = 0; i < 20; ++i) {
    simulation.load(200, 0.99);
    simulation.load(20000, 0.01);
  }
  EXPECT_EQ(simulation.kept(), simulation.events());
}

TEST(Governor, answersABurstWithin100Milliseconds) {
  for (const double limit : {0.01, 0.05}) {
    for (const unsigned cpus : {1U, 4U, 128U}) {
      Simulation simulation({.limit = limit, .cpus = cpus});
      simulation.load(1000, 3);
      simulation.share();
      simulation.load(1.5e5, 0.1);
      // What was saved up, half a second's worth, and a bit.
      EXPECT_LE(simulation.share() * 0.1, 1.0 * limit) << limit << " " << cpus;
      simulation.load(1.5e5, 1);
      EXPECT_LE(simulation.share(), 1.5 * limit) << limit << " " << cpus;
      simulation.load(1.5e5, 2);
      EXPECT_LE(simulation.share(), 1.05 * limit) << limit << " " << cpus;
    }
  }
}

TEST(Governor, recoversWithoutOscillation) {
  Simulation simulation({.limit = 0.05});
  simulation.load(5e5, 3);
  EXPECT_GT(simulation.ratio(), 30U);
  simulation.trace.clear();
  simulation.load(1000, 1);
  EXPECT_EQ(simulation.ratio(), 1U);
  std::uint32_t before = 1U << 20;
  for (const auto& [time, ratio] : simulation.trace) {
    EXPECT_LE(ratio, before) << "at " << time;
    before = ratio;
  }
}

// Once it has settled it stays within a third of its middle.
TEST(Governor, isCalmUnderASteadyLoad) {
  Simulation simulation({.limit = 0.05});
  simulation.load(5e5, 2);
  simulation.trace.clear();
  simulation.load(5e5, 4);
  double mean = 0;
  for (const auto& step : simulation.trace) mean += step.second;
  mean /= static_cast<double>(simulation.trace.size());
  std::size_t beyond = 0;
  for (const auto& step : simulation.trace) {
    if (std::abs(step.second - mean) > mean / 3) ++beyond;
  }
  EXPECT_LT(beyond, simulation.trace.size() / 50) << "of " << simulation.trace.size();
}

TEST(Governor, followsARamp) {
  Simulation simulation({.limit = 0.05});
  simulation.load(1000, 1);
  simulation.share();
  for (double rate = 1000; rate < 5e5; rate *= 1.1) {
    simulation.load(rate, 0.1);
  }
  EXPECT_LE(simulation.share(), 1.1 * 0.05);
}

TEST(Governor, knowsWithinASecondThatEventsBecameDearer) {
  Simulation simulation({.limit = 0.05});
  simulation.load(1e5, 3, {.kept = 2000});
  simulation.share();
  simulation.load(1e5, 1, {.kept = 60000});
  EXPECT_LE(simulation.share(), 2 * 0.05);
  simulation.load(1e5, 2, {.kept = 60000});
  EXPECT_LE(simulation.share(), 1.1 * 0.05);
}

// The first event behind a pause meets no ratio of before.
TEST(Governor, forgetsABurstWhileNothingComes) {
  Simulation simulation({});
  simulation.load(1.5e5, 2);
  EXPECT_GT(simulation.ratio(), 50U);
  simulation.idle(3);
  simulation.load(10, 1);
  EXPECT_EQ(simulation.trace.back().second, 1U);
  const std::uint64_t kept = simulation.kept();
  const std::uint64_t events = simulation.events();
  simulation.load(10, 5);
  EXPECT_EQ(simulation.kept() - kept, simulation.events() - events);
}

// Begin and end are a run each, and decided once.
TEST(Governor, countsBothRunsOfACall) {
  const Costs calls{.out = 60, .kept = 3000, .runs = 2};
  Simulation simulation({.limit = 0.05});
  simulation.load(1e5, 1, calls);
  simulation.share();
  simulation.load(1e5, 4, calls);
  EXPECT_NEAR(simulation.share(), 0.05, 0.005);
}

// Those that are left out alone take more: a quarter of the budget is for those that are kept.
TEST(Governor, keepsSomeWhereTheLimitCannotBeHeld) {
  Simulation simulation({.limit = 0.01});
  simulation.load(1e6, 1);
  simulation.share();
  const std::uint64_t kept = simulation.kept();
  simulation.load(1e6, 3);
  const double of_kept = static_cast<double>(simulation.kept() - kept) * 5000 / 3e9;
  EXPECT_NEAR(of_kept, 0.0025, 0.0005);
  EXPECT_NEAR(simulation.share(), 1e6 * 35e-9 + 0.0025, 0.001);
}

// A load that swings, time and again: each total within 4 sigma of what it says, and over all runs
// no bias either way.
TEST(Governor, totalsAreUnbiased) {
  double sum = 0;
  constexpr int kTimes = 24;
  for (unsigned seed = 1; seed <= kTimes; ++seed) {
    Simulation simulation({.limit = 0.03, .seed = seed});
    for (int i = 0; i < 2; ++i) {
      simulation.load(1000, 0.3);
      simulation.load(5e5, 0.3);
    }
    const double off =
        (simulation.estimate() - static_cast<double>(simulation.events())) / simulation.deviation();
    EXPECT_LT(std::abs(off), 4) << seed;
    sum += off;
  }
  EXPECT_LT(std::abs(sum) / std::sqrt(kTimes), 4);
}

TEST(Governor, capsTheRate) {
  for (const std::uint64_t most : {5U, 100U, 2000U}) {
    Simulation simulation({.limit = 0, .max_rate = most});
    for (int i = 0; i < 3; ++i) {
      simulation.load(50, 1);
      simulation.load(2e5, 2);
    }
    EXPECT_LE(simulation.most_kept(), most < 10 ? 2 * most : most + most / 50 + 1);
    // Sampling holds nearly all of it, so that the totals are right.
    EXPECT_LE(simulation.limited(), 60 + simulation.kept() / 5) << most;
    EXPECT_GE(static_cast<double>(simulation.kept()),
              0.5 * 6 * static_cast<double>(std::min<std::uint64_t>(most, 50)));
  }
}

TEST(Governor, lessThanTheRateIsAllKept) {
  Simulation simulation({.limit = 0, .max_rate = 2000});
  simulation.load(1000, 5);
  EXPECT_EQ(simulation.kept(), simulation.events());
}

}  // namespace
}  // namespace jtrace::test
