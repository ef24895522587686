// SPDX-License-Identifier: Apache-2.0
// Interns what symbolizers find, so that no frame is a string before an exporter.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "profile/profile.h"

namespace jtrace::profile {

// Grows only; ids stay valid for its life. Not thread-safe: owned by the thread that symbolizes.
class SymbolTable {
 public:
  SymbolTable();

  // Of this table, and of no other one that was or will be: for who keeps ids.
  [[nodiscard]] std::uint64_t serial() const { return serial_; }

  StringId string(std::string_view text);
  FunctionId function(std::string_view name, std::string_view system_name = {},
                      std::string_view filename = {});
  MappingId mapping(const Mapping& mapping);
  LocationId location(const Location& location);

  [[nodiscard]] const std::vector<std::string>& strings() const { return strings_; }
  [[nodiscard]] const std::vector<Function>& functions() const { return functions_; }
  [[nodiscard]] const std::vector<Mapping>& mappings() const { return mappings_; }
  [[nodiscard]] const std::vector<Location>& locations() const { return locations_; }

 private:
  struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  std::uint64_t serial_;
  std::vector<std::string> strings_;
  std::vector<Function> functions_;
  std::vector<Mapping> mappings_;
  std::vector<Location> locations_;
  std::unordered_map<std::string, StringId, StringHash, std::equal_to<>> string_ids_;
  std::map<Function, FunctionId> function_ids_;
  std::map<Mapping, MappingId> mapping_ids_;
  std::map<Location, LocationId> location_ids_;
};

}  // namespace jtrace::profile
