// SPDX-License-Identifier: Apache-2.0
#include "profile/mover.h"

namespace jtrace::profile {

FunctionId Mover::function(FunctionId id) {
  const auto [it, fresh] = functions_.try_emplace(id.value);
  if (fresh) {
    const Function& f = from_.functions()[id.value];
    it->second = to_.function(from_.strings()[f.name.value], from_.strings()[f.system_name.value],
                              from_.strings()[f.filename.value]);
  }
  return it->second;
}

MappingId Mover::mapping(MappingId id) {
  const auto [it, fresh] = mappings_.try_emplace(id.value);
  if (fresh) {
    Mapping m = from_.mappings()[id.value];
    m.filename = string(m.filename);
    m.build_id = string(m.build_id);
    it->second = to_.mapping(m);
  }
  return it->second;
}

LocationId Mover::location(LocationId id) {
  const auto [it, fresh] = locations_.try_emplace(id.value);
  if (fresh) {
    Location l = from_.locations()[id.value];
    l.mapping = mapping(l.mapping);
    for (Line& line : l.lines) line.function = function(line.function);
    it->second = to_.location(l);
  }
  return it->second;
}

}  // namespace jtrace::profile
