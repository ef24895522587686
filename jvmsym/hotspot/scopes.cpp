// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/scopes.h"

#include <limits>

#include "jvmsym/hotspot/unsigned5.h"

namespace jtrace::jvmsym::hotspot {
namespace {

// A method of 7 KB whose 520 locals live at each call has more than 1 MB of them (C1 of JDK 8).
constexpr std::uint64_t kMaxTable = 4ULL << 20;
constexpr std::size_t kMaxScopes = 512;  // MaxInlineLevel is 9 (C2: 15), Graal's some 100
constexpr std::int32_t kNoScope = 0;
constexpr std::int32_t kInvocationEntryBci = -1;  // bcis are written one higher
constexpr std::int32_t kMaxBci = 0xffff;

std::optional<Bytes> read_table(const process::MemoryReader& memory, const Place& begin,
                                const Place& end, const BlobHeader& header) {
  const auto from = begin.get(header.bytes, header.blob);
  const auto to = end.get(header.bytes, header.blob);
  if (!from || !to || *from > *to) return std::nullopt;
  return Bytes::read(memory, ProcessAddr{*from}, *to - *from, kMaxTable);
}

}  // namespace

std::optional<NmethodTables> NmethodTables::read(const process::MemoryReader& memory,
                                                 const ScopesLayout& layout,
                                                 const BlobHeader& header) {
  auto pcs = read_table(memory, layout.pcs_begin, layout.pcs_end, header);
  auto data = read_table(memory, layout.data_begin, layout.data_end, header);
  auto metadata = read_table(memory, layout.metadata_begin, layout.metadata_end, header);
  if (!pcs || !data || !metadata) return std::nullopt;
  NmethodTables tables;
  tables.layout_ = layout;
  tables.code_begin_ = header.code_begin;
  tables.pcs_ = std::move(*pcs);
  tables.data_ = std::move(*data);
  tables.metadata_ = std::move(*metadata);
  return tables;
}

NmethodTables::PcDesc NmethodTables::pc_desc(std::size_t index) const {
  const std::size_t at = index * layout_.pc_desc_size;
  return {pcs_.get<std::int32_t>(at + layout_.pc_offset).value_or(0),
          pcs_.get<std::int32_t>(at + layout_.scope_decode_offset).value_or(kNoScope)};
}

std::optional<std::uint64_t> NmethodTables::metadata(std::uint32_t index) const {
  if (index == 0) return std::nullopt;  // written for null; others are one higher
  return metadata_.get<std::uint64_t>((std::uint64_t{index} - 1) * sizeof(std::uint64_t));
}

std::optional<std::vector<Scope>> NmethodTables::scopes(std::uint64_t pc) const {
  // HotSpot's rule (pc_desc_near): the first entry at or behind pc; an entry describes the code
  // before it. At a return address that is the call's own entry.
  std::size_t first = 0;
  std::size_t last = pc_count();
  while (first < last) {
    const std::size_t middle = first + (last - first) / 2;
    // Sentinels: -1 is the first, a number larger than any method the last.
    const std::int64_t offset = pc_desc(middle).pc_offset;
    if (offset < 0 || code_begin_ + static_cast<std::uint64_t>(offset) < pc) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  std::vector<Scope> chain;
  if (first == pc_count()) return chain;
  std::int32_t scope = pc_desc(first).scope;
  while (scope != kNoScope) {
    if (scope < 0 || chain.size() == kMaxScopes) return std::nullopt;
    Unsigned5Reader reader(data_.span(), static_cast<std::size_t>(scope),
                           layout_.unsigned5_excludes_zero);
    const auto sender = reader.number();
    const auto method = reader.number();
    const auto bci = reader.number();
    if (!sender || !method || !bci || *bci > kMaxBci + 1) return std::nullopt;
    const auto address = metadata(*method);
    if (!address) return std::nullopt;
    chain.push_back({*address, static_cast<std::int32_t>(*bci) + kInvocationEntryBci});
    // A caller is written before its callees: anything else would be a loop.
    if (*sender >= static_cast<std::uint32_t>(scope)) return std::nullopt;
    scope = static_cast<std::int32_t>(*sender);
  }
  return chain;
}

std::vector<std::uint32_t> NmethodTables::pc_offsets() const {
  std::vector<std::uint32_t> offsets;
  for (std::size_t i = 0; i < pc_count(); ++i) {
    const PcDesc desc = pc_desc(i);
    if (desc.pc_offset >= 0 && desc.scope != kNoScope) {
      offsets.push_back(static_cast<std::uint32_t>(desc.pc_offset));
    }
  }
  return offsets;
}

}  // namespace jtrace::jvmsym::hotspot
