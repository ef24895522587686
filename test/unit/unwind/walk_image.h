// SPDX-License-Identifier: Apache-2.0
// A thread's stack, its process's code and the tables of both, made by hand for the walker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "process/memory.h"
#include "unwind/walker.h"

inline bool operator==(const jt_frame& a, const jt_frame& b) {
  return a.where == b.where && a.info == b.info;
}

namespace jtrace::test {

[[nodiscard]] jt_rule cfa_rule(jt_cfa_kind kind, int cfa_off = 0, int rbp_off = JT_REG_SAME,
                               int rbx_off = JT_REG_SAME);

[[nodiscard]] constexpr jt_frame frame(jt_frame_kind kind, std::uint64_t address,
                                       std::uint64_t info) {
  return {.where = std::uint64_t{kind} << JT_ADDR_BITS | address, .info = info};
}
[[nodiscard]] constexpr jt_frame exact(jt_frame f) {
  f.where |= std::uint64_t{JT_FRAME_EXACT} << JT_ADDR_BITS;
  return f;
}

// Memory made of stretches; nothing between them can be read.
class SparseMemory final : public process::MemoryReader {
 public:
  using MemoryReader::read;
  [[nodiscard]] bool read(ProcessAddr from, std::span<std::byte> into) const override;

  void add(std::uint64_t base, std::size_t bytes) { parts_[base].resize(bytes); }
  // Throws where the stretch does not hold all of it.
  void put(std::uint64_t at, std::span<const std::byte> bytes);
  template <class T>
  void put(std::uint64_t at, const T& value) {
    put(at, std::as_bytes(std::span(&value, 1)));
  }
  [[nodiscard]] std::size_t reads() const { return reads_; }

 private:
  std::map<std::uint64_t, std::vector<std::byte>> parts_;
  mutable std::size_t reads_ = 0;
};

class WalkImage {
 public:
  static constexpr std::uint64_t kText = 0x7e0000400000;   // native code
  static constexpr std::uint64_t kStack = 0x7f0000800000;  // sp of most tests
  static constexpr std::size_t kStackBytes = 16384;
  static constexpr std::uint32_t kMapping = 3;  // id of the native code

  WalkImage();

  // A native function with one rule; the result is the address behind a call in it.
  std::uint64_t function(const jt_rule& rule);
  void set(std::uint64_t address, std::uint64_t value);

  [[nodiscard]] unwind::WalkInput input(const jt_regs& regs) const;
  [[nodiscard]] unwind::WalkResult walk(const unwind::WalkInput& input,
                                        std::uint32_t max_frames = JT_MAX_FRAMES) const;
  [[nodiscard]] unwind::WalkResult walk(const jt_regs& regs) const { return walk(input(regs)); }

  std::vector<jt_range> ranges;
  std::vector<jt_row> rows;
  std::vector<jt_rule> rules;
  std::vector<jt_hotspot> jvms;
  SparseMemory memory;
  std::vector<std::byte> stack;

 protected:
  void add_range(const jt_range& range);
};

// The same with one JVM: a code heap that lies above the thread's stack, as in a real process.
class JvmImage : public WalkImage {
 public:
  static constexpr std::uint64_t kHeap = 0x7f0010000000;
  static constexpr std::uint32_t kSegments = 4096;
  static constexpr std::uint32_t kShift = 7;
  static constexpr std::uint64_t kSegmap = 0x7f0020000000;
  static constexpr std::uint64_t kNames = 0x7f0030000000;
  static constexpr std::uint64_t kNmethod = kNames;
  static constexpr std::uint64_t kNative = kNames + 64;
  static constexpr std::uint64_t kStub = kNames + 128;
  static constexpr std::uint64_t kAdapter = kNames + 192;
  static constexpr std::uint64_t kInterpreter = kHeap + 0x70000;  // segments 3584 to 3840
  static constexpr std::uint64_t kCallStub = kHeap + 0x78010;     // where call_stub's calls return
  // From the blob, as walk.h wants them.
  static constexpr std::uint32_t kHeader = 16;
  static constexpr std::uint32_t kDeopt = 0x180;    // handlers, from the blob
  static constexpr std::uint32_t kDeoptMh = 0x190;  // of MethodHandle call sites
  static constexpr std::uint32_t kOrigPc = 16;      // from sp

  JvmImage();

  struct Blob {
    std::uint32_t segment = 0;
    std::uint32_t segments = 8;
    std::uint64_t name = kNmethod;
    std::int32_t frame_words = 4;
    std::uint32_t compile_id = 0;
    bool used = true;
  };
  // The address of the CodeBlob.
  std::uint64_t add_blob(const Blob& blob);
  void set_tag(std::uint32_t segment, int tag);

  [[nodiscard]] static constexpr jt_frame compiled(std::uint64_t blob, std::uint32_t pc,
                                                   std::uint32_t id) {
    return frame(JT_FRAME_COMPILED, blob + pc, std::uint64_t{id} << 32 | pc);
  }
  [[nodiscard]] static constexpr jt_frame wrapper(std::uint64_t blob, std::uint32_t pc,
                                                  std::uint32_t id) {
    return frame(JT_FRAME_WRAPPER, blob + pc, std::uint64_t{id} << 32 | pc);
  }
  [[nodiscard]] static constexpr jt_frame stub(std::uint64_t blob, std::uint32_t pc) {
    return frame(JT_FRAME_STUB, blob + pc, pc);
  }
  // Fills the slots of an interpreter frame whose rbp is `fp`.
  struct Interpreted {
    std::uint64_t fp = 0;
    std::uint64_t method = 0;
    std::uint64_t bytecode = 0;
    std::uint64_t sender_pc = 0;
    std::uint64_t sender_sp = 0;
    std::uint64_t sender_fp = 0;
  };
  void set_interpreted(const Interpreted& f);

  [[nodiscard]] jt_hotspot& jvm() { return jvms[0]; }
};

}  // namespace jtrace::test
