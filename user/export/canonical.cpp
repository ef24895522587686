// SPDX-License-Identifier: Apache-2.0
#include "export/canonical.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "profile/saturate.h"

namespace jtrace::exporting {
namespace {

// Rows of a table that are used, and where they stand once sorted.
template <class Row>
class Sorted {
 public:
  explicit Sorted(std::size_t rows) : place_(rows, kUnused) {}

  // `row` is the row already in terms of the tables that were sorted before.
  void use(std::uint32_t id, Row row) {
    if (place_[id] != kUnused) return;
    place_[id] = static_cast<std::uint32_t>(used_.size());
    used_.emplace_back(std::move(row), id);
  }
  [[nodiscard]] bool has(std::uint32_t id) const { return place_[id] != kUnused; }

  std::vector<Row> sort() {
    std::ranges::sort(used_);
    std::vector<Row> rows;
    for (auto& [row, id] : used_) {
      if (rows.empty() || rows.back() != row) rows.push_back(std::move(row));
      place_[id] = static_cast<std::uint32_t>(rows.size() - 1);
    }
    return rows;
  }
  [[nodiscard]] std::uint32_t operator[](std::uint32_t id) const { return place_[id]; }

 private:
  static constexpr std::uint32_t kUnused = UINT32_MAX;
  std::vector<std::uint32_t> place_;
  std::vector<std::pair<Row, std::uint32_t>> used_;
};

class Canonical {
 public:
  explicit Canonical(const profile::Profile& in)
      : in_(in),
        strings_(std::max<std::size_t>(in.strings.size(), 1)),
        functions_(std::max<std::size_t>(in.functions.size(), 1)),
        mappings_(std::max<std::size_t>(in.mappings.size(), 1)),
        locations_(std::max<std::size_t>(in.locations.size(), 1)),
        wanted_(in.locations.size()) {}

  profile::Profile operator()() {
    profile::Profile out;
    out.header = in_.header;
    out.sample_types = in_.sample_types;
    out.default_type = in_.default_type;
    out.comments = in_.comments;
    out.ledger = in_.ledger;
    out.strings = sort_strings();
    out.functions = sort_functions();
    out.mappings = sort_mappings();
    out.locations = sort_locations();
    out.samples = sort_samples();
    return out;
  }

 private:
  std::vector<std::string> sort_strings() {
    strings_.use(0, {});
    for (const profile::Sample& sample : in_.samples) {
      for (const profile::LocationId id : sample.locations) wanted_[id.value] = true;
      for (const profile::Label& label : sample.labels) {
        use(label.key);
        use(label.str);
        use(label.unit);
      }
    }
    each_location([&](const profile::Location& location) {
      use(in_.mappings[location.mapping.value].filename);
      use(in_.mappings[location.mapping.value].build_id);
      for (const profile::Line& line : location.lines) {
        const profile::Function& function = in_.functions[line.function.value];
        use(function.name);
        use(function.system_name);
        use(function.filename);
      }
    });
    return strings_.sort();
  }

  std::vector<profile::Function> sort_functions() {
    functions_.use(0, {});
    each_location([&](const profile::Location& location) {
      for (const profile::Line& line : location.lines) {
        const profile::Function& f = in_.functions[line.function.value];
        functions_.use(line.function.value, {at(f.name), at(f.system_name), at(f.filename)});
      }
    });
    return functions_.sort();
  }

  std::vector<profile::Mapping> sort_mappings() {
    mappings_.use(0, {});
    each_location([&](const profile::Location& location) {
      profile::Mapping mapping = in_.mappings[location.mapping.value];
      mapping.filename = at(mapping.filename);
      mapping.build_id = at(mapping.build_id);
      mappings_.use(location.mapping.value, mapping);
    });
    return mappings_.sort();
  }

  std::vector<profile::Location> sort_locations() {
    locations_.use(0, {});
    for (std::uint32_t id = 0; id < wanted_.size(); ++id) {
      if (!wanted_[id]) continue;
      profile::Location location = in_.locations[id];
      location.mapping = {mappings_[location.mapping.value]};
      for (profile::Line& line : location.lines) line.function = {functions_[line.function.value]};
      locations_.use(id, std::move(location));
    }
    return locations_.sort();
  }

  std::vector<profile::Sample> sort_samples() {
    std::vector<profile::Sample> out;
    for (profile::Sample sample : in_.samples) {
      for (profile::LocationId& id : sample.locations) id = {locations_[id.value]};
      for (profile::Label& label : sample.labels) {
        label.key = at(label.key);
        label.str = at(label.str);
        label.unit = at(label.unit);
      }
      std::ranges::sort(sample.labels);
      sample.values.resize(std::max<std::size_t>(in_.sample_types.size(), 1));
      out.push_back(std::move(sample));
    }
    const auto key = [](const profile::Sample& s) { return std::tie(s.locations, s.labels); };
    std::ranges::sort(out, {}, key);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (kept != 0 && key(out[kept - 1]) == key(out[i])) {
        auto& values = out[kept - 1].values;
        for (std::size_t v = 0; v < values.size(); ++v) {
          values[v] = profile::saturating_add(values[v], out[i].values[v]);
        }
      } else if (kept++ != i) {
        out[kept - 1] = std::move(out[i]);
      }
    }
    out.resize(kept);
    return out;
  }

  template <class Each>
  void each_location(Each each) {
    for (std::size_t id = 0; id < wanted_.size(); ++id) {
      if (wanted_[id]) each(in_.locations[id]);
    }
  }
  void use(profile::StringId id) {
    if (!strings_.has(id.value)) strings_.use(id.value, in_.strings[id.value]);
  }
  profile::StringId at(profile::StringId id) const { return {strings_[id.value]}; }

  const profile::Profile& in_;
  Sorted<std::string> strings_;
  Sorted<profile::Function> functions_;
  Sorted<profile::Mapping> mappings_;
  Sorted<profile::Location> locations_;
  std::vector<bool> wanted_;  // locations that samples name
};

}  // namespace

profile::Profile canonical(const profile::Profile& profile) { return Canonical(profile)(); }

}  // namespace jtrace::exporting
