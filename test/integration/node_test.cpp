// SPDX-License-Identifier: Apache-2.0
// Stacks of Node.js, of each of its compilers, against what a program says it did; names by its
// perf map and by its jitdump.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

using Chains = std::map<std::string, std::uint64_t>;

constexpr std::string_view kScript = JTRACE_OPENS_JS;

// "OPENS count leaf;...;root" lines.
Chains truth_of(const std::string& output) {
  Chains truth;
  constexpr std::string_view kTag = "OPENS ";
  for (std::string_view line : split(output, '\n')) {
    if (!line.starts_with(kTag)) continue;
    line.remove_prefix(kTag.size());
    std::uint64_t count = 0;
    const auto* const end = std::from_chars(line.data(), line.data() + line.size(), count).ptr;
    truth[std::string(end + 1, line.data() + line.size())] += count;
  }
  return truth;
}

// The functions of our script on a stack, leaf first, without where they are written.
std::string ours(const Stack& stack) {
  std::string chain;
  for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame) {
    const auto place = frame->name.find(fmt::format(" {}:", kScript));
    if (place == std::string::npos) continue;
    if (!chain.empty()) chain += ';';
    chain += frame->name.substr(0, place);
  }
  return chain;
}

Chains chains_of(const std::vector<Stack>& stacks) {
  Chains seen;
  for (const Stack& stack : stacks) {
    // Not what V8 opens for itself when it collects garbage, for instance, below any function.
    if (std::ranges::find(stack.frames, "uv_fs_open", &Frame::name) != stack.frames.end())
      seen[ours(stack)] += stack.count;
  }
  seen.erase("");  // of Node.js itself
  return seen;
}

struct Run {
  const char* name;
  std::vector<std::string> flags;
  const char* source;
};

class NodeOpens : public ::testing::TestWithParam<Run> {};

TEST_P(NodeOpens, AreTheTruth) {
  JT_NEEDS("java", no_program("node"));
  pid_t node = -1;
  TraceOptions options;
  options.extra = {"--no-kernel"};
  options.before_attach = [&](pid_t pid) -> Status {
    node = pid;
    return {};
  };
  // The process is there until jtrace has its names.
  options.meanwhile = [&](Child& target, Child& jtrace) -> Status {
    JT_CHECK_OK(target.wait_until(
        "all opens", [](const Child& c) { return c.out().find("done\n") != std::string::npos; },
        kPatience));
    JT_CHECK_OK(jtrace.signal(SIGINT));
    JT_TRY(const int status, jtrace.wait_exit(kPatience));
    if (status != 0) return fail(Errc::Internal, jtrace.err());
    return target.send("\n");
  };
  std::vector<std::string> command{"node", "--logfile=/dev/null", "--no-logfile-per-isolate"};
  command.insert(command.end(), GetParam().flags.begin(), GetParam().flags.end());
  command.insert(command.end(), {std::string(kScript), "400", "30"});
  const auto traced = trace(command, options);
  unlink(fmt::format("/tmp/perf-{}.map", node).c_str());
  unlink(fmt::format("jit-{}.dump", node).c_str());
  ASSERT_TRUE(traced) << traced.error().message;

  const Chains truth = truth_of(traced->target_output);
  std::uint64_t performed = 0;
  for (const auto& [chain, count] : truth) performed += count;
  EXPECT_EQ(performed, 13U * 400);
  EXPECT_EQ(chains_of(traced->stacks), truth);
  EXPECT_EQ(ledger_faults(traced->ledger), "");
  const auto complete = traced->ledger.count("complete").value_or(0);
  EXPECT_GE(complete + traced->ledger.count("no user stack").value_or(0),
            traced->ledger.count("kept").value_or(1));
  EXPECT_GT(traced->ledger.count(GetParam().source).value_or(0), 3 * performed);
  fmt::print("{}{}: {} opens\n", to_text(traced->ledger), GetParam().name, performed);
}

