// SPDX-License-Identifier: Apache-2.0
// What jtrace wrote, read back: collapsed stacks and the ledger of the text format. Written from
// the contract alone, so that it shares no code (and no mistake) with the exporters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jtrace::test {

enum class FrameKind { Plain, Kernel, Compiled, C1, Inlined, Interpreted };

struct Frame {
  std::string name;  // without its suffix
  FrameKind kind = FrameKind::Plain;

  [[nodiscard]] bool java() const { return kind != FrameKind::Plain && kind != FrameKind::Kernel; }
};

struct Stack {
  std::vector<Frame> frames;  // root first
  std::uint64_t count = 0;
};

// Every line must be whole, and no stack may stand in two lines.
[[nodiscard]] Result<std::vector<Stack>> parse_collapsed(std::string_view text);

// "root;...;leaf" with suffixes.
[[nodiscard]] std::string to_text(const Stack& stack);

struct Ledger {
  struct Line {
    std::string name;
    int depth = 0;
    std::optional<std::uint64_t> count;  // none: not measurable
  };
  std::vector<Line> lines;
  bool balanced = true;

  // Of the first line with this name. None where there is no such line, or it is not measurable.
  [[nodiscard]] std::optional<std::uint64_t> count(std::string_view name) const;
};

// Of `-f x.txt`.
[[nodiscard]] Result<Ledger> parse_ledger(std::string_view text);

[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace jtrace::test
