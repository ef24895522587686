// SPDX-License-Identifier: Apache-2.0
// System calls at their functions (fentry) and at the raw tracepoints of all calls against the same
// calls at their tracepoints: events of one capture see the same child.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "capture/call_numbers.h"
#include "capture/capture.h"
#include "capture/kernel_types.h"
#include "integration/support/trace_run.h"
#include "kernel/check.h"
#include "kernel/entry_calls.h"

namespace jtrace::test {
namespace {

using capture::Capture;
using capture::CaptureConfig;
using capture::KernelFeatures;

constexpr std::uint32_t kPoint = 0, kFunction = 1, kRaw = 2, kPointEnd = 3, kRawEnd = 4;
constexpr int kFailed = -9;  // EBADF: of each close of ours

std::unexpected<Error> wrong(std::string why) { return fail(Errc::Internal, std::move(why)); }

// Events pass whose first argument, or result, is this.
jt_event_spec takes_one(std::uint32_t flags, long value = kTaken) {
  jt_event_spec spec{};
  spec.record_bytes = 64;
  spec.values = 1;
  spec.predicates = 1;
  spec.flags = flags;
  std::ranges::fill(spec.by, JT_NO_VALUE);
  std::ranges::fill(spec.weight, JT_NO_VALUE);
  spec.error = spec.latency = spec.fds_arg = JT_NO_VALUE;
  jt_value& argument = spec.value[0];
  argument.offset = 16;
  argument.size = argument.bytes = 8;
  argument.kind = JT_VALUE_RECORD;
  jt_predicate& is_taken = spec.predicate[0];
  is_taken.mask = ~0ULL;
  is_taken.constant = static_cast<std::uint64_t>(value);
  is_taken.op = JT_OP_EQ;
  is_taken.when_true = JT_VERDICT_PASS;
  is_taken.when_false = JT_VERDICT_REJECT;
  return spec;
}

Status attach_point(Capture& capture, const std::string& call, std::uint32_t event,
                    const std::string& side = "sys_enter_") {
  JT_TRY(const std::uint64_t id, tracepoint_id("syscalls", side + call));
  return capture.attach_event(static_cast<std::uint32_t>(id), event, false);
}

struct Seen {
  std::uint64_t fired = 0, kept = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

// All ways to begin and end of close(), in one capture; without cookies its end has no tracepoint.
class Ways {
 public:
  [[nodiscard]] static Result<Ways> attach(const KernelFeatures& features) {
    using capture::RawCall;
    JT_TRY(auto capture, Capture::load({.filters = true,
                                        .calls = true,
                                        .raw_begins = true,
                                        .raw_ends = true,
                                        .functions = {"close"},
                                        .events = 5},
                                       features));
    JT_CHECK_OK(capture.set_event(kPoint, takes_one(0), {}));
    JT_CHECK_OK(capture.set_event(kFunction, takes_one(JT_EVENT_ENTRY), {}));
    JT_CHECK_OK(capture.set_event(kRaw, takes_one(JT_EVENT_ENTRY), {}));
    JT_CHECK_OK(capture.set_event(kPointEnd, takes_one(0, kFailed), {}));
    JT_CHECK_OK(capture.set_event(kRawEnd, takes_one(JT_EVENT_EXIT, kFailed), {}));
    JT_CHECK_OK(attach_point(capture, "close", kPoint));
    JT_CHECK_OK(capture.attach_call("close", kFunction, false));
    const std::uint32_t number = capture::call_number("close").value_or(0);
    JT_CHECK_OK(capture.attach_raw_call({.number = number, .event = kRaw}));
    JT_CHECK_OK(
        capture.attach_raw_call({.number = number, .event = kRawEnd, .what = RawCall::What::End}));
    if (features.attach_cookie) {
      JT_CHECK_OK(attach_point(capture, "close", kPointEnd, "sys_exit_"));
    }
    return Ways(std::move(capture), features.attach_cookie);
  }

