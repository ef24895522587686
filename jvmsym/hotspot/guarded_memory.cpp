// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/guarded_memory.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace jtrace::jvmsym::hotspot {

bool GuardedMemory::read(ProcessAddr from, std::span<std::byte> into) const {
  if (reads_left_ == 0 || into.size() > bytes_left_) return false;
  --reads_left_;
  bytes_left_ -= into.size();
  return memory_.read(from, into);
}

const std::vector<std::byte>* ChunkedMemory::chunk(std::uint64_t start) const {
  auto found = chunks_.find(start);
  if (found == chunks_.end()) {
    if (chunks_.size() >= kMaxChunks) return nullptr;
    std::vector<std::byte> data(kChunk);
    if (!memory_.read(ProcessAddr{start}, data)) data.clear();
    found = chunks_.emplace(start, std::move(data)).first;
  }
  return found->second.empty() ? nullptr : &found->second;
}

bool ChunkedMemory::read(ProcessAddr from, std::span<std::byte> into) const {
  std::uint64_t at = from.value;
  if (into.size() > std::numeric_limits<std::uint64_t>::max() - at) return false;
  while (!into.empty()) {
    const std::uint64_t skip = at % kChunk;
    const std::size_t part = std::min<std::size_t>(into.size(), kChunk - skip);
    // A chunk at the edge of a mapping cannot be read whole; what is asked for may still be.
    if (const auto* data = chunk(at - skip)) {
      std::memcpy(into.data(), data->data() + skip, part);
    } else if (!memory_.read(ProcessAddr{at}, into.first(part))) {
      return false;
    }
    into = into.subspan(part);
    at += part;
  }
  return true;
}

std::optional<std::string> ChunkedMemory::c_string(ProcessAddr from, std::size_t limit) const {
  std::string text;
  std::uint64_t at = from.value;
  while (text.size() <= limit) {
    const std::uint64_t skip = at % kChunk;
    const auto* data = chunk(at - skip);
    if (data == nullptr) {
      auto rest = process::read_c_string(memory_, ProcessAddr{at}, limit - text.size());
      if (!rest) return std::nullopt;
      return text + *rest;
    }
    const std::span<const std::byte> rest = std::span(*data).subspan(skip);
    const auto end = std::find(rest.begin(), rest.end(), std::byte{0});
    const auto length = static_cast<std::size_t>(end - rest.begin());
    if (length > limit - text.size()) return std::nullopt;
    for (const std::byte byte : rest.first(length)) text.push_back(static_cast<char>(byte));
    if (end != rest.end()) return text;
    at += length;
  }
  return std::nullopt;
}

std::optional<Bytes> Bytes::read(const process::MemoryReader& memory, ProcessAddr from,
                                 std::uint64_t size, std::uint64_t limit) {
  if (size > limit) return std::nullopt;
  std::vector<std::byte> data(size);
  if (!memory.read(from, data)) return std::nullopt;
  return Bytes(std::move(data));
}

std::optional<std::uint64_t> Bytes::get_unsigned(std::uint64_t offset, std::uint32_t size) const {
  if (size != 1 && size != 2 && size != 4 && size != 8) return std::nullopt;
  if (offset > data_.size() || data_.size() - offset < size) return std::nullopt;
  std::uint64_t value = 0;
  std::memcpy(&value, data_.data() + offset, size);
  return value;
}

}  // namespace jtrace::jvmsym::hotspot
