// SPDX-License-Identifier: Apache-2.0
// A step through a Java frame that is at a call, by HotSpot's own data read from outside: apart
// from what BPF does, for --check-walks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bpf/jtrace_abi.h"
#include "jvmsym/hotspot/code_heap.h"
#include "jvmsym/hotspot/layout.h"

namespace jtrace::jvmsym::hotspot {

struct JavaRegisters {
  std::uint64_t pc = 0, sp = 0;
  std::optional<std::uint64_t> fp, bx;
};

struct JavaStep {
  jt_frame frame{};
  JavaRegisters sender;
};

class JavaStepper {
 public:
  using WordReader = std::function<std::optional<std::uint64_t>(std::uint64_t address)>;

  JavaStepper(const process::MemoryReader& memory, const Layout& layout,
              const std::vector<CodeHeapInfo>& heaps, const jt_hotspot& config)
      : memory_(memory), layout_(layout), heaps_(heaps), config_(config) {}

  // nullopt where the code has gone since, or the frame is of no kind that is known here.
  [[nodiscard]] std::optional<JavaStep> step(const JavaRegisters& at, const WordReader& stack);
  // Code may have been replaced.
  void forget() { blobs_.clear(); }

 private:
  struct Blob {
    BlobHeader header;
    jt_frame_kind kind = JT_FRAME_STUB;
    std::int32_t words = 0;
  };
  [[nodiscard]] const Blob* blob_at(std::uint64_t pc);
  [[nodiscard]] std::optional<JavaStep> interpreted(const JavaRegisters& at,
                                                    const WordReader& stack) const;
  [[nodiscard]] std::uint64_t resumed_at(const Blob& blob, const JavaRegisters& at,
                                         const WordReader& stack) const;

  const process::MemoryReader& memory_;
  const Layout& layout_;
  const std::vector<CodeHeapInfo>& heaps_;
  const jt_hotspot& config_;
  std::map<std::uint64_t, std::optional<Blob>> blobs_;  // by pc
};

}  // namespace jtrace::jvmsym::hotspot
