// SPDX-License-Identifier: Apache-2.0
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "base/unique_fd.h"
#include "capture/capture.h"
#include "capture/kernel_types.h"
#include "kernel/check.h"

namespace jtrace::test {
namespace {

// Before 5.11 maps and programs count against RLIMIT_MEMLOCK; libbpf then raises it.
bool counts_locked_memory() {
  allow_little_locked_memory();
  bpf_attr attr{};
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = sizeof(std::uint32_t);
  attr.value_size = 4096;
  attr.max_entries = 256;
  const UniqueFd map(static_cast<int>(::syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr))));
  return !map.valid();
}

// From 5.15 libbpf attaches by a link, else by an ioctl of the perf event.
bool attaches_by_link(const capture::KernelFeatures& features) {
  auto capture = capture::Capture::load({}, features);
  const auto id = tracepoint_id("syscalls", "sys_enter_openat");
  if (!capture || !id || !capture->attach_event(static_cast<std::uint32_t>(*id), 0, false)) {
    return false;
  }
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
    if (std::filesystem::read_symlink(file, error).string().find("bpf_link") != std::string::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

void allow_little_locked_memory() {
  constexpr rlimit kLittle{64U << 10, 64U << 10};
  ::setrlimit(RLIMIT_MEMLOCK, &kLittle);
}

bool preempts_programs() {
  static const bool found = [] {
    std::ifstream symbols("/proc/kallsyms");
    for (std::string line; std::getline(symbols, line);) {
      if (line.ends_with(" trace_call_bpf_faultable")) return true;
    }
    return false;
  }();
  return found;
}

void print_features(const capture::KernelFeatures& features, const VerifiedInstructions& verified) {
  const auto say = [](const char* name, bool present) {
    std::printf("FEATURE %s %s\n", name, present ? "present" : "fallback");
  };
  say("bpf_loop", features.bpf_loop);
  say("attach_cookie", features.attach_cookie);
  say("raw_cookie", features.raw_cookie);
  say("task_pt_regs", features.task_pt_regs);
  say("recursion_misses", features.recursion_misses);
  // Not on a kernel that preempts the programs.
  say("syscall_events_exact", !preempts_programs());
  say("perf_link", attaches_by_link(features));
  const auto types = capture::KernelTypes::read_kernel();
  std::printf("relocated by %s of the kernel's types\n",
              types && types->open_relevant().valid() ? "a part" : "all");
  say("memory_by_cgroup", !counts_locked_memory());
  say("verified_instructions",
      std::ranges::any_of(verified, [](const auto& one) { return one.second > 0; }));
}

}  // namespace jtrace::test
