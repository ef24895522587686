// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "bpf/jtrace_abi.h"
#include "process/maps.h"
#include "unwind/binary_tables.h"

namespace jtrace::unwind {

// What a mapping id stands for; not forgotten while the run lasts.
struct MappedImage {
  std::uint32_t id = 0;
  process::MapEntry entry;
  const Binary* binary = nullptr;  // nullptr: no file ([vdso] has a Binary)
  std::uint64_t bias = 0;          // process address - ELF address; 0 where is_code is false
  bool is_code = false;            // it shows an executable segment of the binary
};

// Reserved code cache of a JVM.
struct CodeCacheRange {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::uint16_t jvm = 0;
};

// The executable ranges of one target process.
class AddressSpace {
 public:
  // `binaries` must outlive this.
  AddressSpace(pid_t tgid, BinaryTables& binaries) : tgid_(tgid), binaries_(binaries) {}
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;
  ~AddressSpace();

  // Re-reads /proc/PID/maps. ELF mappings become JT_RANGE_NATIVE; [low, high) of each code cache
  // becomes JT_RANGE_HOTSPOT whole, mapped yet or not, and wins over the mappings in it; other
  // executable memory is JT_RANGE_NO_CFI, or JT_RANGE_FRAMES where V8 generates it. Sorted,
  // disjoint, at most JT_MAX_RANGES: beyond, left_out says how many were dropped (those without CFI
  // first). Unchanged mappings keep their id.
  [[nodiscard]] Result<std::vector<jt_range>> refresh(std::span<const CodeCacheRange> code);

  // The same from maps given.
  [[nodiscard]] std::vector<jt_range> build(std::vector<process::MapEntry> maps,
                                            std::span<const CodeCacheRange> code);

  // nullptr for 0, for ids of other processes and for code cache ranges, which have id 0.
  [[nodiscard]] const MappedImage* image(std::uint32_t mapping_id) const;

  [[nodiscard]] const std::vector<process::MapEntry>& maps() const { return maps_; }
  [[nodiscard]] std::size_t left_out() const { return left_out_; }
  // A file that is mapped found no room for its rows, and refresh() would find some now.
  [[nodiscard]] bool has_room_now() const;

 private:
  // Start, end, offset, device, inode, path.
  using MappingKey = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                                std::uint64_t, std::string>;
  static MappingKey key_of(const process::MapEntry& entry) {
    return {entry.start, entry.end, entry.offset, entry.device, entry.inode, entry.path};
  }
  void mark_generated(std::vector<jt_range>& ranges) const;
  std::uint32_t mapping_id(const process::MapEntry& entry);
  void try_again(MappedImage& image);

  pid_t tgid_;
  BinaryTables& binaries_;
  std::vector<process::MapEntry> maps_;
  std::size_t left_out_ = 0;
  std::unordered_map<std::uint32_t, MappedImage> images_;
  std::map<MappingKey, std::uint32_t> ids_;
  std::size_t image_bytes_ = 0;
};

}  // namespace jtrace::unwind
