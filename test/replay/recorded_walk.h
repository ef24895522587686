// SPDX-License-Identifier: Apache-2.0
// One walk of a real process with all that it read: registers, stack, the tables' rows and the
// JVM's memory that it came by, and the frames that the kernel found. A text file, a thing a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/walk.h"
#include "unwind/walker.h"

namespace jtrace::test {

// Stretches of a process's memory, by address. Reads of anything else fail.
class Stretches {
 public:
  [[nodiscard]] bool read(std::uint64_t from, std::span<std::byte> into) const;
  // Joined with what it touches.
  void add(std::uint64_t at, std::span<const std::byte> bytes);
  [[nodiscard]] const std::map<std::uint64_t, std::vector<std::byte>>& parts() const {
    return parts_;
  }

 private:
  std::map<std::uint64_t, std::vector<std::byte>> parts_;
};

struct RecordedWalk {
  std::string title;
  jt_regs regs{};
  bool exact = false;
  std::vector<std::byte> stack;
  Stretches code;
  std::vector<jt_range> ranges;
  std::vector<jt_row> rows;
  std::vector<jt_rule> rules;
  std::vector<jt_hotspot> jvms;  // the process's own, or none
  std::vector<jt_frame> frames;
  jt_status status = JT_STATUS_COMPLETE;

  // What earlier walks found is taken from `known`, where there is room.
  [[nodiscard]] unwind::WalkResult walk(std::span<jt_known_pc> known = {}) const;
};

[[nodiscard]] std::string to_text(const RecordedWalk& walk);
// Hostile input, since it seeds a fuzzer: sizes are bounded, anything unknown is an error.
[[nodiscard]] Result<RecordedWalk> parse_walk(std::string_view text);

}  // namespace jtrace::test
