// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/continuations.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <vector>

namespace jtrace::jvmsym::hotspot {
namespace {

// From its first instruction to its return address: 139 bytes in JDK 21, 151 in 25.
constexpr std::size_t kCodeBytes = 256;
constexpr std::size_t kMaxEntry = 256;
constexpr std::uint32_t kMaxChunkHeader = 128 - 8;  // what a walk reads of a chunk at once
constexpr std::uint32_t kMaxField = 256;

template <class... T>
constexpr std::array<std::byte, sizeof...(T)> code_of(T... bytes) {
  return {static_cast<std::byte>(bytes)...};
}
constexpr auto kSubRsp = code_of(0x48, 0x83, 0xec);           // sub rsp, imm8
constexpr auto kStoreCont = code_of(0x48, 0x89, 0x74, 0x24);  // mov [rsp + imm8], rsi
// mov [rsp + imm8], ecx: the flags (virtual thread or not), which _argsize follows.
constexpr auto kStoreFlags = code_of(0x89, 0x4c, 0x24);

// The byte behind the last occurrence.
std::optional<std::uint16_t> operand(std::span<const std::byte> code,
                                     std::span<const std::byte> instruction) {
  const auto found = std::ranges::find_end(code, instruction);
  if (found.empty() || found.end() == code.end()) return std::nullopt;
  return std::to_integer<std::uint16_t>(*found.end());
}

class Statics {
 public:
  Statics(const process::MemoryReader& memory, const VmSymbols& symbols)
      : memory_(memory), symbols_(symbols) {}

  template <class T>
  [[nodiscard]] std::optional<T> value(std::string_view symbol) const {
    const auto at = symbols_.find(symbol);
    return at ? memory_.read<T>(*at) : std::nullopt;
  }
  // An offset in an object; 0 where there is none.
  [[nodiscard]] std::uint16_t offset(std::string_view symbol, std::uint32_t limit) const {
    const std::uint32_t offset = value<std::uint32_t>(symbol).value_or(0);
    return offset <= limit ? static_cast<std::uint16_t>(offset) : std::uint16_t{0};
  }

 private:
  const process::MemoryReader& memory_;
  const VmSymbols& symbols_;
};

// How a reference in the heap is written: false where that cannot be told.
bool read_oop_coding(const Statics& statics, jt_hotspot& config) {
  const auto narrow = statics.value<std::uint8_t>(kChunkSymbols[0]);
  if (!narrow) return false;
  config.oop_is_narrow = *narrow != 0 ? 1 : 0;
  if (*narrow == 0) return true;
  // A structure {base, shift, ...} until JDK 24, then two statics.
  struct NarrowOop {
    std::uint64_t base;
    std::uint32_t shift;
    std::uint32_t pad;
  };
  if (const auto coding = statics.value<NarrowOop>(kChunkSymbols[1])) {
    config.oop_base = coding->base;
    config.oop_shift = static_cast<std::uint8_t>(coding->shift & 31);
    return true;
  }
  const auto base = statics.value<std::uint64_t>(kChunkSymbols[2]);
  const auto shift = statics.value<std::uint32_t>(kChunkSymbols[3]);
  config.oop_base = base.value_or(0);
  config.oop_shift = static_cast<std::uint8_t>(shift.value_or(0) & 31);
  return base && shift;
}

void read_chunk_layout(const Statics& statics, jt_hotspot& config) {
  const std::uint16_t stack = statics.offset(kChunkSymbols[4], kMaxField);
  config.off_tail = statics.offset(kChunkSymbols[5], kMaxField);
  config.off_chunk_parent = statics.offset(kChunkSymbols[6], kMaxChunkHeader);
  config.off_chunk_cont = statics.offset(kChunkSymbols[7], kMaxChunkHeader);
  config.off_chunk_sp = statics.offset(kChunkSymbols[8], kMaxChunkHeader);
  config.off_chunk_bottom = statics.offset(kChunkSymbols[9], kMaxChunkHeader);
  config.off_chunk_pc = statics.offset(kChunkSymbols[10], kMaxChunkHeader);
  const bool whole = config.off_tail != 0 && config.off_chunk_parent != 0 &&
                     config.off_chunk_cont != 0 && config.off_chunk_sp != 0 &&
                     config.off_chunk_bottom != 0 && config.off_chunk_pc != 0;
  if (whole && read_oop_coding(statics, config)) config.off_chunk_stack = stack;
}

}  // namespace

bool decode_enter_special(std::span<const std::byte> code, jt_hotspot& config) {
  const auto store = std::ranges::find_end(code, kStoreFlags);
  const auto flags = operand(code, kStoreFlags);
  const auto cont = operand(code, kStoreCont);
  const auto bytes = operand({code.begin(), store.begin()}, kSubRsp);
  if (!flags || !cont || !bytes) return false;
  const std::size_t argsize = *flags + sizeof(std::int32_t);
  if (*bytes % 16 != 0 || *bytes > kMaxEntry || argsize + sizeof(std::int32_t) > *bytes) {
    return false;
  }
  config.cont_entry_bytes = *bytes;
  config.off_cont_argsize = static_cast<std::uint16_t>(argsize);
  config.off_cont_cont = *cont;
  return true;
}

bool read_continuations(const process::MemoryReader& memory, const VmSymbols& symbols,
                        jt_hotspot& config) {
  const Statics statics(memory, symbols);
  const std::uint64_t barrier = statics.value<std::uint64_t>(kReturnBarrierSymbol).value_or(0);
  const std::uint64_t return_pc = statics.value<std::uint64_t>(kEnterReturnSymbol).value_or(0);
  if (barrier == 0 || return_pc < kCodeBytes) return false;
  std::vector<std::byte> code(kCodeBytes);
  if (!memory.read(ProcessAddr{return_pc - kCodeBytes}, code)) return false;
  if (!decode_enter_special(code, config)) return false;
  config.cont_barrier = barrier;
  config.cont_return = return_pc;
  read_chunk_layout(statics, config);
  return true;
}

}  // namespace jtrace::jvmsym::hotspot
