// SPDX-License-Identifier: Apache-2.0
// Events whose leaf is Java itself: a timer, a page fault, a context switch find the thread
// anywhere, also where a frame is half made. The target is a chain of methods, so that each stack
// can be judged.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

constexpr std::string_view kChain = "truth/TruthChain.m";
constexpr std::string_view kBody = "truth/TruthChain.climb";

// Whether the frames above climb() are m0, m1, ... without a gap; true where climb() is not there.
bool is_beginning_of_chain(const Stack& stack) {
  std::size_t next = 0;
  bool inside = false;
  for (const Frame& frame : stack.frames) {
    inside = inside || frame.name == kBody;
    if (!inside || !frame.name.starts_with(kChain)) continue;
    if (frame.name != fmt::format("{}{}", kChain, next++)) return false;
  }
  return true;
}

struct Figures {
  std::uint64_t all = 0, climbing = 0, wrong = 0;
  std::string example;
};

Figures judge_chains(const std::vector<Stack>& stacks) {
  Figures figures;
  for (const Stack& stack : stacks) {
    figures.all += stack.count;
    for (const Frame& frame : stack.frames) {
      if (frame.name == kBody) figures.climbing += stack.count;
    }
    if (is_beginning_of_chain(stack)) continue;
    figures.wrong += stack.count;
    figures.example = to_text(stack);
  }
  return figures;
}

struct Case {
  const char* event;
  double complete;  // share of all events, at least
};

class Interrupted : public ::testing::TestWithParam<std::tuple<std::string, const char*>> {};

TEST_P(Interrupted, WholeStacks) {
  JT_NEEDS("jdks", no_jdk());
  const auto& [name, flag] = GetParam();
  const Result<Jdk> jdk = fetch_jdk(name);
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  std::vector<std::string> flags{"-Xmx256m"};
  if (*flag != '\0') flags.emplace_back(flag);
  // On every CPU of a test machine: two are enough to meet the climbing thread.
  std::vector<Child> tickers;
  for (const char* cpu : {"0", "1"}) {
    auto ticker = Child::start({built("truth_ticker"), cpu, "200"});
    if (ticker) tickers.push_back(std::move(*ticker));
  }
  TraceOptions options;
  options.events = {"timer:hrtimer_expire_entry,sched:sched_switch,exceptions:page_fault_user"};
  // Not to its end: a thread that ends drops its stack before it is switched out for the last time.
  options.extra = {"--kernel", "no", "-d", "2s"};
  JT_ASSERT_OK(const Traced traced,
               trace(java_command(*jdk, flags, {"truth.TruthChain", "3000"}), options));
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  for (const auto& [event, least] :
       {Case{"timer:hrtimer_expire_entry", 0.995}, Case{"sched:sched_switch", 0.99},
        Case{"exceptions:page_fault_user", 0.98}}) {
    const auto stacks = only_event(traced.stacks, event);
    const Figures figures = judge_chains(stacks);
    std::uint64_t cut = 0;
    std::string example;
    for (const Stack& stack : stacks) {
      const bool marked = stack.frames.front().name.starts_with("[unknown]");
      if (marked) cut += stack.count;
      if (marked) example = to_text(stack);
    }
    const double complete = 1 - static_cast<double>(cut) / static_cast<double>(figures.all);
    fmt::print("{}: {} events, {} of climb(), {:.3f} % complete, {} wrong {}\n", event, figures.all,
               figures.climbing, 100 * complete, figures.wrong, example.substr(0, 500));
    EXPECT_GT(figures.all, 100U) << event;
    EXPECT_GE(complete, least) << event << "; " << traced.jtrace_log << to_text(traced.ledger);
    EXPECT_EQ(figures.wrong, 0U) << event << ": " << figures.example;
  }
}

std::string cell_name(const ::testing::TestParamInfo<std::tuple<std::string, const char*>>& cell) {
  return "Jdk" + std::get<0>(cell.param) + letters_of(std::get<1>(cell.param));
}

INSTANTIATE_TEST_SUITE_P(Jdk, Interrupted,
                         ::testing::Combine(::testing::ValuesIn(some_jdk_names()),
                                            ::testing::Values("", "-Xint")),
                         cell_name);
// Seven seconds a cell: the compilers apart on two of six.
INSTANTIATE_TEST_SUITE_P(
    Compiled, Interrupted,
    ::testing::Combine(::testing::Values("17", "25"),
                       ::testing::Values("-XX:TieredStopAtLevel=3",
                                         "-XX:CompileCommand=dontinline,truth.TruthChain::m*")),
    cell_name);

}  // namespace
}  // namespace jtrace::test
