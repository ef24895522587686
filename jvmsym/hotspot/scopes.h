// SPDX-License-Identifier: Apache-2.0
// From a pc in compiled code to the methods inlined there: PcDesc, then the chain of ScopeDescs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "jvmsym/hotspot/code_heap.h"
#include "jvmsym/hotspot/guarded_memory.h"
#include "jvmsym/hotspot/layout.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

struct Scope {
  std::uint64_t method = 0;  // Method*
  std::int32_t bci = -1;     // -1: method entry, or not known
  friend bool operator==(const Scope&, const Scope&) = default;
};

// Copy of one nmethod's tables. Valid for (blob, compile id) for ever: compiled code is not changed
// but thrown away.
class NmethodTables {
 public:
  // nullopt where a table is unreadable, over 1 MiB or the wrong way round.
  [[nodiscard]] static std::optional<NmethodTables> read(const process::MemoryReader& memory,
                                                         const ScopesLayout& layout,
                                                         const BlobHeader& header);

  // Innermost first, empty where the pc has no debug information (then only the nmethod's own
  // method is known); nullopt where the tables make no sense.
  [[nodiscard]] std::optional<std::vector<Scope>> scopes(std::uint64_t pc) const;

  // Offsets of all pcs that have debug information, for tests and for reading ahead.
  [[nodiscard]] std::vector<std::uint32_t> pc_offsets() const;

  [[nodiscard]] std::size_t bytes() const { return pcs_.size() + data_.size() + metadata_.size(); }

 private:
  struct PcDesc {
    std::int32_t pc_offset;
    std::int32_t scope;
  };
  [[nodiscard]] std::size_t pc_count() const { return pcs_.size() / layout_.pc_desc_size; }
  [[nodiscard]] PcDesc pc_desc(std::size_t index) const;
  [[nodiscard]] std::optional<std::uint64_t> metadata(std::uint32_t index) const;

  ScopesLayout layout_;
  std::uint64_t code_begin_ = 0;
  Bytes pcs_;
  Bytes data_;
  Bytes metadata_;
};

}  // namespace jtrace::jvmsym::hotspot
