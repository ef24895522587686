// SPDX-License-Identifier: Apache-2.0
// The kernel side's table of processes: who is a target, who is none, and the ranges of each.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <span>

#include "base/result.h"
#include "bpf/jtrace_abi.h"
#include "capture/range_slots.h"

struct bpf_map;

namespace jtrace::capture {

// A process for as long as it lives: `birth` is that of JT_NOTICE_TARGET, 0 where it was there at
// the start.
struct Life {
  pid_t tgid = 0;
  std::uint64_t birth = 0;
};

class TargetTable {
 public:
  struct Maps {
    bpf_map* targets;
    bpf_map* dirty;
    bpf_map* ranges;
    volatile std::uint32_t* tables;  // counted up behind each change: what is remembered is void
  };
  // `asks`: processes that are given by number are looked at, too (--comm).
  TargetTable(const Maps& maps, bool asks);

  // Puts the ranges into a free part of the map, then makes the target use them in one step.
  // Nothing where it has ended and its number is another's.
  [[nodiscard]] Status set(Life life, std::span<const jt_range> ranges, jt_target target);
  // The process is gone, its number may be another's soon.
  void remove(Life life);
  // Its ranges, once no event of it, or of a child that has none of its own yet, can come.
  void give_back_ranges(Life life);
  // A target from its next exec on.
  [[nodiscard]] Status hold(pid_t tgid);
  // Never a target, nor its children: jtrace's own, or what cannot be read.
  [[nodiscard]] Status exclude(Life life);
  // To be looked at when it fires an event.
  [[nodiscard]] Status ask(pid_t tgid);
  // Entries that are in use: of `targets`, which user space made, and of `ranges`.
  [[nodiscard]] std::size_t targets() const { return set_.size(); }
  [[nodiscard]] std::uint32_t ranges() const { return slots_.used(); }
  // Number of the last mapping change that BPF saw in this process.
  [[nodiscard]] std::uint32_t changes(pid_t tgid) const;

 private:
  [[nodiscard]] std::optional<jt_target> find(pid_t tgid) const;
  [[nodiscard]] Status put(pid_t tgid, const jt_target& target) const;

  Maps maps_;
  RangeSlots slots_;
  bool asks_;
  std::set<RangeSlots::Owner> set_;  // that have been set
};

}  // namespace jtrace::capture
