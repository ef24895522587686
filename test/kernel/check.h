// SPDX-License-Identifier: Apache-2.0
// What a freshly booted kernel is asked. scripts/kernel_matrix reads the lines on its console.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/features.h"
#include "integration/support/jdks.h"

namespace jtrace::test {

struct Check {
  std::string name;
  // What is to be said behind PASS, or why it is FAIL.
  std::function<Result<std::string>()> run;
};

// Program -> most instructions that the verifier walked for it in any shape; 0: not told.
using VerifiedInstructions = std::map<std::string, std::uint32_t>;

// The programs in every shape that a run can ask for, with what this kernel has and with the
// fallbacks for all of it.
[[nodiscard]] std::vector<Check> load_checks(const capture::KernelFeatures& features,
                                             VerifiedInstructions& verified);

// System calls at their functions against the same at their tracepoints.
[[nodiscard]] std::vector<Check> entry_checks(const capture::KernelFeatures& features);

// perf at the tracepoints where our programs are.
[[nodiscard]] std::vector<Check> perf_checks(const capture::KernelFeatures& features);

// The real jtrace over a native program and over a JVM.
[[nodiscard]] std::vector<Check> trace_checks(const capture::KernelFeatures& features,
                                              const Jdk& jdk);

// What the kernel gives a process that may lock little memory: 64 KiB, as 5.10's default is.
void allow_little_locked_memory();

// From 7.2 on the kernel runs the programs of system call events with preemption on, and leaves one
// out while it is in flight on that CPU; the ledger counts that as missed by recursion.
[[nodiscard]] bool preempts_programs();

// A line "FEATURE name present|fallback" for each optional feature: KernelFeatures, and those that
// libbpf has a fallback for.
void print_features(const capture::KernelFeatures& features, const VerifiedInstructions& verified);

}  // namespace jtrace::test
