// SPDX-License-Identifier: Apache-2.0
// Runs as the only process of a freshly booted kernel (scripts/kernel_load reads what it prints):
// the kernel's verifier must accept the programs in every shape that a run can ask for.
#include <sys/utsname.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "capture/capture.h"
#include "capture/features.h"

namespace {

using jtrace::capture::Capture;
using jtrace::capture::CaptureConfig;
using jtrace::capture::KernelFeatures;

struct Case {
  const char* name;
  CaptureConfig config;
};

// Each switches code on or off that the verifier otherwise removes or never sees.
constexpr std::array kCases{
    Case{"mixed", {}},
    Case{"mixed, kernel stacks", {.stack_ids = true}},
    Case{"mixed, one target", {.only_tgid = 1}},
    Case{"mixed, by thread, cost counted", {.by_thread = true, .count_cost = true}},
    Case{"mixed, walks checked", {.check_walks = true}},
    Case{"mixed, few frames", {.max_frames = 1}},
    Case{"frame pointers", {.cstack = JT_CSTACK_FP, .stack_ids = true}},
};

// Instructions verified, in all and of the largest program: the verifier's limit is a million each.
void print_size(const Capture& capture) {
  std::uint64_t sum = 0;
  jtrace::capture::ProgramInfo largest;
  for (const auto& program : capture.programs()) {
    sum += program.verified_instructions;
    if (program.verified_instructions >= largest.verified_instructions) largest = program;
  }
  if (sum == 0) return;  // not told before 5.16
  std::printf("INFO   %llu instructions verified, %u of them in %s\n",
              static_cast<unsigned long long>(sum), largest.verified_instructions,
              largest.name.c_str());
}

bool load(const char* kind, const Case& test, const KernelFeatures& features) {
  const auto capture = Capture::load(test.config, features);
  if (!capture) {
    std::printf("FAIL %s: %s: %s\n", kind, test.name, capture.error().message.c_str());
    return false;
  }
  std::printf("PASS %s: %s\n", kind, test.name);
  print_size(*capture);
  return true;
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  utsname host{};
  ::uname(&host);
  const KernelFeatures features = jtrace::capture::probe_features();
  std::printf("PLAN %zu\nINFO kernel %s\n", 2 * kCases.size(), host.release);
  for (const auto& line : features.fallbacks()) std::printf("INFO %s\n", line.c_str());
  bool good = true;
  for (const auto& test : kCases) {
    good &= load("measured", test, features);
    // The fallbacks must load everywhere: what a kernel has not cannot be taken on trust.
    good &= load("fallbacks", test, KernelFeatures{});
  }
  return good ? 0 : 1;
}
