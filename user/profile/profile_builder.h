// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "profile/profile.h"
#include "profile/symbol_table.h"

namespace jtrace::profile {

// Collects samples; those with equal locations and labels become one, values added.
class ProfileBuilder {
 public:
  ProfileBuilder(Header header, std::vector<ValueType> sample_types, std::size_t default_type = 0);

  // `sample.values` has one value per sample type.
  // Names the sample for add_event().
  const void* add(Sample sample);
  // `event.sample` is not looked at: it is the one that add() named.
  void add_event(const void* sample, SingleEvent event);
  void comment(std::string text) { comments_.push_back(std::move(text)); }

  // Consumes the builder. `symbols` stays usable (the next window shares it). The profile has the
  // whole table, or what of it is used: of a table that many windows share that is little.
  enum class Tables { Whole, Used };
  [[nodiscard]] Profile build(const SymbolTable& symbols, Ledger ledger,
                              Tables tables = Tables::Whole) &&;

 private:
  void use(const SymbolTable& symbols, Profile& profile);

  using Key = std::pair<std::vector<LocationId>, std::vector<Label>>;
  Header header_;
  std::vector<ValueType> sample_types_;
  std::size_t default_type_;
  std::vector<std::string> comments_;
  std::map<Key, std::vector<std::int64_t>> samples_;  // nodes stay where they are
  std::vector<std::pair<const void*, SingleEvent>> events_;
};

}  // namespace jtrace::profile
