// SPDX-License-Identifier: Apache-2.0
// Walks over tables, registers, a stack and a JVM's memory that the input makes up.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

#include "unit/unwind/hostile_walk.h"

namespace {

// Two bytes a number, mixed where it must be large; zeros behind the input's end.
class InputNumbers {
 public:
  explicit InputNumbers(std::span<const std::uint8_t> input) : input_(input) {}
  std::uint64_t operator()() {
    constexpr std::size_t kBytes = 2;
    if (input_.size() < kBytes) return 0;
    std::uint16_t value = 0;
    std::memcpy(&value, input_.data(), kBytes);
    input_ = input_.subspan(kBytes);
    return value < 0xff00 ? value : value * 0x9e3779b97f4a7c15ULL;
  }

 private:
  std::span<const std::uint8_t> input_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  jtrace::test::HostileWalk<InputNumbers> walk(InputNumbers({data, size}));
  if (const auto broken = walk.run()) {
    std::fprintf(stderr, "%s\n", *broken);
    std::abort();
  }
  return 0;
}
