// SPDX-License-Identifier: Apache-2.0
#include "profile/profile_builder.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "profile/mover.h"
#include "profile/saturate.h"

namespace jtrace::profile {

ProfileBuilder::ProfileBuilder(Header header, std::vector<ValueType> sample_types,
                               std::size_t default_type)
    : header_(std::move(header)),
      sample_types_(std::move(sample_types)),
      default_type_(default_type < sample_types_.size() ? default_type : 0) {}

const void* ProfileBuilder::add(Sample sample) {
  Key key{std::move(sample.locations), std::move(sample.labels)};
  auto& [known, values] = *samples_.try_emplace(std::move(key)).first;
  values.resize(sample_types_.size());
  for (std::size_t i = 0; i < values.size() && i < sample.values.size(); ++i) {
    values[i] = saturating_add(values[i], sample.values[i]);
  }
  return &known;
}

void ProfileBuilder::add_event(const void* sample, SingleEvent event) {
  events_.emplace_back(sample, std::move(event));
}

// Gives the samples a table of their own.
void ProfileBuilder::use(const SymbolTable& symbols, Profile& profile) {
  SymbolTable used;
  Mover mover(symbols, used);
  for (Sample& sample : profile.samples) {
    for (LocationId& id : sample.locations) id = mover.location(id);
    for (Label& label : sample.labels) {
      label.key = mover.string(label.key);
      label.str = mover.string(label.str);
      label.unit = mover.string(label.unit);
    }
  }
  profile.strings = used.strings();
  profile.functions = used.functions();
  profile.mappings = used.mappings();
  profile.locations = used.locations();
}

Profile ProfileBuilder::build(const SymbolTable& symbols, Ledger ledger, Tables tables) && {
  Profile profile{.header = std::move(header_),
                  .sample_types = std::move(sample_types_),
                  .default_type = default_type_,
                  .strings = {},
                  .functions = {},
                  .mappings = {},
                  .locations = {},
                  .samples = {},
                  .events = {},
                  .comments = std::move(comments_),
                  .ledger = std::move(ledger)};
  std::unordered_map<const void*, std::size_t> index;
  for (auto& [key, values] : samples_) {
    if (!events_.empty()) index.emplace(&key, profile.samples.size());
    profile.samples.push_back({key.first, std::move(values), key.second});
  }
  if (tables == Tables::Used) {
    use(symbols, profile);
  } else {
    profile.strings = symbols.strings();
    profile.functions = symbols.functions();
    profile.mappings = symbols.mappings();
    profile.locations = symbols.locations();
  }
  for (auto& [sample, event] : events_) {
    event.sample = index.at(sample);
    profile.events.push_back(std::move(event));
  }
  std::ranges::sort(profile.events, {}, [](const SingleEvent& event) {
    return std::tuple(event.time, event.tid, event.sample);
  });
  return profile;
}

}  // namespace jtrace::profile
