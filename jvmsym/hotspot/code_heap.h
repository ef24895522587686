// SPDX-License-Identifier: Apache-2.0
// The code cache: its heaps, their segment maps, the blobs in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "jvmsym/hotspot/layout.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

struct CodeHeapInfo {
  std::uint64_t low = 0, high = 0;  // reserved
  std::uint64_t committed = 0;      // end of what is committed
  std::uint64_t segmap = 0, segmap_end = 0;
  std::uint32_t shift = 0;
};

// Errc::Target with "not ready" while the JVM has not made them yet.
[[nodiscard]] Result<std::vector<CodeHeapInfo>> read_code_heaps(const process::MemoryReader& memory,
                                                                const HeapLayout& layout);

// A CodeBlob's header, decoded.
struct BlobHeader {
  ProcessAddr blob;
  std::uint64_t code_begin = 0, code_end = 0;
  std::uint64_t name = 0;  // address of the string
  std::uint64_t method = 0;
  std::uint32_t compile_id = 0;
  int comp_level = 0;
  Bytes bytes;  // from the blob's start: Places are evaluated on it
};

enum class BlobState { Live, Free, Unreadable };

class BlobReader {
 public:
  BlobReader(const process::MemoryReader& memory, const HeapLayout& heap, const BlobLayout& blob,
             std::uint32_t header_bytes)
      : memory_(memory), heap_(heap), blob_(blob), header_bytes_(header_bytes) {}

  // nullopt with the state in `state` where the block is not in use or cannot be read.
  [[nodiscard]] std::optional<BlobHeader> read(ProcessAddr blob, BlobState& state) const;

  // The blob whose block holds pc, by the segment map: what BPF does at an event.
  [[nodiscard]] std::optional<ProcessAddr> find(const CodeHeapInfo& heap, std::uint64_t pc) const;

  // Calls visit(header) for the live blobs of a heap until it says false; at most `limit` of them.
  template <class Visit>
  void for_each(const CodeHeapInfo& heap, std::size_t limit, Visit visit) const;

 private:
  [[nodiscard]] std::vector<std::uint64_t> block_starts(const CodeHeapInfo& heap) const;

  const process::MemoryReader& memory_;
  const HeapLayout& heap_;
  const BlobLayout& blob_;
  std::uint32_t header_bytes_;
};

template <class Visit>
void BlobReader::for_each(const CodeHeapInfo& heap, std::size_t limit, Visit visit) const {
  for (const std::uint64_t block : block_starts(heap)) {
    BlobState state{};
    const auto header = read(ProcessAddr{block + heap_.block_header}, state);
    if (!header) continue;
    if (limit-- == 0 || !visit(*header)) return;
  }
}

}  // namespace jtrace::jvmsym::hotspot
