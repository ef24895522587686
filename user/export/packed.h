// SPDX-License-Identifier: Apache-2.0
// Columns of numbers as text, for pages with many nodes: what JSON needs ten bytes for takes four,
// and no parser makes a million values of it. docs/formats.md has the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace jtrace::exporting {

// Digits of five bits, the lowest first, 32 more where another follows, each a letter of base 64.
// After a 0 stands how many more of it there are.
class Packer {
 public:
  void add(std::uint64_t value) {
    if (value == 0) {
      ++zeros_;
      return;
    }
    end_zeros();
    put(value);
  }
  [[nodiscard]] std::string take() && {
    end_zeros();
    return std::move(out_);
  }

 private:
  void put(std::uint64_t value);
  void end_zeros() {
    if (zeros_ == 0) return;
    put(0);
    put(zeros_ - 1);
    zeros_ = 0;
  }

  std::string out_;
  std::uint64_t zeros_ = 0;
};

// Nothing where the text does not hold `count` numbers that an int64 can hold.
[[nodiscard]] std::optional<std::vector<std::int64_t>> unpacked(std::string_view text,
                                                                std::size_t count);

}  // namespace jtrace::exporting
