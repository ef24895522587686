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
  void add(Sample sample);
  void comment(std::string text) { comments_.push_back(std::move(text)); }

  // Consumes the builder. `symbols` stays usable (the next window shares it).
  [[nodiscard]] Profile build(const SymbolTable& symbols, Ledger ledger) &&;

 private:
  using Key = std::pair<std::vector<LocationId>, std::vector<Label>>;
  Header header_;
  std::vector<ValueType> sample_types_;
  std::size_t default_type_;
  std::vector<std::string> comments_;
  std::map<Key, std::vector<std::int64_t>> samples_;
};

}  // namespace jtrace::profile
