// SPDX-License-Identifier: Apache-2.0
// preset:fd-leak over a program that closes its descriptors in every way, or does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "integration/support/jdks.h"
#include "integration/support/refusals.h"
#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

using testing::Contains;
using testing::Pair;
using testing::UnorderedElementsAre;

class Leaks : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"file", "other"}) std::ofstream(directory_.path() / name) << "x";
  }
  [[nodiscard]] Result<Traced> traced(const std::string& seconds, TraceOptions options = {}) const {
    options.events = {};
    options.extra.insert(options.extra.begin(), {"-t", "preset:fd-leak"});
    return trace({built("truth_known_leaks"), directory_.path(), seconds}, options);
  }
  // "leak_file file": what opened it, and the last part of its path -> how many.
  [[nodiscard]] static std::map<std::string, std::uint64_t> by_function(const Traced& traced) {
    std::map<std::string, std::uint64_t> sums;
    for (const Stack& stack : traced.stacks) {
      std::string text, opened;
      for (const Frame& frame : stack.frames) {
        for (const char* name : {"leak_", "closed_file", "put_over"}) {
          const auto at = frame.name.find("::" + std::string(name));
          if (at == std::string::npos) continue;
          text = frame.name.substr(at + 2, frame.name.find('(', at) - at - 2);
        }
        if (frame.name.starts_with("opened=")) opened = frame.name.substr(7);
      }
      if (opened.starts_with("/")) opened = opened.substr(opened.rfind('/') + 1);
      if (const auto id = opened.find('['); id != std::string::npos) opened.resize(id);
      sums[text + " " + opened] += stack.count;
    }
    return sums;
  }

 private:
  TemporaryDirectory directory_;
};

// When the trace ends the program lives: each process's table is asked.
TEST_F(Leaks, areWhatIsOpenWhenTheTraceEnds) {
  JT_NEEDS("bpf", no_bpf());
  TraceOptions options;
  options.extra = {"-d", "3"};
  JT_ASSERT_OK(const Traced leaks, traced("8", options));
  const auto sums = by_function(leaks);
  EXPECT_THAT(sums, Contains(Pair("leak_file file", 7)));
  EXPECT_THAT(sums, Contains(Pair("leak_file other", 1)));
  EXPECT_THAT(sums, Contains(Pair("leak_copy other", 1)));
  EXPECT_THAT(sums, Contains(Pair("leak_high_copy other", 1)));
  EXPECT_THAT(sums, Contains(Pair("put_over other", 1)));
  EXPECT_EQ(sums.count("closed_file file") + sums.count("closed_file other"), 0U)
      << testing::PrintToString(sums);
  EXPECT_EQ(leaks.ledger.count("kept"), 15U) << testing::PrintToString(sums);
  EXPECT_EQ(leaks.ledger.count("descriptors opened"), 121U);
  EXPECT_EQ(leaks.ledger.count("open at the end"), 15U);
  EXPECT_EQ(leaks.ledger.count("closed again"), 106U);
  EXPECT_EQ(leaks.ledger.count("filtered"), 1U) << "dup2 to standard output";
  EXPECT_TRUE(leaks.ledger.balanced) << to_text(leaks.ledger);
}

// It executes another program, which closes two of them, and that one ends.
TEST_F(Leaks, areWhatIsOpenWhenItsProcessEnds) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const Traced leaks, traced("0"));
  auto sums = by_function(leaks);
  EXPECT_EQ(sums["leak_file file"], 7U);
  EXPECT_EQ(sums["leak_copy other"], 1U);
  EXPECT_EQ(sums.count("leak_file other"), 0U) << "O_CLOEXEC";
  EXPECT_EQ(sums.count("leak_high_copy other"), 0U) << "F_DUPFD_CLOEXEC";
  EXPECT_EQ(leaks.ledger.count("kept"), 13U) << testing::PrintToString(sums);
  EXPECT_TRUE(leaks.ledger.balanced) << to_text(leaks.ledger);
}

TEST_F(Leaks, thatAreYoungAreLeftOut) {
  JT_NEEDS("bpf", no_bpf());
  TraceOptions options;
  options.extra = {"--min-age", "1h"};
  JT_ASSERT_OK(const Traced leaks, traced("0", options));
  EXPECT_EQ(leaks.ledger.count("kept"), 0U);
  EXPECT_EQ(leaks.ledger.count("filtered"), 14U);
}

// An open that is left out takes the number of one that was closed, and its place in the kernel.
TEST_F(Leaks, ofCallsThatAreLeftOutAreNotTakenForClosedOnes) {
  JT_NEEDS("bpf", no_bpf());
  TraceOptions options;
  options.extra = {"-i", "2"};
  JT_ASSERT_OK(const Traced leaks, traced("0", options));
  const auto sums = by_function(leaks);
  EXPECT_EQ(sums.count("closed_file file") + sums.count("closed_file other"), 0U)
      << testing::PrintToString(sums);
  EXPECT_THAT(leaks.ledger.count("open at the end"),
              testing::Optional(testing::AllOf(testing::Ge(1U), testing::Le(9U))));
  EXPECT_TRUE(leaks.ledger.balanced) << to_text(leaks.ledger);
}

TEST_F(Leaks, ofJavaHaveItsStacksAndThreads) {
  JT_NEEDS("bpf", no_bpf());
  JT_NEEDS("java", no_jdk());
  const TemporaryDirectory directory;
  const std::string file = directory.path() / "kept";
  std::ofstream(file) << "x";
  TraceOptions options;
  options.events = {"preset:fd-leak"};
  options.extra = {"--weight", "events"};
  JT_ASSERT_OK(const Traced leaks,
               trace(java_command(own_jdk(), {"-Xmx64m"}, {"truth.Leaks", file}), options));
  std::uint64_t forgotten = 0;
  for (const Stack& stack : leaks.stacks) {
    const auto has = [&](const std::string& name) {
      return std::ranges::find(stack.frames, name, &Frame::name) != stack.frames.end();
    };
    if (!has("opened=" + file)) continue;
    EXPECT_TRUE(has("truth/Leaks.forgets") && has("thread=leaking") && has("java/lang/Thread.run"))
        << to_text(stack);
    EXPECT_FALSE(has("truth/Leaks.closes"));
    forgotten += stack.count;
  }
  EXPECT_EQ(forgotten, 9U);
}

TEST_F(Leaks, haveAnAgeAndCallsHaveNone) {
  const Refused refusals[] = {
      {{"-t", "preset:fd-leak", "--min-latency", "1ms"},
       "--min-latency: preset:fd-leak is of descriptors"},
      {{"-t", "preset:fd-leak", "--errors-only"},
       "--errors-only: preset:fd-leak is of descriptors"},
      {{"-t", "preset:fd-leak", "--weight", "latency"}, "--weight age adds up"},
      {{"-t", "preset:file-open", "--min-age", "1s"},
       "--min-age: only the descriptors of preset:fd-leak have an age"}};
  expect_refused(refusals);
}

}  // namespace
}  // namespace jtrace::test
