// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/perf_counters.h"

#include <cstdint>
#include <cstring>
#include <string>

#include "jvmsym/hotspot/guarded_memory.h"

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::uint64_t kMaxBytes = 4U << 20;  // PerfDataMemorySize is 32 KiB
constexpr std::uint32_t kMagic = 0xc0c0feca;   // 0xcafec0c0 whatever the byte order
constexpr std::size_t kMaxEntries = 65'536;

struct Prologue {
  std::uint32_t magic;
  std::uint8_t byte_order, major, minor, accessible;
  std::int32_t used, overflow;
  std::int64_t modified;
  std::int32_t entry_offset, entries;
};
static_assert(sizeof(Prologue) == 32);

struct Entry {
  std::int32_t length, name_offset, vector_length;
  std::uint8_t type, flags, units, variability;
  std::int32_t data_offset;
};
static_assert(sizeof(Entry) == 20);

}  // namespace

std::optional<ProcessAddr> find_perf_counter(const process::MemoryReader& memory,
                                             const PerfMemoryLayout& layout,
                                             std::string_view name) {
  const std::uint64_t start = memory.read<std::uint64_t>(layout.start).value_or(0);
  const std::uint64_t top = memory.read<std::uint64_t>(layout.top).value_or(0);
  if (start == 0 || top <= start) return std::nullopt;
  const auto bytes = Bytes::read(memory, ProcessAddr{start}, top - start, kMaxBytes);
  const auto prologue = bytes ? bytes->get<Prologue>(0) : std::nullopt;
  if (!prologue || prologue->magic != kMagic || prologue->entry_offset < 0) return std::nullopt;
  auto at = static_cast<std::uint64_t>(prologue->entry_offset);
  for (std::size_t i = 0; i < kMaxEntries; ++i) {
    const auto entry = bytes->get<Entry>(at);
    if (!entry || entry->length < static_cast<std::int32_t>(sizeof(Entry))) return std::nullopt;
    const auto length = static_cast<std::uint64_t>(entry->length);
    if (length > bytes->size() - at) return std::nullopt;
    const auto name_at = static_cast<std::uint32_t>(entry->name_offset);
    const auto data_at = static_cast<std::uint32_t>(entry->data_offset);
    const bool fits = name_at < length && name.size() < length - name_at && data_at < length &&
                      length - data_at >= sizeof(std::uint64_t);
    if (fits && entry->type == 'J' && entry->vector_length == 0) {
      const auto* text = reinterpret_cast<const char*>(bytes->span().data() + at + name_at);
      if (name == std::string_view(text, name.size()) && text[name.size()] == '\0') {
        return ProcessAddr{start + at + data_at};
      }
    }
    at += length;
  }
  return std::nullopt;
}

}  // namespace jtrace::jvmsym::hotspot
