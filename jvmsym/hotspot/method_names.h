// SPDX-License-Identifier: Apache-2.0
// From a Method* to its names, its source file and its lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "jvmsym/hotspot/guarded_memory.h"
#include "jvmsym/hotspot/layout.h"
#include "jvmsym/hotspot/line_table.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// A Symbol's text; nullopt where it is unreadable or makes no sense.
[[nodiscard]] std::optional<std::string> read_symbol(const process::MemoryReader& memory,
                                                     const MethodLayout& layout,
                                                     std::uint64_t address);
// Of entry `index` of a constant pool that has `length` entries.
[[nodiscard]] std::optional<std::string> read_pool_symbol(const process::MemoryReader& memory,
                                                          const MethodLayout& layout,
                                                          std::uint64_t pool, std::uint64_t length,
                                                          std::uint64_t index);

struct JavaMethod {
  std::string name;       // "java/io/FileInputStream.open0", as the JVM has it
  std::string signature;  // "(Ljava/lang/String;)V"
  std::string source_file;
  bool native = false;
  std::uint64_t bytecodes = 0;  // process address
  std::uint32_t code_size = 0;
  LineTable lines;

  // Bytecode index of a bytecode pointer, -1 where it is not in this method.
  [[nodiscard]] std::int32_t bci(std::uint64_t bcp) const;
};

// Methods have no number that is never used again: after a class was unloaded, another one's may
// lie at the same address and look the same to the last bit but for its names. So what was read is
// kept for one epoch of class unloading only, and only where the method was alive in it, which the
// caller knows: settle().
class MethodNames {
 public:
  MethodNames(const process::MemoryReader& memory, const MethodLayout& layout)
      : memory_(memory), layout_(layout) {}

  // Where the epoch lies; 0: there is none, and nothing is kept.
  void use_epoch_at(ProcessAddr epoch) { epoch_at_ = epoch; }

  // nullptr where it is unreadable or makes no sense. Valid until settle().
  [[nodiscard]] const JavaMethod* find(std::uint64_t method);

  // Of all that find() read since the last time: were those methods alive at `epoch`? What was read
  // in another one is dropped either way.
  void settle(bool alive, std::uint64_t epoch);

 private:
  struct Entry {
    std::optional<std::uint64_t> epoch;  // when it was read
    std::uint64_t const_method = 0;
    Bytes header;  // the ConstMethod's fixed part
    JavaMethod method;
  };

  [[nodiscard]] std::optional<std::uint64_t> epoch() const;
  [[nodiscard]] std::optional<JavaMethod> read(const Bytes& method, std::uint64_t const_method,
                                               const Bytes& header) const;
  [[nodiscard]] std::string source_file(std::uint64_t pool, const Bytes& pool_header,
                                        std::uint64_t holder) const;
  [[nodiscard]] LineTable lines(std::uint64_t const_method, const Bytes& header,
                                std::uint32_t code_size) const;

  const process::MemoryReader& memory_;
  const MethodLayout& layout_;
  ProcessAddr epoch_at_{};
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::vector<std::uint64_t> unsettled_;
};

}  // namespace jtrace::jvmsym::hotspot
