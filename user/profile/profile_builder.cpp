// SPDX-License-Identifier: Apache-2.0
#include "profile/profile_builder.h"

#include "profile/saturate.h"

namespace jtrace::profile {

ProfileBuilder::ProfileBuilder(Header header, std::vector<ValueType> sample_types,
                               std::size_t default_type)
    : header_(std::move(header)),
      sample_types_(std::move(sample_types)),
      default_type_(default_type < sample_types_.size() ? default_type : 0) {}

void ProfileBuilder::add(Sample sample) {
  auto& values = samples_[Key{std::move(sample.locations), std::move(sample.labels)}];
  values.resize(sample_types_.size());
  for (std::size_t i = 0; i < values.size() && i < sample.values.size(); ++i) {
    values[i] = saturating_add(values[i], sample.values[i]);
  }
}

Profile ProfileBuilder::build(const SymbolTable& symbols, Ledger ledger) && {
  Profile profile{.header = std::move(header_),
                  .sample_types = std::move(sample_types_),
                  .default_type = default_type_,
                  .strings = symbols.strings(),
                  .functions = symbols.functions(),
                  .mappings = symbols.mappings(),
                  .locations = symbols.locations(),
                  .samples = {},
                  .comments = std::move(comments_),
                  .ledger = std::move(ledger)};
  for (auto& [key, values] : samples_) {
    profile.samples.push_back({key.first, std::move(values), key.second});
  }
  return profile;
}

}  // namespace jtrace::profile
