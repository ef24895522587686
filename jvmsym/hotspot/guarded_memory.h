// SPDX-License-Identifier: Apache-2.0
// Two ways to read a target's memory without trusting it: with a budget, and in large pieces.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// Refuses to read once a budget is used up, so that no chain of counts and pointers in the target,
// however it was made, can keep us busy: the one bound that does not depend on getting every other
// bound right.
class GuardedMemory final : public process::MemoryReader {
 public:
  explicit GuardedMemory(const process::MemoryReader& memory) : memory_(memory) {}
  using MemoryReader::read;

  void allow(std::size_t bytes, std::size_t reads) const {
    bytes_left_ = bytes;
    reads_left_ = reads;
  }
  [[nodiscard]] bool read(ProcessAddr from, std::span<std::byte> into) const override;

 private:
  const process::MemoryReader& memory_;
  mutable std::size_t bytes_left_ = 0;
  mutable std::size_t reads_left_ = 0;
};

// Reads whole chunks and keeps them. For tables that do not change, in a burst: libjvm's own tables
// are some 10 000 strings and fields, a system call for each would take longer than all the rest.
class ChunkedMemory final : public process::MemoryReader {
 public:
  explicit ChunkedMemory(const process::MemoryReader& memory) : memory_(memory) {}
  using MemoryReader::read;
  [[nodiscard]] bool read(ProcessAddr from, std::span<std::byte> into) const override;
  [[nodiscard]] std::optional<std::string> c_string(ProcessAddr from, std::size_t limit) const;

 private:
  static constexpr std::uint64_t kChunk = 64 * 1024;
  static constexpr std::size_t kMaxChunks = 512;  // 32 MiB; libjvm has 24
  [[nodiscard]] const std::vector<std::byte>* chunk(std::uint64_t start) const;

  const process::MemoryReader& memory_;
  mutable std::unordered_map<std::uint64_t, std::vector<std::byte>> chunks_;  // empty: unreadable
};

// A structure's bytes, copied at once; fields are read by offset and bounds-checked.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::vector<std::byte> data) : data_(std::move(data)) {}

  // nullopt where the memory cannot be read, or `size` is over `limit`.
  [[nodiscard]] static std::optional<Bytes> read(const process::MemoryReader& memory,
                                                 ProcessAddr from, std::uint64_t size,
                                                 std::uint64_t limit);

  [[nodiscard]] std::size_t size() const { return data_.size(); }
  [[nodiscard]] std::span<const std::byte> span() const { return data_; }

  template <class T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::optional<T> get(std::uint64_t offset) const {
    if (offset > data_.size() || data_.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, data_.data() + offset, sizeof(T));
    return value;
  }

  // Unsigned little-endian integer of 1, 2, 4 or 8 bytes.
  [[nodiscard]] std::optional<std::uint64_t> get_unsigned(std::uint64_t offset,
                                                          std::uint32_t size) const;

 private:
  std::vector<std::byte> data_;
};

}  // namespace jtrace::jvmsym::hotspot