  [[nodiscard]] auto target() {
    return [this](pid_t pid) { return capture_.targets().set({.tgid = pid}, {}, {}); };
  }
  [[nodiscard]] Seen seen(std::uint32_t event) const {
    const auto counters = capture_.counters_of(event);
    return {.fired = counters.at(JT_COUNTER_FIRED),
            .kept = counters.at(JT_COUNTER_FIRED) - counters.at(JT_COUNTER_FILTERED)};
  }
  // As text; an error where they differ from what was done, beyond what the kernel missed.
  [[nodiscard]] Result<std::string> compare(const Seen& done, const Seen& ended) const {
    const std::uint64_t missed = preempts_programs() ? capture_.missed_by_recursion() : 0;
    std::string text = fmt::format("{} closes, of which {} pass:", done.fired, done.kept);
    bool good = true;
    const auto judge = [&](const char* way, std::uint32_t event, const Seen& expected) {
      const Seen one = seen(event);
      text += fmt::format(" {} {} and {}{}", way, one.fired, one.kept, event == kRawEnd ? "" : ",");
      good &=
          one == expected || (one.fired < expected.fired && expected.fired - one.fired <= missed);
    };
    judge("tracepoint", kPoint, done);
    judge("function", kFunction, done);
    judge("raw", kRaw, done);
    text += fmt::format(" {} ends, of which {} pass:", ended.fired, ended.kept);
    if (has_cookie_) judge("tracepoint", kPointEnd, ended);
    judge("raw", kRawEnd, ended);
    if (!good) return wrong(fmt::format("{} ({} missed)", text, missed));
    return text;
  }

