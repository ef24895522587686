// SPDX-License-Identifier: Apache-2.0
#include "unwind/address_space.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace jtrace::unwind {
namespace {

// Ids that a process may use up by mapping and unmapping; beyond, its new mappings have none.
constexpr std::size_t kMaxImages = 262144;
// Of their paths together: each can have 4 KiB.
constexpr std::size_t kMaxPathBytes = 64U << 20;

// Sorted and disjoint whatever was given: where two overlap, the lower keeps its part.
std::vector<CodeCacheRange> disjoint(std::span<const CodeCacheRange> code) {
  std::vector<CodeCacheRange> sorted(code.begin(), code.end());
  std::ranges::sort(sorted, {}, &CodeCacheRange::low);
  std::vector<CodeCacheRange> out;
  for (CodeCacheRange range : sorted) {
    if (!out.empty()) range.low = std::max(range.low, out.back().high);
    if (range.low < range.high) out.push_back(range);
  }
  return out;
}

jt_range range_of(const MappedImage* image, const process::MapEntry& entry) {
  jt_range range{};
  range.start = entry.start;
  range.end = entry.end;
  range.kind = JT_RANGE_NO_CFI;
  if (image == nullptr) return range;
  range.mapping = image->id;
  range.bias = image->bias;
  // A row's pc has 32 bits: a mapping that runs past them (larger than its file) has no rows there.
  const bool in_reach = entry.end - image->bias <= std::uint64_t{1} << 32;
  if (image->is_code && image->binary->has_cfi && in_reach) {
    range.kind = JT_RANGE_NATIVE;
    range.first_row = image->binary->table.first_row;
    range.rows = image->binary->table.rows;
  }
  return range;
}

void show(MappedImage& image, const Binary& binary) {
  const process::MapEntry& entry = image.entry;
  image.binary = &binary;
  const auto segment = std::ranges::find_if(binary.code, [&](const CodeSegment& candidate) {
    return entry.offset >= candidate.first && entry.offset < candidate.end;
  });
  image.is_code = segment != binary.code.end();
  image.bias = image.is_code ? entry.start - entry.offset - segment->delta : 0;
}

// The parts of `range` outside the code caches; all share its bias and mapping.
void append_outside(jt_range range, std::span<const CodeCacheRange> code,
                    std::vector<jt_range>& out) {
  for (const CodeCacheRange& cache : code) {
    if (cache.high <= range.start) continue;
    if (cache.low >= range.end) break;
    if (cache.low > range.start) {
      jt_range before = range;
      before.end = cache.low;
      out.push_back(before);
    }
    range.start = cache.high < range.end ? cache.high : std::uint64_t{range.end};
  }
  if (range.start < range.end) out.push_back(range);
}

// Returns how many were dropped.
std::size_t cut(std::vector<jt_range>& ranges) {
  const std::size_t before = ranges.size();
  if (before <= JT_MAX_RANGES) return 0;
  std::size_t excess = before - JT_MAX_RANGES;
  std::erase_if(ranges, [&](const jt_range& range) {
    if (excess == 0 || (range.kind != JT_RANGE_NO_CFI && range.kind != JT_RANGE_FRAMES))
      return false;
    --excess;
    return true;
  });
  if (ranges.size() > JT_MAX_RANGES) ranges.resize(JT_MAX_RANGES);
  return before - ranges.size();
}

}  // namespace

AddressSpace::~AddressSpace() {
  for (const auto& [id, image] : images_) {
    if (image.binary != nullptr) binaries_.let_go(*image.binary);
  }
}

Result<std::vector<jt_range>> AddressSpace::refresh(std::span<const CodeCacheRange> code) {
  JT_TRY(auto maps, process::read_maps(tgid_));
  return build(std::move(maps), code);
}

std::vector<jt_range> AddressSpace::build(std::vector<process::MapEntry> maps,
                                          std::span<const CodeCacheRange> code) {
  maps_ = std::move(maps);
  const auto caches = disjoint(code);
  std::vector<jt_range> ranges;
  for (const CodeCacheRange& cache : caches) {
    jt_range range{};
    range.start = cache.low;
    range.end = cache.high;
    range.kind = JT_RANGE_HOTSPOT;
    range.jvm = cache.jvm;
    ranges.push_back(range);
  }
  for (const process::MapEntry& entry : maps_) {
    if (!entry.executable) continue;
    const std::uint32_t id = mapping_id(entry);
    append_outside(range_of(image(id), entry), caches, ranges);
  }
  std::ranges::sort(ranges, {}, &jt_range::start);
  mark_generated(ranges);
  left_out_ = cut(ranges);
  return ranges;
}

// Who has V8 has its code in memory of no file; [vsyscall] is not its.
void AddressSpace::mark_generated(std::vector<jt_range>& ranges) const {
  const auto is_v8 = [&](const jt_range& range) {
    const MappedImage* of = image(range.mapping);
    return range.kind == JT_RANGE_NATIVE && of != nullptr && of->binary->is_v8;
  };
  if (std::ranges::none_of(ranges, is_v8)) return;
  for (jt_range& range : ranges) {
    const MappedImage* of = image(range.mapping);
    if (range.kind == JT_RANGE_NO_CFI && of != nullptr && of->binary == nullptr &&
        !of->entry.path.starts_with("[v")) {
      range.kind = JT_RANGE_FRAMES;
    }
  }
}

std::uint32_t AddressSpace::mapping_id(const process::MapEntry& entry) {
  // A library that comes back to where it was is the same mapping: stacks through it are equal.
  MappingKey key = key_of(entry);
  if (const auto it = ids_.find(key); it != ids_.end()) {
    MappedImage& known = images_.at(it->second);
    if (known.binary != nullptr && binaries_.has_room_now(*known.binary)) try_again(known);
    return it->second;
  }
  image_bytes_ += entry.path.size();
  if (images_.size() >= kMaxImages || image_bytes_ > kMaxPathBytes) return 0;
  MappedImage image;
  image.id = binaries_.next_mapping_id();
  image.entry = entry;
  if (entry.inode != 0 || entry.path == "[vdso]") {
    const Binary& binary = binaries_.get(tgid_, entry);
    binaries_.hold(binary);
    show(image, binary);
  }
  const std::uint32_t id = image.id;
  ids_.emplace(std::move(key), id);
  images_.emplace(id, std::move(image));
  return id;
}

void AddressSpace::try_again(MappedImage& image) {
  // Another one where the file was written to meanwhile.
  const Binary* other = &binaries_.get(tgid_, image.entry);
  binaries_.hold(*other);
  if (other->has_cfi) {
    std::swap(other, image.binary);
    show(image, *image.binary);
  }
  binaries_.let_go(*other);
}

bool AddressSpace::has_room_now() const {
  return std::ranges::any_of(maps_, [this](const process::MapEntry& entry) {
    if (!entry.executable) return false;
    const auto known = ids_.find(key_of(entry));
    if (known == ids_.end()) return false;
    const MappedImage* of = image(known->second);
    return of->binary != nullptr && binaries_.has_room_now(*of->binary);
  });
}

const MappedImage* AddressSpace::image(std::uint32_t mapping_id) const {
  const auto it = images_.find(mapping_id);
  return it == images_.end() ? nullptr : &it->second;
}

}  // namespace jtrace::unwind
