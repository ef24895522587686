// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/line_table.h"

#include <algorithm>
#include <limits>

#include "jvmsym/hotspot/unsigned5.h"

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::uint8_t kEnd = 0;
constexpr std::uint8_t kEscape = 0xff;
constexpr int kLineBits = 3;
constexpr std::int32_t kMaxBci = 0xffff;
constexpr std::size_t kMaxEntries = 65'536;

}  // namespace

LineTable::Parsed LineTable::parse(std::span<const std::byte> bytes, bool excludes_zero) {
  Unsigned5Reader reader(bytes, 0, excludes_zero);
  Parsed result;
  std::int64_t bci = 0;
  std::int64_t line = 0;
  while (result.table.entries_.size() < kMaxEntries) {
    const auto byte = reader.raw_byte();
    if (!byte) return result;
    if (*byte == kEnd) break;
    if (*byte == kEscape) {
      const auto bci_delta = reader.signed_number();
      const auto line_delta = bci_delta ? reader.signed_number() : std::nullopt;
      if (!line_delta) return result;
      bci += *bci_delta;
      line += *line_delta;
    } else {
      bci += *byte >> kLineBits;
      line += *byte & ((1 << kLineBits) - 1);
    }
    // Class files hold both in 16 bits: what lies outside is no line table.
    if (bci < 0 || bci > kMaxBci || line < 0 || line > kMaxBci) break;
    result.table.entries_.push_back(
        {static_cast<std::int32_t>(bci), static_cast<std::uint32_t>(line)});
  }
  result.complete = true;
  return result;
}

std::uint32_t LineTable::line(std::int32_t bci) const {
  bci = std::max(bci, 0);  // -1 is the method's entry
  std::int32_t best_bci = 0;
  std::uint32_t best_line = 0;
  for (const Entry& entry : entries_) {
    if (entry.bci == bci) return entry.line;
    if (entry.bci < bci && entry.bci >= best_bci) {
      best_bci = entry.bci;
      best_line = entry.line;
    }
  }
  return best_line;
}

}  // namespace jtrace::jvmsym::hotspot
