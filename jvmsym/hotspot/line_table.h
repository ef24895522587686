// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace jtrace::jvmsym::hotspot {

// A method's compressed line number table, expanded.
class LineTable {
 public:
  LineTable() = default;

  struct Parsed;
  // `bytes` may go on behind the table.
  [[nodiscard]] static Parsed parse(std::span<const std::byte> bytes, bool excludes_zero);

  // Line of the last entry at or before `bci`, in the order that HotSpot searches; 0: none.
  [[nodiscard]] std::uint32_t line(std::int32_t bci) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::int32_t bci;
    std::uint32_t line;
  };
  std::vector<Entry> entries_;  // as written, which need not be sorted by bci
};

struct LineTable::Parsed {
  LineTable table;
  bool complete = false;  // the end of the table was seen
};

}  // namespace jtrace::jvmsym::hotspot