 private:
  Ways(Capture capture, bool has_cookie) : capture_(std::move(capture)), has_cookie_(has_cookie) {}
  Capture capture_;
  bool has_cookie_;
};

Result<std::string> plain(const KernelFeatures& features) {
  JT_TRY(Ways ways, Ways::attach(features));
  const auto calls = [] {
    close_often(kTaken, 20);
    close_often(kOther, 5);
    return 0;
  };
  JT_CHECK_OK(in_child(calls, ways.target()));
  return ways.compare({.fired = 25, .kept = 20}, {.fired = 25, .kept = 25});
}

Result<std::string> under_seccomp(const KernelFeatures& features) {
  JT_TRY(Ways ways, Ways::attach(features));
  const auto calls = [] {
    if (!refuse_other()) return 1;
    close_often(kTaken, 20);
    close_often(kOther, 5);
    return 0;
  };
  JT_TRY(const int status, in_child(calls, ways.target()));
  if (status != 0) return wrong("seccomp refuses nothing");
  // The six that it refuses have an end; the first of them was the filter's own trial.
  return ways.compare({.fired = 20, .kept = 20}, {.fired = 26, .kept = 20});
}

Result<std::string> under_ptrace(const KernelFeatures& features) {
  JT_TRY(Ways ways, Ways::attach(features));
  const auto calls = [] {
    for (const long argument : {kTaken, kOther, kChanged, kReplaced, kFromOther}) {
      close_often(argument, 5);
    }
    return 0;
  };
  JT_CHECK_OK(in_traced_child(calls, ways.target()));
  return ways.compare({.fired = 15, .kept = 15}, {.fired = 15, .kept = 15});
}

Result<std::string> by_other_abis(const KernelFeatures& features) {
  JT_TRY(Ways ways, Ways::attach(features));
  const auto calls = [] {
    close_by_other_abis(5);
    close_often(kTaken, 3);
    return 0;
  };
  JT_TRY(const int status, in_child(calls, ways.target()));
  if (status != 0) return wrong(fmt::format("the child ended with {}", status));
  return ways.compare({.fired = 3, .kept = 3}, {.fired = 3, .kept = 3});
}

// Where the kernel takes no such call for one, none comes to its function.
Result<std::string> by_long_number(const KernelFeatures& features) {
  JT_TRY(Ways ways, Ways::attach(features));
  JT_TRY(const int status, in_child([] { return close_by_long_number(5); }, ways.target()));
  const Seen point = ways.seen(kPoint), function = ways.seen(kFunction), raw = ways.seen(kRaw);
  const auto text = fmt::format("{}: tracepoint {}, function {}, raw {}",
                                status == 0 ? "it is the call" : "it is no call", point.fired,
                                function.fired, raw.fired);
  const bool good = function.fired == (status == 0 ? 5 : 0);
  if (!good || (status == 0 && point != function) || point != raw) return wrong(text);
  return text;
}

Result<std::string> by_vsyscall(const KernelFeatures& features) {
  JT_TRY(auto capture, Capture::load({.raw_begins = true,
                                      .raw_ends = true,
                                      .functions = {"gettimeofday"},
                                      .tracepoints = false,
                                      .events = 3},
                                     features));
  JT_CHECK_OK(capture.attach_call("gettimeofday", 0, false));
  const std::uint32_t number = capture::call_number("gettimeofday").value_or(0);
  JT_CHECK_OK(capture.attach_raw_call({.number = number, .event = 1}));
  JT_CHECK_OK(
      capture.attach_raw_call({.number = number, .event = 2, .what = capture::RawCall::What::End}));
  const auto calls = [] {
    gettimeofday_by_vsyscall(5);
    return 0;
  };
  JT_TRY(const int status,
         in_child(calls, [&](pid_t pid) { return capture.targets().set({.tgid = pid}, {}, {}); }));
  const auto fired = capture.counters().at(JT_COUNTER_FIRED);
  const auto text =
      fmt::format("{} seen{}", fired, status == 0 ? "" : ", for this kernel has no vsyscalls");
  if (fired != 0 || (status != 0 && status != 128 + SIGSEGV)) return wrong(text);
  return text;
}

constexpr std::array kTwenty{"openat", "read",  "write", "close",   "lseek",    "mmap",  "mprotect",
                             "munmap", "brk",   "ioctl", "pread64", "pwrite64", "readv", "writev",
                             "access", "pipe2", "dup",   "socket",  "connect",  "unlink"};

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

// Of all calls that have a tracepoint.
Result<std::string> attachable() {
  JT_TRY(const auto* const types, capture::KernelTypes::of_kernel());
  const auto* const functions = &types->functions();
  JT_CHECK_OK(capture::probe_function(*functions, "close"));
  int calls = 0;
  std::vector<std::string> not_those;
  constexpr std::string_view kBegin = "sys_enter_";
  std::error_code error;
  for (const auto& file :
       std::filesystem::directory_iterator("/sys/kernel/debug/tracing/events/syscalls", error)) {
    const std::string name = file.path().filename();
    if (!name.starts_with(kBegin)) continue;
    ++calls;
    const std::string call = name.substr(kBegin.size());
    if (functions->why_not(call)) not_those.push_back(call);
  }
  std::ranges::sort(not_those);
  const auto text = fmt::format("{} of {} calls, not {}", calls - std::ssize(not_those), calls,
                                fmt::join(not_those, " "));
  if (calls == 0 || 2 * std::ssize(not_those) > calls) return wrong(text);
  return text;
}

// Milliseconds from nothing to twenty events.
Result<double> start_of(const KernelFeatures& features, bool by_function) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::string> calls;
  if (by_function) calls.assign(kTwenty.begin(), kTwenty.end());
  JT_TRY(auto capture, Capture::load({.functions = calls,
                                      .tracepoints = !by_function,
                                      .mapping_functions = by_function,
                                      .events = kTwenty.size()},
                                     features));
  for (std::uint32_t i = 0; i < kTwenty.size(); ++i) {
    JT_CHECK_OK(by_function ? capture.attach_call(kTwenty.at(i), i, false)
                            : attach_point(capture, kTwenty.at(i), i));
  }
  return ms_since(start);
}

Result<std::string> starts(const KernelFeatures& features) {
  JT_TRY(const double functions, start_of(features, true));
  if (!features.attach_cookie) {
    return fmt::format("20 events at functions after {:.0f} ms", functions);
  }
  JT_TRY(const double points, start_of(features, false));
  return fmt::format("20 events at functions after {:.0f} ms, at tracepoints after {:.0f} ms",
                     functions, points);
}

// Each event is told apart, by its own program, whatever the kernel has of cookies.
Result<std::string> told_apart(const KernelFeatures& features) {
  JT_TRY(auto capture,
         Capture::load(
             {.functions = {"getpgid", "close", "mprotect"}, .tracepoints = false, .events = 3},
             features));
  JT_CHECK_OK(capture.attach_call("getpgid", 0, false));
  JT_CHECK_OK(capture.attach_call("close", 1, false));
  JT_CHECK_OK(capture.attach_call("mprotect", 2, false));
  const auto calls = [] {
    call_often(CallOf::Getpgid, 7);
    close_often(kOther, 11);
    call_often(CallOf::Mprotect, 13);
    return 0;
  };
  JT_CHECK_OK(
      in_child(calls, [&](pid_t pid) { return capture.targets().set({.tgid = pid}, {}, {}); }));
  std::array<std::uint64_t, 3> fired{};
  for (std::uint32_t i = 0; i < fired.size(); ++i) {
    fired.at(i) = capture.counters_of(i).at(JT_COUNTER_FIRED);
  }
  const auto text = fmt::format("{} of 7, {} of 11, {} of 13", fired[0], fired[1], fired[2]);
  if (fired != std::array<std::uint64_t, 3>{7, 11, 13}) return wrong(text);
  return text;
}

// Without cookies, of a function's event and a tracepoint's, whichever is named first.
Result<std::string> either_order(const KernelFeatures& features) {
  KernelFeatures without = features;
  without.attach_cookie = false;
  std::string text;
  for (const std::uint32_t point : {0U, 1U}) {
    const std::uint32_t function = 1 - point;
    JT_TRY(auto capture, Capture::load({.functions = {"getpgid"}, .events = 2}, without));
    for (const std::uint32_t event : {0U, 1U}) {
      JT_CHECK_OK(event == point ? attach_point(capture, "close", event)
                                 : capture.attach_call("getpgid", event, false));
    }
    const auto calls = [] {
      call_often(CallOf::Getpgid, 7);
      close_often(kOther, 11);
      return 0;
    };
    JT_CHECK_OK(
        in_child(calls, [&](pid_t pid) { return capture.targets().set({.tgid = pid}, {}, {}); }));
    const auto fired = [&](std::uint32_t event) {
      return capture.counters_of(event).at(JT_COUNTER_FIRED);
    };
    const std::uint64_t missed = preempts_programs() ? capture.missed_by_recursion() : 0;
    text += fmt::format("{}{} of 7 at the function, {} of 11 at the tracepoint",
                        text.empty() ? "" : "; ", fired(function), fired(point));
    const bool good = fired(function) <= 7 && fired(point) <= 11 &&
                      fired(function) + fired(point) + missed >= 7 + 11;
    if (!good) return wrong(text);
  }
  return text;
}

// What calls of a process cost that is not traced, the least of some rounds. Emulated: only the
// order says something.
Result<std::string> costs(const KernelFeatures& features) {
  constexpr int kRounds = 7, kTimes = 3000;
  struct Way {
    const char* name;
    bool point, function, raw;
    double others = 1e9, closes = 1e9;
  };
  std::array ways{Way{"nothing", false, false, false}, Way{"tracepoint", true, false, false},
                  Way{"function", false, true, false}, Way{"raw", false, false, true}};
  const std::uint32_t number = capture::call_number("close").value_or(0);
  for (Way& way : ways) {
    JT_TRY(auto capture,
           Capture::load({.only_tgid = 1, .raw_begins = true, .functions = {"close"}}, features));
    if (way.point) JT_CHECK_OK(attach_point(capture, "close", 0));
    if (way.function) JT_CHECK_OK(capture.attach_call("close", 0, false));
    if (way.raw) JT_CHECK_OK(capture.attach_raw_call({.number = number}));
    for (int round = 0; round < kRounds; ++round) {
      const auto [others, closes] = time_calls(kTimes);
      way.others = std::min(way.others, others);
      way.closes = std::min(way.closes, closes);
    }
  }
  std::string text;
  for (const Way& way : ways) {
    text += fmt::format("{}{}: close {:.0f} ns, getppid {:.0f} ns", text.empty() ? "" : "; ",
                        way.name, way.closes, way.others);
  }
  return text;
}

}  // namespace

std::vector<Check> entry_checks(const KernelFeatures& features) {
  std::vector<Check> checks;
  const auto add = [&](const char* name, Result<std::string> (*run)(const KernelFeatures&)) {
    checks.push_back({std::string("entry, ") + name, [run, features] { return run(features); }});
  };
  checks.push_back({"entry, preemption", []() -> Result<std::string> {
                      const auto why = capture::why_preempted();
                      return why ? *why : std::string("programs at functions are not preempted");
                    }});
  checks.push_back({"entry, functions", attachable});
  add("as they are", plain);
  add("under seccomp", under_seccomp);
  add("under ptrace", under_ptrace);
  add("by other ABIs", by_other_abis);
  add("by a number with an upper half", by_long_number);
  add("by vsyscall", by_vsyscall);
  add("told apart", told_apart);
  add("in either order", either_order);
  add("20 events", starts);
  add("cost to others", costs);
  return checks;
}

}  // namespace jtrace::test
