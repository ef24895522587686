// SPDX-License-Identifier: Apache-2.0
// A JVM's memory, made by hand after a recorded layout: for tests that need no JVM, and that spoil
// what they read.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bpf/jtrace_abi.h"
#include "jvmsym/hotspot/layout.h"
#include "process/memory.h"

namespace jtrace::test {

// One stretch of memory; nothing else can be read.
class FakeMemory final : public process::MemoryReader {
 public:
  static constexpr std::uint64_t kBase = 0x7f0000000000;

  explicit FakeMemory(std::size_t size) : bytes_(size) {}
  using MemoryReader::read;
  [[nodiscard]] bool read(ProcessAddr from, std::span<std::byte> into) const override;

  template <class T>
  void put(std::uint64_t at, T value) {
    std::memcpy(bytes_.data() + (at - kBase), &value, sizeof(value));
  }
  void put(std::uint64_t at, jvmsym::hotspot::Member member, std::uint64_t value) {
    std::memcpy(bytes_.data() + (at - kBase) + member.offset, &value, member.size);
  }
  void put_bytes(std::uint64_t at, std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, bytes_.data() + (at - kBase));
  }
  [[nodiscard]] std::span<std::byte> bytes() { return bytes_; }
  void vanish() { gone_ = true; }
  [[nodiscard]] std::size_t reads() const { return reads_; }

 private:
  std::vector<std::byte> bytes_;
  bool gone_ = false;
  mutable std::size_t reads_ = 0;
};

[[nodiscard]] std::vector<std::byte> bytes_of(std::initializer_list<int> values);

// The releases whose tables are recorded, as test/data/vm_structs/jdk<major>.txt.
inline constexpr std::array kRecorded{8, 11, 17, 21, 25, 26};
[[nodiscard]] std::string recorded_text(int major);
[[nodiscard]] jvmsym::hotspot::Layout recorded_layout(int major);

// Writes numbers as HotSpot does.
[[nodiscard]] std::vector<std::byte> unsigned5(std::initializer_list<std::uint32_t> values,
                                               bool excludes_zero);

class FakeJvm {
 public:
  explicit FakeJvm(const jvmsym::hotspot::Layout& recorded);

  struct MethodSpec {
    std::string klass = "pkg/Main";
    std::string name = "run";
    std::string signature = "()V";
    std::string source = "Main.java";
    std::uint16_t code_size = 20;
    std::uint16_t access = 0;
    std::vector<std::byte> lines = {};  // compressed, with its end
  };
  std::uint64_t add_method(const MethodSpec& spec);
  // As if its class had been unloaded, and another one of the same shape loaded in its place.
  void rename_class(std::uint64_t method, std::string_view klass);
  [[nodiscard]] std::uint64_t bytecodes(std::uint64_t method) const;

  struct PcDesc {
    std::int32_t pc;  // from code_begin
    std::int32_t scope;
  };
  struct NmethodSpec {
    std::uint64_t method = 0;
    std::uint32_t compile_id = 1;
    int level = 4;
    std::string name = "nmethod";
    std::vector<std::uint64_t> metadata = {};
    std::vector<std::byte> scopes = {};
    std::vector<PcDesc> pcs = {};
  };
  struct Nmethod {
    std::uint64_t blob;
    std::uint64_t code;
  };
  Nmethod add_nmethod(const NmethodSpec& spec);

  static jt_frame frame(jt_frame_kind kind, std::uint64_t address, std::uint64_t info) {
    return {.where = std::uint64_t{kind} << JT_ADDR_BITS | address, .info = info};
  }
  static jt_frame compiled(const Nmethod& nmethod, std::uint32_t pc, std::uint32_t id) {
    const std::uint64_t at = nmethod.code + pc;
    return frame(JT_FRAME_COMPILED, at, std::uint64_t{id} << 32 | (at - nmethod.blob));
  }

  FakeMemory memory{256 * 1024};
  jvmsym::hotspot::Layout layout;

 private:
  std::uint64_t allocate(std::size_t size);
  std::uint64_t add_symbol(std::string_view text);
  std::uint64_t add_table(std::span<const std::byte> bytes);
  void put_place(std::uint64_t blob, const jvmsym::hotspot::Place& place, std::uint64_t value,
                 std::uint64_t base);

  std::uint64_t next_ = FakeMemory::kBase + 64;
};

}  // namespace jtrace::test
