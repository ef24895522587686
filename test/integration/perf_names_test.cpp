// SPDX-License-Identifier: Apache-2.0
// Names by perf maps: those that a JVM writes at our request against vmStructs, event by event, and
// those of runtimes that write their own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

using testing::HasSubstr;
using Names = std::map<std::vector<std::string>, std::uint64_t>;

// One compiler that compiles each method once, before the first event: then nothing is compiled
// between a map and an event, and every compiled frame must have its name.
TruthRun compiled_once() {
  return {.flags = {"-Xmx256m", "-Xcomp", "-XX:TieredStopAtLevel=1"}, .count = "500"};
}

struct BothWays {
  std::vector<Stack> by_map, by_structs;
  Ledger map_ledger, structs_ledger;
  std::string log;
};

// Two tracers over the same events of the same process.
Result<BothWays> trace_both(const std::vector<std::string>& target) {
  const TemporaryDirectory directory;
  const auto file = [&](const char* name) { return (directory.path() / name).string(); };
  JT_TRY(Child program, start_ready(target));
  const auto tracer = [&](const std::string& source) {
    return start_jtrace({"-t", "syscalls:sys_enter_openat", "-p", std::to_string(program.pid()),
                         "-v", "--jvm-symbols", source, "-f", file((source + ".collapsed").c_str()),
                         "-f", file((source + ".txt").c_str())});
  };
  // First: that the JVM opens its map is an event, too.
  JT_TRY(Child map, tracer("perfmap"));
  JT_TRY(Child structs, tracer("vmstructs"));
  JT_CHECK_OK(program.send("\n"));
  JT_TRY(const int ended, program.wait_exit(kPatience));
  JT_TRY(const int first, structs.wait_exit(kPatience));
  JT_TRY(const int second, map.wait_exit(kPatience));
  if (ended != 0 || first != 0 || second != 0) {
    return fail(Errc::Internal, program.err() + structs.err() + map.err());
  }
  BothWays both;
  both.log = map.err();
  JT_TRY(const std::string map_stacks, read_text(file("perfmap.collapsed")));
  JT_TRY(both.by_map, parse_collapsed(map_stacks));
  JT_TRY(const std::string structs_stacks, read_text(file("vmstructs.collapsed")));
  JT_TRY(both.by_structs, parse_collapsed(structs_stacks));
  JT_TRY(const std::string map_text, read_text(file("perfmap.txt")));
  JT_TRY(both.map_ledger, parse_ledger(map_text));
  JT_TRY(const std::string structs_text, read_text(file("vmstructs.txt")));
  JT_TRY(both.structs_ledger, parse_ledger(structs_text));
  return both;
}

bool nameless(const Frame& frame) { return frame.name.starts_with("[unknown]"); }

// Without what a map cannot know: inlined and interpreted frames, and which compiler it was.
Names comparable(const std::vector<Stack>& stacks) {
  Names names;
  for (const Stack& stack : stacks) {
    std::vector<std::string> frames;
    for (const Frame& frame : stack.frames) {
      if (frame.kind == FrameKind::Inlined || frame.kind == FrameKind::Interpreted) continue;
      if (!nameless(frame)) frames.push_back(frame.name);
    }
    names[frames] += stack.count;
  }
  return names;
}

std::uint64_t count_frames(const std::vector<Stack>& stacks, bool (*which)(const Frame&)) {
  std::uint64_t count = 0;
  for (const Stack& stack : stacks) {
    count += stack.count * static_cast<std::uint64_t>(std::ranges::count_if(stack.frames, which));
  }
  return count;
}

std::uint64_t differences(const Names& a, const Names& b, std::string& example) {
  std::uint64_t count = 0;
  for (const auto& [frames, n] : a) {
    const auto found = b.find(frames);
    const std::uint64_t other = found == b.end() ? 0 : found->second;
    if (n <= other) continue;
    count += n - other;
    example.clear();
    for (const std::string& frame : frames) example += frame + ";";
  }
  return count;
}

class PerfMapJdk : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    JT_NEEDS("jdks", no_jdk());
    auto jdk = fetch_jdk(GetParam());
    JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
    jdk_ = std::move(*jdk);
  }
  Jdk jdk_;
};

using WritesMaps = PerfMapJdk;

