// SPDX-License-Identifier: Apache-2.0
// Native code below Java whose frames are hard to find, on the oldest and the newest JDK with
// long-term support: its unwind information is in .debug_frame alone, or there is none; its names
// are in .gnu_debugdata.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

constexpr std::array kWays{"truth/TruthOpens.pathUpcall", "truth/TruthOpens.pathDirect"};
constexpr std::uint64_t kCount = 2000;

std::uint64_t count_with(const std::vector<Stack>& stacks, std::string_view frame) {
  std::uint64_t count = 0;
  for (const Stack& stack : stacks) {
    const bool has = std::ranges::find(stack.frames, frame, &Frame::name) != stack.frames.end();
    if (has) count += stack.count;
  }
  return count;
}

// Stacks that have the one marker of native code jumped over: without it.
std::vector<Stack> without_gap(std::vector<Stack> stacks) {
  for (Stack& stack : stacks) {
    const auto gap = std::ranges::find(stack.frames, "[gap]", &Frame::name);
    if (gap != stack.frames.end()) stack.frames.erase(gap);
  }
  return stacks;
}

class HardNative : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    JT_NEEDS("jdks", no_jdk());
    auto jdk = fetch_jdk(GetParam());
    JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
    jdk_ = std::move(*jdk);
  }

  Result<Traced> run(const std::string& library, std::vector<std::string> flags = {}) {
    return trace(truth_opens(
        jdk_, {.flags = std::move(flags), .count = std::to_string(kCount), .library = library}));
  }

  Jdk jdk_;
};

TEST_P(HardNative, NamesInGnuDebugdata) {
  JT_ASSERT_OK(const Traced traced, run("libtruth_debugdata.so"));
  JT_ASSERT_OK(const ThreadEntries entries, jdk_.thread_entries());
  expect_truth(traced, traced.stacks, entries);
  EXPECT_EQ(count_with(traced.stacks, "truth_open_file"), kCount);
}

TEST_P(HardNative, TablesInDebugFrame) {
  JT_ASSERT_OK(const Traced traced, run("libtruth_debug_frame.so"));
  JT_ASSERT_OK(const ThreadEntries entries, jdk_.thread_entries());
  expect_truth(traced, traced.stacks, entries);
}

// The walk goes on at the Java frame that HotSpot remembers, and says that it has jumped. The
// threads run when tracing begins: not even their first events lack it.
TEST_P(HardNative, NoTablesAtAll) {
  for (const char* flag : {"", "-Xint"}) {
    std::vector<std::string> flags;
    if (*flag != '\0') flags.emplace_back(flag);
    JT_ASSERT_OK(const Traced traced, run("libtruth_bare.so", flags));
    JT_ASSERT_OK(const ThreadEntries entries, jdk_.thread_entries());
    JT_ASSERT_OK(const auto truth, parse_truth(traced.target_output));
    const Verdict verdict = judge(truth, without_gap(traced.stacks), Chain::Java, entries);
    fmt::print("{}{}", verdict.table(), to_text(traced.ledger));
    EXPECT_EQ(verdict.miscounts(), "");
    EXPECT_EQ(ledger_faults(traced.ledger), "");
    for (const PathFigures& path : verdict.paths) {
      EXPECT_EQ(path.whole, path.performed) << path.marker << ": " << path.example;
    }
    EXPECT_EQ(count_with(traced.stacks, "[gap]"), kWays.size() * kCount);
    EXPECT_EQ(traced.ledger.count("partial: gap"), kWays.size() * kCount);
  }
}

// Each thread is found by the walk of its first event.
TEST_P(HardNative, NoTablesInNewThreads) {
  constexpr std::uint64_t kThreads = 200;
  constexpr std::uint64_t kOpens = 10;
  auto argv = truth_opens(jdk_, {.flags = {}, .count = "1", .library = "libtruth_bare.so"});
  const auto program = std::ranges::find(argv, "truth.TruthOpens");
  const std::string library = argv.back().substr(argv.back().find('=') + 1);
  argv.erase(program, argv.end());
  argv.insert(argv.end(), {"truth.NewThreads", std::to_string(kThreads), std::to_string(kOpens),
                           "library=" + library});
  JT_ASSERT_OK(const Traced traced, trace(argv));
  fmt::print("{}", to_text(traced.ledger));
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_EQ(traced.ledger.count("partial: gap"), kThreads * kOpens);
  if (named_too_late(traced)) return;
  EXPECT_EQ(count_with(traced.stacks, "truth/NewThreads.opens"), kThreads * kOpens);
}

INSTANTIATE_TEST_SUITE_P(Jdk, HardNative, ::testing::ValuesIn(some_of({"8", "17", "21", "25"})),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });

}  // namespace
}  // namespace jtrace::test
