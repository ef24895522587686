// SPDX-License-Identifier: Apache-2.0
// The real jtrace over programs that know their stacks: each event counted, each stack whole, or
// cut where this kernel's walk ends, and said to be.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "capture/call_functions.h"
#include "integration/support/trace_run.h"
#include "kernel/check.h"

namespace jtrace::test {
namespace {

using capture::KernelFeatures;

constexpr const char* kOpen = "syscalls:sys_enter_openat";
// So many that the target lives for a second: emulated, jtrace takes tenths of one to read what it
// needs of a JVM or of a library that came late, and can read it of no process that has ended.
constexpr const char* kCount = "200";

// --attach.
constexpr const char* kTracepoint = "tracepoint";
constexpr const char* kFentry = "fentry";

// Paths deeper than the 264 frames that a walk has without bpf_loop.
constexpr std::array kDeep{"very_deep_path", "truth/TruthOpens.pathDepth400"};

std::unexpected<Error> wrong(std::string why) { return fail(Errc::Internal, std::move(why)); }

bool cut(const Stack& stack) { return stack.frames.front().name == "[truncated]"; }

// Where most events of a path are missed, its first one may come when the process is at its end.
bool nameless(const Stack& stack) {
  return preempts_programs() && std::ranges::any_of(stack.frames, [](const Frame& frame) {
           return frame.name.find("[process gone]") != std::string::npos;
         });
}

// The stacks that lost the marker of their path.
std::uint64_t count_of(const std::vector<Stack>& stacks, bool (*which)(const Stack&)) {
  std::uint64_t count = 0;
  for (const Stack& stack : stacks) count += which(stack) ? stack.count : 0;
  return count;
}

std::string path_faults(const PathFigures& path, bool may_lack) {
  std::string faults;
  if (path.counted > path.performed || (path.counted < path.performed && !may_lack)) {
    faults =
        fmt::format("{}: {} performed, {} counted; ", path.marker, path.performed, path.counted);
  }
  if (path.whole < path.counted) {
    faults += fmt::format("{}: {} of {} whole, {}; ", path.marker, path.whole, path.counted,
                          path.example);
  }
  return faults;
}

// What the kernel says that it left out; of any process.
std::uint64_t missed(const Traced& traced) {
  return traced.ledger.count("missed by recursion, any process").value_or(0);
}

// Why not each of `performed` was counted, or lost its root, or is known to be missed.
std::string count_faults(const Traced& traced, std::uint64_t performed, std::uint64_t counted) {
  const std::uint64_t lacking = performed - std::min(performed, counted);
  if (counted <= performed && lacking <= (preempts_programs() ? missed(traced) : 0)) return {};
  return fmt::format("{} performed, {} counted, {} missed; ", performed, counted, missed(traced));
}

// For a person: some of the stacks that no path has.
std::string others(const Verdict& verdict) {
  constexpr std::size_t kExamples = 5;
  constexpr std::size_t kLength = 1000;
  std::string text;
  for (std::size_t i = 0; i < std::min(kExamples, verdict.others.size()); ++i) {
    const Stack& stack = verdict.others[i];
    text += fmt::format("other: {} x {}\n", stack.count, to_text(stack).substr(0, kLength));
  }
  return text;
}

Result<std::string> judged(const KernelFeatures& features, const Traced& traced, Chain chain,
                           const ThreadEntries& entries) {
  JT_TRY(const auto truth, parse_truth(traced.target_output));
  const Verdict verdict = judge(truth, traced.stacks, chain, entries);
  std::string faults = ledger_faults(traced.ledger);
  for (const PathFigures& path : verdict.paths) {
    const bool deep = std::ranges::find(kDeep, path.marker) != kDeep.end();
    faults += path_faults(path, (deep && !features.bpf_loop) || preempts_programs());
  }
  const std::uint64_t performed = verdict.performed();
  const std::uint64_t lost_roots = count_of(verdict.others, cut);
  const std::uint64_t lost_names = count_of(verdict.others, nameless);
  if (lost_roots != 0 && features.bpf_loop) faults += fmt::format("{} cut; ", lost_roots);
  const std::uint64_t counted = verdict.counted() + lost_roots + lost_names;
  faults += count_faults(traced, performed, counted);
  const auto kept = traced.ledger.count("kept").value_or(0);
  const auto complete = traced.ledger.count("complete").value_or(0);
  if (complete + lost_roots != kept) {
    faults += fmt::format("{} kept, {} complete and {} cut; ", kept, complete, lost_roots);
  }
  if (traced.ledger.count("missed by recursion, any process").has_value() !=
      features.recursion_misses) {
    faults += "misses by recursion: not as measured; ";
  }
  if (!faults.empty()) return wrong(faults + "\n" + to_text(traced.ledger) + others(verdict));
  std::string text = fmt::format("{} of {} opens along {} paths counted", counted, performed,
                                 verdict.paths.size());
  if (lost_names != 0) text += fmt::format(" ({} without their names)", lost_names);
  if (counted < performed) text += fmt::format(" ({} missed by recursion)", missed(traced));
  text += lost_roots == 0 ? ", each stack whole"
                          : fmt::format(", {} stacks whole, {} cut at their root",
                                        verdict.counted(), lost_roots);
  return text;
}

TraceOptions by(std::string event) {
  TraceOptions options;
  options.events = {std::move(event)};
  return options;
}

// "trace:ID" of the same tracepoint.
Result<std::string> id_of_open() {
  JT_TRY(const std::uint64_t id, tracepoint_id("syscalls", "sys_enter_openat"));
  return "trace:" + std::to_string(id);
}

TraceOptions by(std::string event, const std::string& way) {
  TraceOptions options = by(std::move(event));
  options.extra = {"--attach", way};
  return options;
}

std::vector<std::string> native_target() {
  return {built("truth_native"), kCount, built("libtruth_late.so")};
}

Result<std::string> trace_native(const KernelFeatures& features, TraceOptions options) {
  JT_TRY(const Traced traced, trace(native_target(), options));
  ThreadEntries entries;
  JT_CHECK_OK(entries.add_own_libc());
  return judged(features, traced, Chain::Native, entries);
}

// Stacks with the kernel's part above the user's, of an event that the kernel runs as ever on 7.2.
Result<std::string> trace_kernel_frames(const std::string& event) {
  JT_TRY(Traced traced, trace(native_target(), by(event)));
  const auto in_kernel = [](const Frame& frame) { return frame.kind == FrameKind::Kernel; };
  std::set<std::string> first_frames;
  for (Stack& stack : traced.stacks) {
    const auto first = std::ranges::find_if(stack.frames, in_kernel);
    if (first == stack.frames.end()) return wrong("no kernel frames: " + to_text(stack));
    first_frames.insert(first->name);
    std::erase_if(stack.frames, in_kernel);
  }
  // std::raise() of signal_path is the only one.
  const auto raised = static_cast<std::uint64_t>(std::stoi(kCount));
  const std::vector<TruthPath> truth{{"signal_path", raised, {"*", "signal_path"}}};
  ThreadEntries entries;
  JT_CHECK_OK(entries.add_own_libc());
  const Verdict verdict = judge(truth, traced.stacks, Chain::Native, entries);
  const std::string faults = verdict.miscounts() + ledger_faults(traced.ledger);
  // Telling the parent of its end, it has no user stack any more.
  const auto at_end = traced.ledger.count("no user stack").value_or(0);
  if (!faults.empty() || verdict.whole() != raised || verdict.others_count() != at_end) {
    return wrong(faults + verdict.table() + to_text(traced.ledger));
  }
  return fmt::format("{} of {} signals counted, each stack whole, kernel frames from {}",
                     verdict.counted(), raised, fmt::join(first_frames, ", "));
}

// known_calls.cpp: numbers, bits and the kernel's copy of the user's string, with jumps both ways.
Result<std::string> trace_filtered() {
  constexpr std::uint64_t kPasses = 75, kFired = 121;
  const TemporaryDirectory directory;
  TraceOptions options = by(kOpen);
  options.extra.insert(options.extra.end(),
                       {"--filter", "dfd == AT_FDCWD && filename ~ '/proc/*' || flags & O_EXCL"});
  JT_TRY(const Traced traced, trace({built("truth_known_calls"), directory.path()}, options));
  const auto fired = traced.ledger.count("fired").value_or(0);
  const auto kept = traced.ledger.count("kept").value_or(0);
  const auto filtered = traced.ledger.count("filtered").value_or(0);
  const bool exact = kept == kPasses && fired == kFired;
  const bool near = kept <= kPasses && fired <= kFired && kFired - fired <= missed(traced);
  if ((!exact && !(preempts_programs() && near)) || fired != kept + filtered ||
      !traced.ledger.balanced) {
    return wrong(to_text(traced.ledger));
  }
  return fmt::format("{} of {} opens kept, {} filtered", kept, fired, filtered);
}

// Where the kernel tells programs apart by a cookie; where not, jtrace must say so.
Result<std::string> trace_two_events(const KernelFeatures& features, const std::string& way) {
  const auto traced =
      trace(native_target(), by(std::string(kOpen) + ",syscalls:sys_enter_read", way));
  if (!features.attach_cookie && way == kTracepoint) {
    if (traced) return wrong("two events were traced without a cookie");
    const std::string& said = traced.error().message;
    const bool good = said.find("ended with 3") != std::string::npos &&
                      said.find("one event per run") != std::string::npos;
    if (!good) return wrong(said);
    return std::string("refused with its reason");
  }
  if (!traced) return std::unexpected(traced.error());
  JT_TRY(const auto truth, parse_truth(traced->target_output));
  ThreadEntries entries;
  JT_CHECK_OK(entries.add_own_libc());
  const Verdict opens = judge(truth, only_event(traced->stacks, kOpen), Chain::Native, entries);
  // ld.so reads the header of the library that it loads, once.
  const std::vector<TruthPath> loading{{"dlopen_path", 1, {"*", "dlopen_path"}}};
  const Verdict reads =
      judge(loading, only_event(traced->stacks, "syscalls:sys_enter_read"), Chain::Native, entries);
  const std::string miscounts = preempts_programs() ? "" : opens.miscounts() + reads.miscounts();
  const std::string faults = miscounts + count_faults(*traced, opens.performed(), opens.counted()) +
                             count_faults(*traced, reads.performed(), reads.counted()) +
                             ledger_faults(traced->ledger);
  if (!faults.empty()) return wrong(faults + to_text(traced->ledger));
  return fmt::format("{} of {} opens and {} of {} reads told apart", opens.counted(),
                     opens.performed(), reads.counted(), reads.performed());
}

struct Jvm {
  std::vector<std::string> flags;
  const char* warm;
  bool compiled;
};

// What the Java frames are, as often as their stack was met; an error where a compiler's are not
// there, or are where there is none. A native method's wrapper has the mark of C2, but nothing is
// inlined into it.
Result<std::string> kinds(const std::vector<Stack>& stacks, bool compiled) {
  std::map<FrameKind, std::uint64_t> count;
  std::uint64_t by_c2 = 0;
  for (const Stack& stack : stacks) {
    FrameKind physical = FrameKind::Plain;
    for (const Frame& frame : stack.frames) {
      count[frame.kind] += stack.count;
      if (frame.kind != FrameKind::Inlined) physical = frame.kind;
      if (frame.kind == FrameKind::Inlined && physical == FrameKind::Compiled) by_c2 += stack.count;
    }
  }
  const std::uint64_t inlined = count[FrameKind::Inlined];
  std::string text =
      fmt::format("frames: {} interpreted, {} C1, {} C2 or native wrappers, {} inlined ({} by C2)",
                  count[FrameKind::Interpreted], count[FrameKind::C1], count[FrameKind::Compiled],
                  inlined, by_c2);
  const bool good =
      compiled ? count[FrameKind::C1] + by_c2 > 0 : count[FrameKind::C1] + inlined == 0;
  if (!good || count[FrameKind::Interpreted] == 0) return wrong(text);
  return text;
}

Result<std::string> trace_jvm(const KernelFeatures& features, const Jdk& jdk, const Jvm& jvm,
                              const std::string& event) {
  std::vector<std::string> flags{"-Xmx64m", "-XX:+UseSerialGC", "-Xshare:auto"};
  flags.insert(flags.end(), jvm.flags.begin(), jvm.flags.end());
  const TruthRun run{.flags = flags, .count = kCount, .warm = jvm.warm};
  JT_TRY(const Traced traced, trace(truth_opens(jdk, run), by(event)));
  JT_TRY(const ThreadEntries entries, jdk.thread_entries());
  JT_TRY(const std::string verdict, judged(features, traced, Chain::Java, entries));
  JT_TRY(const std::string frames, kinds(traced.stacks, jvm.compiled));
  return verdict + "; " + frames;
}

}  // namespace

std::vector<Check> trace_checks(const KernelFeatures& features, const Jdk& jdk) {
  static const std::array kJvms{
      Jvm{{"-Xint"}, "20", false},
      // Each method is compiled after a hundredth of the usual number of calls.
      Jvm{{"-XX:CompileThresholdScaling=0.01"}, "500", true}};
  std::vector<Check> checks;
  const auto add = [&](std::string name, std::function<Result<std::string>()> run) {
    checks.push_back({std::move(name), std::move(run)});
  };
  add("native, category:name", [features] { return trace_native(features, by(kOpen)); });
  const bool has_fentry = !capture::why_preempted();
  if (has_fentry)
    add("native, fentry", [features] { return trace_native(features, by(kOpen, kFentry)); });
  add("native, trace:ID", [features]() -> Result<std::string> {
    JT_TRY(const std::string event, id_of_open());
    return trace_native(features, by(event, kTracepoint));
  });
  add("native, kernel frames", [] { return trace_kernel_frames("signal:signal_generate"); });
  add("native, raw_tp", [] { return trace_kernel_frames("raw_tp:signal_generate"); });
  add("native, filtered", trace_filtered);
  add("native, two events", [features] { return trace_two_events(features, kTracepoint); });
  // Without bpf_loop the deepest are cut.
  if (has_fentry && features.bpf_loop)
    add("native, two events, fentry", [features] { return trace_two_events(features, kFentry); });
  add("JVM interpreted, trace:ID", [features, jdk]() -> Result<std::string> {
    JT_TRY(const std::string event, id_of_open());
    return trace_jvm(features, jdk, kJvms[0], event);
  });
  add("JVM compiled, category:name",
      [features, jdk] { return trace_jvm(features, jdk, kJvms[1], kOpen); });
  return checks;
}

}  // namespace jtrace::test
