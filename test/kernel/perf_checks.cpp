// SPDX-License-Identifier: Apache-2.0
#include "kernel/perf_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "capture/capture.h"
#include "integration/support/environment.h"
#include "kernel/check.h"
#include "kernel/entry_calls.h"
#include "support/perf_counter.h"

namespace jtrace::test {
namespace {

using capture::Capture;
using capture::KernelFeatures;

constexpr int kTimes = 100;

// What is counted, and how often a child fires it.
struct Fired {
  const char *category, *name;
  std::uint64_t times;
  bool may_lack = false;  // some kernels give perf none of them, nobody else being there
};

struct Scene {
  std::vector<Fired> fired;
  std::function<int()> calls;
  capture::CaptureConfig config;
  std::function<Status(Capture&)> attach;
};

Result<std::uint32_t> id_of(const char* category, const std::string& name) {
  JT_TRY(const std::uint64_t id, tracepoint_id(category, name));
  return static_cast<std::uint32_t>(id);
}

// A child's events, by the counters of another user.
Result<std::vector<std::uint64_t>> count(const Scene& scene, Capture* capture) {
  std::vector<PerfCounter> counters;
  const auto ready = [&](pid_t pid) -> Status {
    for (const Fired& one : scene.fired) {
      JT_TRY(const std::uint32_t id, id_of(one.category, one.name));
      JT_TRY(auto counter, PerfCounter::open(id, pid));
      counters.push_back(std::move(counter));
    }
    if (capture == nullptr) return {};
    return capture->targets().set({.tgid = pid}, {}, {});
  };
  JT_TRY(const int status, in_child(scene.calls, ready));
  if (status != 0) return fail(Errc::Internal, fmt::format("the child ended with {}", status));
  std::vector<std::uint64_t> counts;
  for (const PerfCounter& counter : counters) counts.push_back(counter.count());
  return counts;
}

// A program of any tracer that is preempted in the middle of a map operation costs everybody else
// the events of that CPU (trace_call_bpf, bpf_prog_active): a busy host has more than one try.
Result<std::string> run(const Scene& scene, const KernelFeatures& features) {
  constexpr int kTries = 3;
  std::vector<std::uint64_t> done;
  for (const Fired& one : scene.fired) done.push_back(one.times);
  std::vector<std::uint64_t> before, meanwhile, after;
  std::string text;
  for (int i = 0; i < kTries; ++i) {
    JT_TRY(before, count(scene, nullptr));
    for (std::size_t k = 0; k < done.size(); ++k) {
      if (scene.fired[k].may_lack && before[k] == 0) done[k] = 0;
    }
    if (before != done) continue;
    {
      JT_TRY(auto capture, Capture::load(scene.config, features));
      JT_CHECK_OK(scene.attach(capture));
      JT_TRY(meanwhile, count(scene, &capture));
    }
    JT_TRY(after, count(scene, nullptr));
    text = fmt::format("perf counts {} before, {} beside us, {} after", fmt::join(before, "+"),
                       fmt::join(meanwhile, "+"), fmt::join(after, "+"));
    if (before == done && meanwhile == done && after == done) return text;
  }
  if (before != done) {
    return fail(Errc::Environment,
                fmt::format("without us perf counts {} of {}: another tracer is in the way",
                            fmt::join(before, "+"), fmt::join(done, "+")));
  }
  return fail(Errc::Internal, fmt::format("{}, of {}", text, fmt::join(done, "+")));
}

int close_many() {
  close_often(kTaken, kTimes);
  return 0;
}

Result<std::string> events(const KernelFeatures& features) {
  const auto attach = [](Capture& capture) -> Status {
    JT_TRY(const std::uint32_t id, id_of("syscalls", "sys_enter_close"));
    return capture.attach_event(id, 0, false);
  };
  return run({{{"syscalls", "sys_enter_close", kTimes}}, close_many, {}, attach}, features);
}

Result<std::string> begins_and_ends(const KernelFeatures& features) {
  const auto attach = [](Capture& capture) -> Status {
    JT_TRY(const std::uint32_t begin, id_of("syscalls", "sys_enter_close"));
    JT_TRY(const std::uint32_t end, id_of("syscalls", "sys_exit_close"));
    JT_CHECK_OK(capture.attach_call_begin(begin, 0));
    return capture.attach_held_end(end, 0);
  };
  return run({{{"syscalls", "sys_enter_close", kTimes}, {"syscalls", "sys_exit_close", kTimes}},
              close_many,
              {.calls = true, .timed = true, .held = true},
              attach},
             features);
}

Result<std::string> mappings(const KernelFeatures& features) {
  std::vector<Fired> fired;
  for (const auto& [category, name] : Capture::lifecycle_tracepoints()) {
    fired.push_back({category, name, kTimes});
  }
  const auto attach = [](Capture& capture) -> Status {
    std::vector<std::uint32_t> ids;
    for (const auto& [category, name] : Capture::lifecycle_tracepoints()) {
      JT_TRY(const std::uint32_t id, id_of(category, name));
      ids.push_back(id);
    }
    return capture.attach_lifecycle(ids);
  };
  const auto calls = [] {
    for (const CallOf call : {CallOf::Mmap, CallOf::Mprotect, CallOf::Mremap}) {
      call_often(call, kTimes);
    }
    return 0;
  };
  return run({std::move(fired), calls, {}, attach}, features);
}

// Each child of the child executes us again, to no purpose.
int make_processes(int times) {
  for (int i = 0; i < times; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (const int fd : {0, 1, 2}) ::close(fd);
      ::execl("/proc/self/exe", "nothing", "--gtest_list_tests", nullptr);
      ::_exit(127);
    }
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) == 127) return 1;
  }
  return 0;
}

Result<std::string> processes(const KernelFeatures& features) {
  constexpr int kFew = 5;
  const auto attach = [](Capture& capture) { return capture.attach_lifecycle({}); };
  const auto calls = [] { return make_processes(kFew); };
  return run({{{"sched", "sched_process_fork", kFew},
               {"sched", "sched_process_exec", kFew},
               {"sched", "sched_process_exit", kFew + 1, true}},
              calls,
              {.follow = true},
              attach},
             features);
}

}  // namespace

const std::array<PerfScene, 4> kPerfScenes{{{"events", events},
                                            {"begins and ends", begins_and_ends},
                                            {"mappings", mappings},
                                            {"processes", processes}}};

std::vector<Check> perf_checks(const KernelFeatures& features) {
  std::vector<Check> checks;
  for (const PerfScene& scene : kPerfScenes) {
    const auto add = [&](const char* kind, const KernelFeatures& with) {
      checks.push_back({fmt::format("perf beside us, {}: {}", kind, scene.name),
                        [run = scene.run, with] { return run(with); }});
    };
    add("measured", features);
    add("fallbacks", {});
  }
  return checks;
}

}  // namespace jtrace::test
