// SPDX-License-Identifier: Apache-2.0
#include "profile/symbol_table.h"

#include <atomic>

namespace jtrace::profile {
namespace {

template <class Id, class T, class Map>
Id intern(const T& value, std::vector<T>& values, Map& ids) {
  const auto [it, fresh] = ids.try_emplace(value, Id{static_cast<std::uint32_t>(values.size())});
  if (fresh) values.push_back(value);
  return it->second;
}

}  // namespace

SymbolTable::SymbolTable() {
  static std::atomic<std::uint64_t> last = 0;
  serial_ = ++last;
  string({});
  function({});
  mapping({});
  location({});
}

StringId SymbolTable::string(std::string_view text) {
  if (const auto it = string_ids_.find(text); it != string_ids_.end()) return it->second;
  const StringId id{static_cast<std::uint32_t>(strings_.size())};
  strings_.emplace_back(text);
  // Not `text`: it may be a part of one of strings_, which the line above can have moved.
  string_ids_.emplace(strings_.back(), id);
  return id;
}

FunctionId SymbolTable::function(std::string_view name, std::string_view system_name,
                                 std::string_view filename) {
  const Function value{string(name), string(system_name), string(filename)};
  return intern<FunctionId>(value, functions_, function_ids_);
}

MappingId SymbolTable::mapping(const Mapping& mapping) {
  return intern<MappingId>(mapping, mappings_, mapping_ids_);
}

LocationId SymbolTable::location(const Location& location) {
  return intern<LocationId>(location, locations_, location_ids_);
}

}  // namespace jtrace::profile
