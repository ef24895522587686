// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <unordered_map>

#include "profile/symbol_table.h"

namespace jtrace::profile {

// What of one table is in use, in another one: each thing once, with all that it takes. `from` must
// not lose anything meanwhile; it may grow.
class Mover {
 public:
  Mover(const SymbolTable& from, SymbolTable& to) : from_(from), to_(to) {}

  StringId string(StringId id) { return to_.string(from_.strings()[id.value]); }
  LocationId location(LocationId id);

 private:
  FunctionId function(FunctionId id);
  MappingId mapping(MappingId id);

  const SymbolTable& from_;
  SymbolTable& to_;
  std::unordered_map<std::uint32_t, LocationId> locations_;
  std::unordered_map<std::uint32_t, FunctionId> functions_;
  std::unordered_map<std::uint32_t, MappingId> mappings_;
};

}  // namespace jtrace::profile
