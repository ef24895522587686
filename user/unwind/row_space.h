// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace jtrace::unwind {

// Which rows of the kernel's one array are free. Nothing is ever moved: a program may be reading.
class RowSpace {
 public:
  explicit RowSpace(std::uint32_t rows);

  // First of `n` rows in a row; nullopt where no gap is as large. The smallest gap that will do is
  // taken, so that the large ones stay for the large.
  [[nodiscard]] std::optional<std::uint32_t> take(std::uint32_t n);
  // Asked more often than changed.
  [[nodiscard]] std::uint32_t largest_gap() const;
  // What take() gave. Returns how large the gap is that they are in now.
  std::uint32_t give_back(std::uint32_t first, std::uint32_t n);

  [[nodiscard]] std::uint32_t size() const { return rows_; }
  [[nodiscard]] std::uint32_t used() const { return used_; }

 private:
  std::uint32_t rows_;
  std::uint32_t used_ = 0;
  mutable std::optional<std::uint32_t> largest_;  // where known
  std::map<std::uint32_t, std::uint32_t> gaps_;   // first: how many; no two are neighbours
};

}  // namespace jtrace::unwind
