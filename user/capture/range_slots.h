// SPDX-License-Identifier: Apache-2.0
#pragma once

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

  // A process for as long as it lives: its number alone is handed out again.
  using Owner = std::uint64_t;
  // First of `n` slots in a row that are from now on the process's; nullopt where there are none.
  [[nodiscard]] std::optional<std::uint32_t> take(Owner process, std::uint32_t n);
  // It has ended.
  void give_back(Owner process);
  [[nodiscard]] std::uint32_t used() const;

 private:
  struct Run {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
    Owner process = 0;
  };
  [[nodiscard]] std::optional<std::uint32_t> gap(std::uint32_t from, std::uint32_t n) const;

  std::uint32_t slots_;
  std::uint32_t next_ = 0;
  std::vector<Run> used_;  // by first
};

}  // namespace jtrace::capture
