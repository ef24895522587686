// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace jtrace::exporting {

struct SequenceOrder {
  std::vector<std::uint32_t> indices;
  std::vector<bool> again;  // of each of them: whether its sequence is that of the one before
};

// The order of `count` sequences of numbers up to `most`, as a comparison of one element after the
// other has it; equal ones are in the order of their indices. `Sequences` has size(i), at(i, k) and
// ask_for(i, k), which is called some time before at(i, k).
//
// Stacks share most of their frames, and each comparison of two would go through those again. Here
// as many elements as fit are packed into a word, the words are sorted, and only where they are
// equal the next elements are looked at, once for each sequence.
template <class Sequences>
[[nodiscard]] SequenceOrder sequence_order(const Sequences& sequences, std::size_t count,
                                           std::uint64_t most) {
  struct Entry {
    std::uint64_t word;
    std::uint32_t index;
    auto operator<=>(const Entry&) const = default;
  };
  constexpr std::size_t kSoon = 12;
  struct Range {
    std::size_t from, to, depth;
  };
  const auto width = static_cast<unsigned>(std::bit_width(most + 1));  // 0 is the end
  const std::size_t step = 64 / width;
  const std::uint64_t last = (std::uint64_t{1} << width) - 1;
  std::vector<Entry> entries(count);
  for (std::size_t i = 0; i < count; ++i) entries[i].index = static_cast<std::uint32_t>(i);
  SequenceOrder out{std::vector<std::uint32_t>(count), std::vector<bool>(count)};
  // Not by recursion: stacks that are read may be equal and of any depth.
  std::vector<Range> open;
  if (count > 0) open.push_back({0, count, 0});
  while (!open.empty()) {
    const auto [from, to, depth] = open.back();
    open.pop_back();
    for (std::size_t i = from; i < to; ++i) {
      if (i + kSoon < to) sequences.ask_for(entries[i + kSoon].index, depth);
      const std::uint32_t index = entries[i].index;
      const std::size_t size = sequences.size(index);
      std::uint64_t word = 0;
      for (std::size_t k = depth; k < depth + step; ++k) {
        word = word << width | (k < size ? std::uint64_t{sequences.at(index, k)} + 1 : 0);
      }
      entries[i].word = word;
    }
    std::sort(entries.begin() + static_cast<std::ptrdiff_t>(from),
              entries.begin() + static_cast<std::ptrdiff_t>(to));
    for (std::size_t begin = from; begin < to;) {
      std::size_t end = begin + 1;
      while (end < to && entries[end].word == entries[begin].word) ++end;
      const bool ended = (entries[begin].word & last) == 0;
      if (end - begin > 1 && !ended) open.push_back({begin, end, depth + step});
      for (std::size_t i = begin + 1; ended && i < end; ++i) out.again[i] = true;
      begin = end;
    }
  }
  for (std::size_t i = 0; i < count; ++i) out.indices[i] = entries[i].index;
  return out;
}

}  // namespace jtrace::exporting
