// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace jtrace::capture {

// What this kernel's BPF can do, asked of the kernel (small probe programs, BTF), never read off a
// version number. Needs the right to load BPF programs; without it everything is false.
struct KernelFeatures {
  bool bpf_loop = false;          // 5.17: walks of 2048 frames; else chained tail calls, 264
  bool attach_cookie = false;     // 5.15: one program tells many events apart
  bool raw_cookie = false;        // 6.10: the same of raw tracepoints
  bool task_pt_regs = false;      // 5.15: user registers by helper; else by the stack's layout
  bool recursion_misses = false;  // 6.7: events missed by recursion are counted

  // One line each for what is missing and what takes its place.
  [[nodiscard]] std::vector<std::string> fallbacks() const;
};

[[nodiscard]] KernelFeatures probe_features();

// Loads a program of two instructions: whether this process may load any, and if not, why. The
// hint is empty where it is a matter of rights.
[[nodiscard]] Status probe_loading();

}  // namespace jtrace::capture
