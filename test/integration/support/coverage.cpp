// SPDX-License-Identifier: Apache-2.0
#include "integration/support/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "integration/support/environment.h"

namespace jtrace::test {
namespace {

const std::vector<std::string>& io_events() {
  static const std::vector<std::string> kEvents = [] {
    std::vector<std::string> events;
    for (const char* call : {"read", "write", "pread64", "lseek", "mmap", "connect", "recvfrom",
                             "sendto", "epoll_wait", "futex", "clone", "clone3", "vfork"}) {
      events.push_back(fmt::format("syscalls:sys_enter_{}", call));
    }
    return events;
  }();
  return kEvents;
}

std::vector<std::string> events_of(const Scenario& scenario) {
  if (scenario.target == Target::VmThreads) {
    return {"syscalls:sys_enter_futex",    "syscalls:sys_enter_mmap",
            "syscalls:sys_enter_munmap",   "syscalls:sys_enter_madvise",
            "syscalls:sys_enter_mprotect", "sched:sched_switch"};
  }
  if (scenario.program == "TruthIo") return io_events();
  return {"syscalls:sys_enter_getppid"};
}

std::filesystem::path libjvm(const Jdk& jdk) {
  return jdk.home / (jdk.major() == 8 ? "lib/amd64/server/libjvm.so" : "lib/server/libjvm.so");
}

std::vector<std::string> command(const Scenario& scenario, const Jdk& jdk, int count) {
  std::vector<std::string> argv;
  std::filesystem::path here = built("");
  if (jdk.tree != "/") {
    const std::filesystem::path inside = "/truth";
    argv = {built("truth_launcher"), "root", jdk.tree, here, inside, "--"};
    here = inside;
  }
  const bool embedded = scenario.target == Target::Embedded;
  if (embedded) argv.insert(argv.end(), {here / "truth_embedded", libjvm(jdk)});
  if (!embedded) argv.push_back(jdk.home / "bin/java");
  argv.insert(argv.end(), {"-Xmx256m", "-XX:+UnlockDiagnosticVMOptions", "-XX:+ShowHiddenFrames",
                           "-XX:MaxJavaStackTraceDepth=4096",
                           "-Djava.class.path=" + (here / "classes").string()});
  if (scenario.program == "TruthChanges") {
    argv.push_back("-javaagent:" + (here / "truth-agent.jar").string());
  }
  argv.insert(argv.end(), scenario.flags.begin(), scenario.flags.end());
  argv.push_back(embedded ? "--" : "-Dtruth");  // the class comes next
  argv.push_back((embedded ? "truth/" : "truth.") + scenario.program);
  if (scenario.target == Target::VmThreads) {
    argv.push_back(std::to_string(count));
    return argv;
  }
  const bool interpreter = std::ranges::find(scenario.flags, "-Xint") != scenario.flags.end();
  argv.insert(argv.end(),
              {std::to_string(count), interpreter ? "500" : "12000", here / "libtruth_calls.so"});
  if (embedded) argv.emplace_back("main");
  return argv;
}

void add_fault(Coverage& coverage, std::string text) {
  if (!text.empty()) coverage.faults.push_back(std::move(text));
}

// Of a thread that ends: its memory is given up before its stack can be read.
bool ends(const Stack& stack) {
  return std::ranges::any_of(stack.frames,
                             [](const Frame& frame) { return frame.name == "do_exit"; });
}

// Threads of the JVM: no Java on the stack, and whole.
void judge_vm_threads(Coverage& coverage, const Traced& traced, const ThreadEntries& entries) {
  std::uint64_t whole = 0;
  for (const Stack& stack : traced.stacks) {
    if (std::ranges::any_of(stack.frames, &Frame::java) || ends(stack)) continue;
    coverage.events += stack.count;
    const std::string why = not_whole(stack, entries);
    if (why.empty()) whole += stack.count;
    if (!why.empty())
      add_fault(coverage, fmt::format("{}: {} x {}", why, stack.count, to_text(stack)));
  }
  if (coverage.events == 0) return add_fault(coverage, "no events of the JVM's threads");
  coverage.equal = static_cast<double>(whole) / static_cast<double>(coverage.events);
}

Status judge_paths(Coverage& coverage, const Traced& traced, const Scenario& scenario,
                   const ThreadEntries& entries) {
  JT_TRY(const auto truth, parse_truth(traced.target_output));
  const Verdict verdict = judge_events(truth, traced.stacks, events_of(scenario), entries);
  coverage.events = verdict.performed();
  coverage.equal =
      static_cast<double>(verdict.whole()) / static_cast<double>(std::max(coverage.events, 1UL));
  add_fault(coverage, verdict.miscounts());
  for (const PathFigures& path : verdict.paths) {
    if (path.whole == path.performed) continue;
    add_fault(coverage, fmt::format("{}: {} of {} whole: {}", path.marker, path.whole,
                                    path.performed, path.example));
  }
  for (const Stack& stack : verdict.others) {
    // The JVM ends right behind the last path: what it does then may outlive its names.
    const std::string why = not_whole(stack, entries);
    if (!why.empty() && !why.ends_with("[process gone]")) {
      add_fault(coverage, fmt::format("other: {}: {} x {}", why, stack.count, to_text(stack)));
    }
  }
  return {};
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  // Recursion in which one half of the methods is never compiled; the thresholds make code change
  // while few calls are counted.
  static const std::string kExclude = "-XX:CompileCommand=exclude,truth/TruthRecursion*.";
  static const std::vector<std::string> kEager{
      "-XX:Tier3InvocationThreshold=50",    "-XX:Tier3MinInvocationThreshold=20",
      "-XX:Tier3CompileThreshold=50",       "-XX:Tier4InvocationThreshold=150",
      "-XX:Tier4MinInvocationThreshold=50", "-XX:Tier4CompileThreshold=150"};
  static const std::vector<Scenario> kAll{
      {"calls of the class library", "TruthIo", {}, true},
      {"calls of the class library, -Xint", "TruthIo", {"-Xint"}},
      {"calls of the class library, C1", "TruthIo", {"-XX:TieredStopAtLevel=1"}},
      {"calls of the class library, C2", "TruthIo", {"-XX:-TieredCompilation"}},
      {"recursion, compiled", "TruthRecursion"},
      {"recursion, alternating", "TruthRecursion", {kExclude + "interpreted*"}, true},
      {"recursion, alternating otherwise", "TruthRecursion", {kExclude + "compiled*"}},
      {"recursion, alternating, C1",
       "TruthRecursion",
       {kExclude + "interpreted*", "-XX:TieredStopAtLevel=1"}},
      {"recursion, alternating, C2",
       "TruthRecursion",
       {kExclude + "interpreted*", "-XX:-TieredCompilation"}},
      {"recursion, -Xint", "TruthRecursion", {"-Xint"}},
      {"ways to call", "TruthDispatch", {}, true},
      {"ways to call, -Xint", "TruthDispatch", {"-Xint"}},
      {"ways to call, C1", "TruthDispatch", {"-XX:TieredStopAtLevel=1"}},
      {"ways to call, C2", "TruthDispatch", {"-XX:-TieredCompilation"}},
      {"ways to call, -Xcomp", "TruthDispatch", {"-Xcomp"}},
      {"JNI, loading, signals, foreign functions", "TruthNative", {}, true},
      {"JNI ..., -Xint", "TruthNative", {"-Xint"}},
      {"JNI ..., C1", "TruthNative", {"-XX:TieredStopAtLevel=1"}},
      {"JNI ..., C2", "TruthNative", {"-XX:-TieredCompilation"}},
      {"JNI ..., -Xcheck:jni", "TruthNative", {"-Xcheck:jni"}},
      {"a JVM in a C++ program", "TruthNative", {}, true, Target::Embedded},
      {"code that changes", "TruthChanges", kEager, true},
      {"code that changes, C1", "TruthChanges", {"-XX:TieredStopAtLevel=1"}},
      {"code that changes, C2",
       "TruthChanges",
       {"-XX:-TieredCompilation", "-XX:CompileThreshold=150"}},
      {"code that changes, -Xint", "TruthChanges", {"-Xint"}},
      {"the JVM's threads, Serial", "TruthGarbage", {"-XX:+UseSerialGC"}, false, Target::VmThreads},
      {"the JVM's threads, Parallel",
       "TruthGarbage",
       {"-XX:+UseParallelGC"},
       false,
       Target::VmThreads},
      {"the JVM's threads, G1", "TruthGarbage", {"-XX:+UseG1GC"}, true, Target::VmThreads},
      {"the JVM's threads, ZGC",
       "TruthGarbage",
       {"-XX:+UnlockExperimentalVMOptions", "-XX:+UseZGC"},
       false,
       Target::VmThreads,
       11},
      {"the JVM's threads, Shenandoah",
       "TruthGarbage",
       {"-XX:+UnlockExperimentalVMOptions", "-XX:+UseShenandoahGC"},
       false,
       Target::VmThreads,
       11},
  };
  return kAll;
}

std::string not_for(const Scenario& scenario, const Jdk& jdk) {
  if (jdk.major() < scenario.since) return "no such collector";
  if (scenario.target == Target::Embedded && jdk.name == "11") {
    return "programs of this machine start with glibc 2.34 at least, the tree has 2.31";
  }
  return {};
}

Result<Coverage> run_scenario(const Scenario& scenario, const Jdk& jdk, int count) {
  TraceOptions options;
  options.events = events_of(scenario);
  JT_TRY(const Traced traced, trace(command(scenario, jdk, count), options));
  JT_TRY(ThreadEntries entries, jdk.thread_entries());
  const std::filesystem::path inside = jdk.home / "bin/java";
  JT_CHECK_OK(entries.add(jdk.tree / inside.relative_path()));
  Coverage coverage;
  coverage.complete = traced.complete_share();
  coverage.too_late = named_too_late(traced);
  add_fault(coverage, ledger_faults(traced.ledger));
  if (coverage.complete < 1) add_fault(coverage, "\n" + to_text(traced.ledger));
  if (scenario.target == Target::VmThreads) {
    judge_vm_threads(coverage, traced, entries);
  } else {
    JT_CHECK_OK(judge_paths(coverage, traced, scenario, entries));
  }
  return coverage;
}

}  // namespace jtrace::test
