// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "profile/profile.h"
#include "profile/symbol_table.h"

namespace jtrace::exporting {

// Samples of profiles that have tables of their own, in terms of one table.
class Importer {
 public:
  Importer(const profile::Profile& from, profile::SymbolTable& to) : from_(from), to_(to) {}

  [[nodiscard]] profile::Sample sample(const profile::Sample& in) {
    profile::Sample out;
    for (const auto id : in.locations) out.locations.push_back(location(id));
    for (const auto& label : in.labels) {
      out.labels.push_back({string(label.key), string(label.str), label.num, string(label.unit)});
    }
    return out;
  }

 private:
  profile::StringId string(profile::StringId id) { return to_.string(from_.string(id)); }

  profile::LocationId location(profile::LocationId id) {
    const auto [it, fresh] = locations_.try_emplace(id);
    if (!fresh) return it->second;
    profile::Location location = from_.locations[id.value];
    profile::Mapping mapping = from_.mappings[location.mapping.value];
    mapping.filename = string(mapping.filename);
    mapping.build_id = string(mapping.build_id);
    // Where code was loaded differs between runs and would tell equal frames apart.
    mapping.start = mapping.limit = 0;
    location.mapping = to_.mapping(mapping);
    if (!location.lines.empty()) location.address = 0;
    for (profile::Line& line : location.lines) {
      const profile::Function& f = from_.functions[line.function.value];
      line.function =
          to_.function(from_.string(f.name), from_.string(f.system_name), from_.string(f.filename));
    }
    return it->second = to_.location(location);
  }

  const profile::Profile& from_;
  profile::SymbolTable& to_;
  std::map<profile::LocationId, profile::LocationId> locations_;
};

}  // namespace jtrace::exporting
