// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bpf/jtrace_abi.h"
#include "process/memory.h"

struct jt_known_pc;  // bpf/walk.h

namespace jtrace::unwind {

// The tables of one process as the BPF side has them. `ranges` is sorted; rows, rules and jvms are
// those of the whole run, indexed by the ranges.
struct WalkTables {
  std::span<const jt_range> ranges;
  std::span<const jt_row> rows;
  std::span<const jt_rule> rules;
  std::span<const jt_hotspot> jvms;
  std::uint32_t jvm = 0;  // the process's own: index + 1; 0: none
  // Where walks keep what they found of a pc for those that come after, which must be by the same
  // tables; begins as zeros. The caller's; none: nothing is kept.
  jt_known_pc* known = nullptr;
  std::uint32_t known_count = 0;
};

// A thread at an event: its registers and a copy of its stack from regs.sp upwards.
struct WalkInput {
  jt_regs regs{};
  bool exact = false;  // pc is where it was interrupted, not behind a system call
  std::span<const std::byte> stack;
  std::uint32_t absent_pages =
      0;  // bit n: the n-th page from that of regs.sp on is not in the copy
};

// Of a record that lives at least as long.
[[nodiscard]] WalkInput walk_input(const jt_deferred_record& record);

struct WalkResult {
  std::vector<jt_frame> frames;  // leaf first
  jt_status status = JT_STATUS_COMPLETE;
  jt_regs end{};
};

// Walks as the BPF program does, by the same C code (bpf/walk_step.h). The stack is read from the
// copy only, since the thread has gone on; `memory` serves what JVMs keep about their code
// (blobs, segment maps). A walk that leaves the copy ends as JT_STATUS_DEFER_CUT.
[[nodiscard]] WalkResult walk(const WalkTables& tables, const WalkInput& input,
                              const process::MemoryReader& memory,
                              std::uint32_t max_frames = JT_MAX_FRAMES);

}  // namespace jtrace::unwind