// A function that is inlined has no frame of its own, and no map tells of it.
INSTANTIATE_TEST_SUITE_P(
    Tier, NodeOpens,
    ::testing::Values(
        Run{"All",
            {"--perf-basic-prof", "--interpreted-frames-native-stack", "--no-turbo-inlining"},
            "named by perfmap, unverified"},
        Run{"Interpreted",
            {"--perf-basic-prof", "--interpreted-frames-native-stack", "--no-opt",
             "--no-sparkplug"},
            "named by perfmap, unverified"},
        Run{"Baseline",
            {"--perf-basic-prof", "--always-sparkplug", "--no-opt"},
            "named by perfmap, unverified"},
        Run{"Optimised",
            {"--perf-basic-prof", "--interpreted-frames-native-stack", "--no-turbo-inlining",
             "--always-sparkplug", "--interrupt-budget=1000"},
            "named by perfmap, unverified"},
        Run{"JitDump",
            {"--perf-prof", "--interpreted-frames-native-stack", "--no-turbo-inlining"},
            "named by jitdump"}),
    [](const auto& run) { return std::string(run.param.name); });

// What a timer interrupts is anywhere in V8's code: a stack that is called complete must be the
// truth, and one that is not must say so.
class NodeInterrupted : public ::testing::TestWithParam<Run> {};

TEST_P(NodeInterrupted, IsTheTruthOrPartial) {
  JT_NEEDS("java", no_program("node"));
  pid_t node = -1;
  TraceOptions options;
  options.events = {"irq_vectors:local_timer_entry"};
  options.extra = {"--no-kernel"};
  options.before_attach = [&](pid_t pid) -> Status {
    node = pid;
    return {};
  };
  std::vector<std::string> command{"node", "--logfile=/dev/null", "--no-logfile-per-isolate",
                                   "--perf-basic-prof", "--interpreted-frames-native-stack"};
  command.insert(command.end(), GetParam().flags.begin(), GetParam().flags.end());
  command.emplace_back(JTRACE_BUSY_JS);
  const auto traced = trace(command, options);
  unlink(fmt::format("/tmp/perf-{}.map", node).c_str());
  ASSERT_TRUE(traced) << traced.error().message;
  std::uint64_t right = 0, wrong = 0, said = 0;
  for (const Stack& stack : traced->stacks) {
    std::string chain;
    bool main = false, nameless = false;
    for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame) {
      nameless = nameless || frame->name.starts_with("[unknown] 0x");
      main = main || frame->name.starts_with("main ");
      const auto place = frame->name.find(fmt::format(" {}:", JTRACE_BUSY_JS));
      if (place != std::string::npos) chain += frame->name.substr(0, place) + ';';
    }
    if (stack.frames.front().name.starts_with('[') || nameless) {
      said += stack.count;
    } else if (chain.empty() && !main) {
      continue;  // before and after our functions; another thread's
    } else if (std::string_view("inner;outer;main;(anonymous);").ends_with(chain) && main) {
      right += stack.count;
    } else {
      wrong += stack.count;
      fmt::print("{} x {}\n", stack.count, to_text(stack));
    }
  }
  const auto unproven = traced->ledger.count("partial: unproven frame").value_or(0);
  fmt::print("{}{}: {} right, {} wrong, {} said to be partial or without a name\n",
             to_text(traced->ledger), GetParam().name, right, wrong, said);
  EXPECT_LE(wrong, unproven);
  EXPECT_GT(right, 20 * (said + wrong));
  EXPECT_GT(right, unproven + 100U);
  EXPECT_EQ(ledger_faults(traced->ledger), "");
}

INSTANTIATE_TEST_SUITE_P(Tier, NodeInterrupted,
                         ::testing::Values(Run{"Interpreted", {"--no-opt", "--no-sparkplug"}, ""},
                                           Run{"Baseline", {"--no-opt", "--always-sparkplug"}, ""},
                                           Run{"Optimised", {"--no-turbo-inlining"}, ""}),
                         [](const auto& run) { return std::string(run.param.name); });

}  // namespace
}  // namespace jtrace::test
