// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace jtrace::capture {

// Which slots of the kernel's one array of ranges each process has. A process gets new slots with
// every generation of its ranges; going round, never those that any process uses, its own current
// ones included: programs read them until the new ones are announced.
class RangeSlots {
 public:
  explicit RangeSlots(std::uint32_t slots) : slots_(slots) {}

  // First of `n` slots in a row that are from now on the process's; nullopt where there are none.
  [[nodiscard]] std::optional<std::uint32_t> take(pid_t process, std::uint32_t n);

 private:
  struct Run {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
    pid_t process = 0;
  };
  [[nodiscard]] std::optional<std::uint32_t> gap(std::uint32_t from, std::uint32_t n) const;

  std::uint32_t slots_;
  std::uint32_t next_ = 0;
  std::vector<Run> used_;  // by first
};

}  // namespace jtrace::capture
