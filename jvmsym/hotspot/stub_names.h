// SPDX-License-Identifier: Apache-2.0
// Names of generated code that is no method.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "jvmsym/hotspot/layout.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// "StubRoutines::jint_disjoint_arraycopy" where HotSpot's list of stubs can be found (it is in
// libjvm's .symtab only), else the blob's own name: "StubRoutines (1)", "I2C/C2I adapters".
class StubNames {
 public:
  // `list`: address of StubCodeDesc::_list, if known.
  StubNames(const process::MemoryReader& memory, const BlobLayout& layout,
            std::optional<ProcessAddr> list, std::uint64_t code_low, std::uint64_t code_high)
      : memory_(memory), layout_(layout), list_(list), code_low_(code_low), code_high_(code_high) {}

  // nullopt where the blob's name cannot be read. `pc` is inside the instruction meant.
  [[nodiscard]] std::optional<std::string> find(ProcessAddr blob, std::uint64_t pc);

 private:
  struct Stub {
    std::uint64_t begin;
    std::uint64_t end;
    std::string name;
  };
  void load_list();
  [[nodiscard]] const Stub* find_in_list(std::uint64_t pc) const;

  const process::MemoryReader& memory_;
  const BlobLayout& layout_;
  std::optional<ProcessAddr> list_;
  std::uint64_t code_low_, code_high_;
  std::uint64_t head_ = 0;                                     // of the list as it was read
  std::vector<Stub> stubs_;                                    // sorted by begin
  std::unordered_map<std::uint64_t, std::string> blob_names_;  // by address of the string
};

}  // namespace jtrace::jvmsym::hotspot
