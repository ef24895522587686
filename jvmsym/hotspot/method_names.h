// SPDX-License-Identifier: Apache-2.0
// From a Method* to its names, its source file and its lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "jvmsym/hotspot/guarded_memory.h"
#include "jvmsym/hotspot/layout.h"
#include "jvmsym/hotspot/line_table.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

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
// lie at the same address, and redefinition gives a Method* another ConstMethod. So an entry holds
// as long as the Method* points to the same ConstMethod and that has not changed, which every
// find() looks at.
class MethodNames {
 public:
  MethodNames(const process::MemoryReader& memory, const MethodLayout& layout)
      : memory_(memory), layout_(layout) {}

  // nullptr where it is unreadable or makes no sense. Valid until the next call.
  [[nodiscard]] const JavaMethod* find(std::uint64_t method);

 private:
  struct Entry {
    std::uint64_t const_method = 0;
    Bytes header;  // the ConstMethod's fixed part
    JavaMethod method;
  };

  [[nodiscard]] std::optional<JavaMethod> read(const Bytes& method, std::uint64_t const_method,
                                               const Bytes& header) const;
  [[nodiscard]] std::optional<std::string> pool_symbol(std::uint64_t pool, std::uint64_t length,
                                                       std::uint64_t index) const;
  [[nodiscard]] std::optional<std::string> symbol(std::uint64_t address) const;
  [[nodiscard]] std::string source_file(std::uint64_t pool, const Bytes& pool_header,
                                        std::uint64_t holder) const;
  [[nodiscard]] LineTable lines(std::uint64_t const_method, const Bytes& header,
                                std::uint32_t code_size) const;

  const process::MemoryReader& memory_;
  const MethodLayout& layout_;
  std::unordered_map<std::uint64_t, Entry> entries_;
};

}  // namespace jtrace::jvmsym::hotspot
