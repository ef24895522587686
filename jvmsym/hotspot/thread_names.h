// SPDX-License-Identifier: Apache-2.0
// What Java calls a thread: the kernel's name has 15 bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.h"
#include "jvmsym/hotspot/java_fields.h"
#include "jvmsym/hotspot/layout.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// Not with ZGC, and not of virtual threads: a stack is of a carrier, whose name this is.
// Objects are moved while they are read: a name counts only if all that led to it is the same
// afterwards, and the objects are of the classes they should be.
class ThreadNames {
 public:
  ThreadNames(const process::MemoryReader& memory, const ThreadNamesLayout& layout,
              const MethodLayout& symbols, int major)
      : memory_(memory), layout_(layout), symbols_(symbols), major_(major) {}

  // Of a platform thread, a carrier of virtual ones included; UTF-8. nullopt where it cannot be
  // read.
  [[nodiscard]] std::optional<std::string> find(ProcessAddr java_thread);

 private:
  // How this JVM lays out objects, and where the fields are: does not change once it runs.
  struct Objects {
    bool narrow_oops = false;
    std::uint64_t oop_base = 0, klass_base = 0;
    std::uint32_t oop_shift = 0, klass_shift = 0;
    enum class KlassWord { Full, Narrow, InMark } klass_word = KlassWord::Full;
    std::uint32_t array_length = 0, array_data = 0;  // byte and char arrays
    std::uint64_t string_class = 0;
    JavaField thread_name, string_value;
    std::optional<JavaField> string_coder;
  };

  [[nodiscard]] std::optional<Objects> learn() const;
  [[nodiscard]] std::optional<bool> flag(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint64_t> thread_object(ProcessAddr java_thread) const;
  [[nodiscard]] std::optional<std::uint64_t> reference(std::uint64_t object,
                                                       const JavaField& field) const;
  [[nodiscard]] std::optional<std::uint64_t> klass_of(std::uint64_t object) const;
  [[nodiscard]] std::optional<std::string> text(std::uint64_t string) const;

  const process::MemoryReader& memory_;
  const ThreadNamesLayout& layout_;
  const MethodLayout& symbols_;
  int major_;
  bool learned_ = false;
  std::optional<Objects> objects_;  // empty: there is no reading this JVM's objects
};

}  // namespace jtrace::jvmsym::hotspot
