// SPDX-License-Identifier: Apache-2.0
// BPF objects of the whole kernel, to see whether a run leaves any behind.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <string>

namespace jtrace::test {

struct BpfObjects {
  std::size_t programs = 0;
  std::size_t maps = 0;
  std::size_t links = 0;

  [[nodiscard]] static BpfObjects count();
  // The kernel frees them some time after the last of their descriptors is closed: waits until
  // there are no more than these. False where the limit passed first.
  [[nodiscard]] bool wait_until_no_more(std::chrono::milliseconds limit) const;
  [[nodiscard]] std::string text() const;

  friend bool operator==(const BpfObjects&, const BpfObjects&) = default;
};

}  // namespace jtrace::test
