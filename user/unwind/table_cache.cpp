// SPDX-License-Identifier: Apache-2.0
#include "unwind/table_cache.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>

namespace jtrace::unwind {
namespace {

constexpr std::array<char, 8> kMagic{'j', 't', 'u', 'n', 'w', 'i', 'n', 'd'};
// To be raised with every change of what the rows and rules mean.
constexpr std::uint32_t kVersion = 7;
constexpr std::uint32_t kMaxRows = kMaxTableRows;
// Linkers write one executable segment.
constexpr std::size_t kMaxSegments = 8;
constexpr std::size_t kMaxBuildId = 128;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t abi = JT_ABI_VERSION;
  std::uint32_t rules = 0;
  std::uint32_t rows = 0;
  std::uint64_t checksum = 0;  // of all else
  std::uint32_t build_id_bytes = 0;
  std::uint32_t segments = 0;
  std::array<char, kMaxBuildId> build_id{};
  std::array<CodeSegment, kMaxSegments> code{};
};
static_assert(std::has_unique_object_representations_v<Header>, "padding has no checksum");

std::uint64_t checksum(Header header, const UnwindTable& table) {
  header.checksum = 0;
  const XXH64_hash_t start = XXH3_64bits(&header, sizeof header);
  const XXH64_hash_t rules =
      XXH3_64bits_withSeed(table.rules.data(), table.rules.size() * sizeof(jt_rule), start);
  return XXH3_64bits_withSeed(table.rows.data(), table.rows.size() * sizeof(jt_row), rules);
}

}  // namespace

std::optional<CachedBinary> TableCache::load(const std::string& key) const {
  const auto file = folder_.open(key);
  Header header;
  if (!file || !read_exactly(file->fd.get(), std::as_writable_bytes(std::span(&header, 1)))) {
    return std::nullopt;
  }
  if (header.magic != kMagic || header.version != kVersion || header.abi != JT_ABI_VERSION ||
      header.rules > JT_MAX_RULES || header.rows > kMaxRows ||
      header.build_id_bytes > kMaxBuildId || header.segments > kMaxSegments ||
      file->bytes !=
          sizeof header + header.rules * sizeof(jt_rule) + header.rows * sizeof(jt_row)) {
    return std::nullopt;
  }
  CachedBinary binary;
  binary.facts.build_id.assign(header.build_id.data(), header.build_id_bytes);
  binary.facts.code.assign(header.code.begin(), header.code.begin() + header.segments);
  UnwindTable& table = binary.table;
  table.rules.resize(header.rules);
  table.rows.resize(header.rows);
  if (!read_exactly(file->fd.get(), std::as_writable_bytes(std::span(table.rules))) ||
      !read_exactly(file->fd.get(), std::as_writable_bytes(std::span(table.rows))) ||
      checksum(header, table) != header.checksum || !is_sound(table)) {
    return std::nullopt;
  }
  return binary;
}

void TableCache::store(const std::string& key, const CachedBinary& binary) const {
  const auto& [facts, table] = binary;
  if (!is_sound(table) || facts.build_id.size() > kMaxBuildId || facts.code.size() > kMaxSegments) {
    return;
  }
  Header header;
  header.rules = static_cast<std::uint32_t>(table.rules.size());
  header.rows = static_cast<std::uint32_t>(table.rows.size());
  header.build_id_bytes = static_cast<std::uint32_t>(facts.build_id.size());
  header.segments = static_cast<std::uint32_t>(facts.code.size());
  std::ranges::copy(facts.build_id, header.build_id.begin());
  std::ranges::copy(facts.code, header.code.begin());
  header.checksum = checksum(header, table);
  const std::array parts{std::as_bytes(std::span(&header, 1)),
                         std::as_bytes(std::span(table.rules)),
                         std::as_bytes(std::span(table.rows))};
  folder_.replace(key, parts);
}

}  // namespace jtrace::unwind
