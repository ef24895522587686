// SPDX-License-Identifier: Apache-2.0
// The kernel side's evaluator over records in our own memory: the very code (bpf/event_filter.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "filter/compile.h"

namespace jtrace::filter {

// An event as a program would find it.
struct Event {
  std::span<const std::byte> record;
  std::uint32_t tid = 0;
  std::uint32_t tgid = 0;
  std::uint32_t uid = 0;
  std::uint64_t cgroup = 0;
  std::uint32_t cpu = 0;
  std::string comm;
  std::map<std::uint64_t, std::string> user_strings;  // by address; all else is not resident
  std::map<std::uint64_t, std::string> kernel_strings;
};

struct Outcome {
  bool passes = false;
  unsigned unreadable = 0;  // comparisons, as the ledger counts them
  unsigned too_long = 0;
};

[[nodiscard]] Outcome evaluate(const Program& program, const Event& event);

}  // namespace jtrace::filter