TEST_P(WritesMaps, NamesAreThoseOfVmStructs) {
  JT_ASSERT_OK(const BothWays both, trace_both(truth_opens(jdk_, compiled_once())));
  const Names by_map = comparable(both.by_map);
  const Names by_structs = comparable(both.by_structs);
  std::string only_map, only_structs;
  EXPECT_EQ(differences(by_map, by_structs, only_map), 0U) << only_map;
  EXPECT_EQ(differences(by_structs, by_map, only_structs), 0U) << only_structs;
  const std::uint64_t interpreted = count_frames(
      both.by_structs, [](const Frame& f) { return f.kind == FrameKind::Interpreted; });
  EXPECT_EQ(count_frames(both.by_map, nameless), interpreted);
  EXPECT_EQ(count_frames(both.by_structs, nameless), 0U);
  const auto compiled = [](const Frame& f) { return f.kind == FrameKind::Compiled; };
  EXPECT_GT(count_frames(both.by_map, compiled), 10'000U);
  EXPECT_EQ(both.map_ledger.count("unnamed: no source of Java names").value_or(0), interpreted);
  EXPECT_GT(both.map_ledger.count("named by perfmap").value_or(0), 10'000U);
  EXPECT_EQ(both.structs_ledger.count("named by perfmap"), std::nullopt);
  EXPECT_GT(both.structs_ledger.count("named by vmstructs").value_or(0), 10'000U);
  EXPECT_EQ(ledger_faults(both.map_ledger), "");
  EXPECT_THAT(both.log, HasSubstr("names of Java code by its perf map"));
  fmt::print("JDK {}: {} stacks, {} frames by perfmap, {} interpreted\n", jdk_.name, by_map.size(),
             both.map_ledger.count("named by perfmap").value_or(0), interpreted);
}

INSTANTIATE_TEST_SUITE_P(Jdk, WritesMaps, ::testing::ValuesIn(some_of({"17", "21", "25", "26"})),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });

// Process 2 of a pid namespace, nobody, with a root of its own.
TEST_P(WritesMaps, InAContainer) {
  TraceOptions options;
  options.forks = kContainerForks;
  options.extra = {"--jvm-symbols", "perfmap"};
  options.before_attach = [](pid_t pid) -> Status {
    const std::filesystem::path tmp = fmt::format("/proc/{}/root/tmp", pid);
    std::filesystem::create_directory(tmp);
    std::filesystem::permissions(tmp, std::filesystem::perms::all);
    return {};
  };
  JT_ASSERT_OK(const Traced traced, trace(contained_opens(jdk_, compiled_once(), true), options));
  EXPECT_GT(traced.ledger.count("named by perfmap").value_or(0), 10'000U);
  EXPECT_EQ(traced.jtrace_log.find("attach to process"), std::string::npos) << traced.jtrace_log;
  EXPECT_EQ(ledger_faults(traced.ledger), "");
}

using WritesNone = PerfMapJdk;

// It is asked, refuses, and is left in peace; a file that is there is used.
TEST_P(WritesNone, UsesWhatIsThere) {
  for (const bool there : {false, true}) {
    std::string name;
    TraceOptions options;
    options.extra = {"--jvm-symbols", "perfmap"};
    options.before_attach = [&](pid_t pid) -> Status {
      name = fmt::format("/proc/{}/root/tmp/perf-{}.map", pid, pid);
      if (there) std::ofstream(name) << "0x1000 0x7ffffffff000 void made.Up.name(int)\n";
      return {};
    };
    const auto traced = trace(truth_opens(jdk_, compiled_once()), options);
    unlink(name.c_str());
    ASSERT_TRUE(traced) << traced.error().message;
    EXPECT_THAT(traced->jtrace_log, HasSubstr("cannot write a perf map (17 and later can)"));
    EXPECT_THAT(traced->jtrace_log,
                HasSubstr(there ? "the perf map that is there is used" : "there is no perf map"));
    EXPECT_EQ(traced->ledger.count("named by perfmap, unverified").value_or(0) > 1000, there);
    EXPECT_EQ(ledger_faults(traced->ledger), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Jdk, WritesNone, ::testing::ValuesIn(some_of({"8", "11"})),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });

// Node.js writes its map itself, as it compiles. What a timer interrupts is in JavaScript most of
// the time: the leaf has its name.
TEST(PerfNames, NodeJs) {
  JT_NEEDS("java", no_program("node"));
  const TemporaryDirectory directory;
  const auto script = directory.path() / "loop.js";
  std::ofstream(script) << R"(
const fs = require('fs');
function busyInner(x) { for (let i = 0; i < 20000; ++i) x = (x * 31 + i) % 65521; return x; }
function busyOuter(ms) { const end = Date.now() + ms; let x = 1; while (Date.now() < end) x = busyInner(x); }
busyOuter(500);
process.stdout.write('ready\n');
fs.readSync(0, Buffer.alloc(1), 0, 1);
busyOuter(1500);
)";
  pid_t node = -1;
  TraceOptions options;
  options.events = {"irq_vectors:local_timer_entry"};
  options.extra = {"--no-kernel"};
  options.before_attach = [&](pid_t pid) -> Status {
    node = pid;
    return {};
  };
  const auto traced = trace(
      {"node", "--perf-basic-prof", "--logfile=/dev/null", "--no-logfile-per-isolate", script},
      options);
  unlink(fmt::format("/tmp/perf-{}.map", node).c_str());
  ASSERT_TRUE(traced) << traced.error().message;
  std::uint64_t all = 0, named = 0;
  for (const Stack& stack : traced->stacks) {
    all += stack.count;
    const bool ours =
        !stack.frames.empty() && stack.frames.back().name.find("busy") != std::string::npos;
    if (ours) named += stack.count;
  }
  fmt::print("{}{} of {} interrupted in our functions\n", to_text(traced->ledger), named, all);
  EXPECT_GT(named, 50U);
  EXPECT_GT(static_cast<double>(named), 0.8 * static_cast<double>(all));
  EXPECT_GE(traced->ledger.count("named by perfmap, unverified").value_or(0), named);
  EXPECT_EQ(ledger_faults(traced->ledger), "");
}

}  // namespace
}  // namespace jtrace::test
