// SPDX-License-Identifier: Apache-2.0
// What Java says of its own stack and threads, and jtrace of the same: source lines, bytecode
// indexes, thread names.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

constexpr std::uint64_t kCount = 200;
// A thread's name can be read while it lives.
constexpr std::uint64_t kThreadCount = 20 * kCount;

std::vector<std::string> details(const Jdk& jdk, std::vector<std::string> flags) {
  const bool interpreter = std::ranges::find(flags, "-Xint") != flags.end();
  flags.emplace_back("-Xmx128m");
  return java_command(jdk, flags,
                      {"truth.Details", interpreter ? "100" : "30000", std::to_string(kCount)});
}

// "Class.method:line" of the callers of open(), innermost first.
std::vector<std::string> told(const std::string& output) {
  std::vector<std::string> lines;
  std::istringstream text(output);
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("at ")) lines.push_back(line.substr(3));
  }
  return lines;
}

// The same of a stack; empty where it is none of the program's.
std::vector<Frame> shown(const Stack& stack) {
  std::vector<Frame> frames;
  bool below = false;
  for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame) {
    const bool own = frame->name.starts_with("truth/Details.");
    if (own && below) frames.push_back(*frame);
    below = below || frame->name.starts_with("truth/Details.open");
  }
  return frames;
}

class Details : public ::testing::TestWithParam<std::tuple<std::string, const char*>> {};

TEST_P(Details, LinesAreThoseOfStackTraceElement) {
  JT_NEEDS("jdks", no_jdk());
  const auto& [name, flag] = GetParam();
  const Result<Jdk> jdk = fetch_jdk(name);
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  std::vector<std::string> flags;
  if (*flag != '\0') flags.emplace_back(flag);
  const TemporaryDirectory directory;
  const std::string json = directory.path() / "out.json";
  TraceOptions options;
  options.extra = {"--lines", "-f", json};
  JT_ASSERT_OK(const Traced traced, trace(details(*jdk, flags), options));
  const auto truth = told(traced.target_output);
  ASSERT_EQ(truth.size(), 9U) << traced.target_output;
  std::map<FrameKind, std::uint64_t> kinds;
  std::uint64_t equal = 0;
  for (const Stack& stack : traced.stacks) {
    std::vector<std::string> lines;
    const auto frames = shown(stack);
    if (frames.size() < 3) continue;  // a thread's
    for (const Frame& frame : frames) {
      lines.push_back(frame.name);
      kinds[frame.kind] += stack.count;
    }
    EXPECT_THAT(lines, ::testing::ElementsAreArray(truth)) << to_text(stack);
    equal += stack.count;
  }
  EXPECT_EQ(equal, kCount);
  const bool interpreter = std::string(flag) == "-Xint";
  EXPECT_EQ(kinds[FrameKind::Interpreted] == kCount * truth.size(), interpreter);
  EXPECT_EQ(kinds[FrameKind::Inlined] == 0U, interpreter);
  // Each line has its bytecode index beside it.
  JT_ASSERT_OK(const std::string text, read_text(json));
  EXPECT_THAT(
      text, ::testing::ContainsRegex("\"truth/Details.leaf\"[^}]*\"line\":[0-9]+,\"bci\":[0-9]+"));
}

INSTANTIATE_TEST_SUITE_P(
    Jdk, Details,
    ::testing::Combine(::testing::ValuesIn(some_jdk_names()),
                       ::testing::Values("", "-Xint", "-XX:TieredStopAtLevel=1")),
    [](const auto& cell) {
      const std::string flag = std::get<1>(cell.param);
      const char* setting = flag.empty() ? "Stock" : flag == "-Xint" ? "Xint" : "C1";
      return std::get<0>(cell.param) + setting;
    });

class ThreadNames : public ::testing::TestWithParam<std::tuple<std::string, const char*>> {};

TEST_P(ThreadNames, AreJavas) {
  JT_NEEDS("jdks", no_jdk());
  const auto& [name, flag] = GetParam();
  const Result<Jdk> jdk = fetch_jdk(name);
  JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
  TraceOptions options;
  options.extra = {"--threads"};
  std::vector<std::string> flags{"-Xint"};
  if (*flag != '\0') flags.emplace_back(flag);
  JT_ASSERT_OK(const Traced traced, trace(details(*jdk, flags), options));
  std::map<std::string, std::uint64_t> opens;
  for (const Stack& stack : traced.stacks) {
    const bool own = std::ranges::any_of(stack.frames, [](const Frame& frame) {
      return frame.name.starts_with("truth/Details.open");
    });
    const std::string& root = stack.frames.front().name;
    if (own) opens[root.substr(0, root.find(" tid="))] += stack.count;
  }
  EXPECT_THAT(opens, ::testing::UnorderedElementsAre(
                         ::testing::Pair("[main", kCount),
                         ::testing::Pair("[a thread whose name has forty characters", kThreadCount),
                         ::testing::Pair("[na\u00efve", kThreadCount),
                         ::testing::Pair("[\u03c0\u03bb\u03b1\u03c4\u03c6\u03cc\u03c1\u03bc\u03b1 "
                                         "\U0001f680",
                                         kThreadCount)));
}

INSTANTIATE_TEST_SUITE_P(
    Jdk, ThreadNames,
    ::testing::Combine(::testing::ValuesIn(some_jdk_names()),
                       ::testing::Values("", "-XX:-UseCompressedOops", "-XX:+UseSerialGC")),
    [](const auto& cell) {
      const std::string flag = std::get<1>(cell.param);
      const char* setting = flag.empty() ? "Stock" : flag.ends_with("GC") ? "Serial" : "FullOops";
      return std::get<0>(cell.param) + setting;
    });

}  // namespace
}  // namespace jtrace::test
