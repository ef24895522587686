// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/java_fields.h"

#include <algorithm>
#include <string>
#include <utility>

#include "jvmsym/hotspot/method_names.h"
#include "jvmsym/hotspot/unsigned5.h"

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::uint32_t kMaxFields = 1024;
constexpr std::uint64_t kMaxTable = 64 * 1024;
constexpr std::uint64_t kMaxPool = 0x10000;
constexpr std::uint32_t kMaxOffset = 4096;
// A field is six numbers of two bytes (fieldInfo.hpp until JDK 20); the offset has two tag bits
// below.
constexpr std::size_t kSlots = 6, kNameSlot = 1, kSignatureSlot = 2, kLowSlot = 4;
constexpr std::uint32_t kOffsetTagBits = 2;
constexpr std::uint32_t kInternal = 0x400;  // its name is no constant of this class

struct Pool {
  const process::MemoryReader& memory;
  const MethodLayout& layout;
  std::uint64_t at = 0;
  std::uint64_t length = 0;

  std::optional<std::string> symbol(std::uint64_t index) const {
    return read_pool_symbol(memory, layout, at, length, index);
  }
};

std::optional<JavaField> field(const Pool& pool, std::uint32_t signature, std::uint32_t offset) {
  const auto text = pool.symbol(signature);
  if (!text || text->empty() || offset > kMaxOffset) return std::nullopt;
  return JavaField{offset, text->front(), text->size() > 1 ? text->at(1) : '\0'};
}

std::optional<JavaField> find_in_slots(const Bytes& table, std::uint64_t count, const Pool& pool,
                                       std::string_view name) {
  for (std::size_t i = 0; i < std::min<std::uint64_t>(count, kMaxFields); ++i) {
    const auto slot = [&](std::size_t n) {
      return std::uint32_t{table.get<std::uint16_t>((i * kSlots + n) * 2).value_or(0)};
    };
    if ((slot(0) & kInternal) != 0 || pool.symbol(slot(kNameSlot)) != name) continue;
    const std::uint32_t packed = slot(kLowSlot) | slot(kLowSlot + 1) << 16;
    return field(pool, slot(kSignatureSlot), packed >> kOffsetTagBits);
  }
  return std::nullopt;
}

// Counts of Java's fields and of the JVM's own, then for each: name, signature, offset, access,
// flags, and a number more for each of three flags (fieldInfo.inline.hpp).
std::optional<JavaField> find_in_stream(const Bytes& table, const Pool& pool,
                                        std::string_view name) {
  constexpr std::uint32_t kInitialised = 1, kGeneric = 4, kContended = 16;
  Unsigned5Reader reader(table.span(), 0, true);
  const std::uint32_t count = reader.number().value_or(0);
  if (!reader.number()) return std::nullopt;
  for (std::uint32_t i = 0; i < std::min(count, kMaxFields); ++i) {
    const auto name_index = reader.number();
    const auto signature = reader.number();
    const auto offset = reader.number();
    const auto access = reader.number();
    const auto flags = reader.number();
    if (!name_index || !signature || !offset || !access || !flags) return std::nullopt;
    if (pool.symbol(*name_index) == name) return field(pool, *signature, *offset);
    for (const std::uint32_t more : {kInitialised, kGeneric, kContended}) {
      if ((*flags & more) != 0 && !reader.number()) return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<JavaField> find_java_field(const process::MemoryReader& memory,
                                         const ThreadNamesLayout& layout,
                                         const MethodLayout& symbols, std::uint64_t klass,
                                         std::string_view name) {
  const std::uint32_t bytes =
      std::max({layout.klass_constants.end(), layout.fields.end(), layout.java_field_count.end()});
  const auto header = Bytes::read(memory, ProcessAddr{klass}, bytes, kMaxOffset);
  if (!header) return std::nullopt;
  Pool pool{memory, symbols, layout.klass_constants.get(*header).value_or(0)};
  const auto pool_header =
      Bytes::read(memory, ProcessAddr{pool.at}, symbols.pool_bytes, kMaxOffset);
  if (!pool_header) return std::nullopt;
  pool.length = std::min(symbols.pool_length.get(*pool_header).value_or(0), kMaxPool);
  const std::uint64_t array = layout.fields.get(*header).value_or(0);
  const std::uint64_t length =
      memory.read<std::uint32_t>(ProcessAddr{array + layout.array_length}).value_or(0);
  const std::uint64_t size = length * (layout.fields_are_stream ? 1 : 2);
  const auto table = Bytes::read(memory, ProcessAddr{array + layout.array_data}, size, kMaxTable);
  if (!table) return std::nullopt;
  if (layout.fields_are_stream) return find_in_stream(*table, pool, name);
  return find_in_slots(*table, layout.java_field_count.get(*header).value_or(0), pool, name);
}

}  // namespace jtrace::jvmsym::hotspot
