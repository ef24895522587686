// SPDX-License-Identifier: Apache-2.0
#include "export/canonical.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "export/beside.h"
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
  [[nodiscard]] std::vector<std::uint32_t> take_places() { return std::move(place_); }

 private:
  static constexpr std::uint32_t kUnused = UINT32_MAX;
  std::vector<std::uint32_t> place_;
  std::vector<std::pair<Row, std::uint32_t>> used_;
};

class Tables {
 public:
  // `wanted` has the locations that samples name.
  Tables(const profile::Profile& in, std::vector<char> wanted)
      : in_(in),
        strings_(std::max<std::size_t>(in.strings.size(), 1)),
        functions_(std::max<std::size_t>(in.functions.size(), 1)),
        mappings_(std::max<std::size_t>(in.mappings.size(), 1)),
        locations_(std::max<std::size_t>(in.locations.size(), 1)),
        wanted_(std::move(wanted)) {}

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
    return out;
  }

  std::vector<std::uint32_t> take_strings() { return strings_.take_places(); }
  std::vector<std::uint32_t> take_locations() { return locations_.take_places(); }

 private:
  std::vector<std::string> sort_strings() {
    strings_.use(0, {});
    for (const profile::Sample& sample : in_.samples) {
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
  std::vector<char> wanted_;
};

}  // namespace

// The stacks of samples, leaf first, in terms of the sorted locations.
struct Canonical::Stacks {
  const Canonical& of;

  [[nodiscard]] std::size_t size(std::uint32_t i) const {
    return of.begins_[i + 1] - of.begins_[i];
  }
  [[nodiscard]] std::uint32_t at(std::uint32_t i, std::size_t k) const {
    return of.places_[of.locations_[of.begins_[i] + k]];
  }
  void ask_for(std::uint32_t i, std::size_t k) const {
    __builtin_prefetch(of.locations_.get() + of.begins_[i] + k);
  }
};

Canonical::Canonical(const profile::Profile& profile)
    : in_(profile), width_(std::max<std::size_t>(profile.sample_types.size(), 1)) {
  Tables tables(profile, flatten());
  tables_ = tables();
  strings_ = tables.take_strings();
  places_ = tables.take_locations();
  sort_samples();
}

// Most of what it takes is memory that is touched for the first time, and two can do that at once.
// Returns which locations the samples name.
std::vector<char> Canonical::flatten() {
  const std::vector<profile::Sample>& samples = in_.samples;
  begins_.reserve(samples.size() + 1);
  begins_.push_back(0);
  for (const profile::Sample& sample : samples) {
    begins_.push_back(begins_.back() + sample.locations.size());
    labelled_ |= !sample.labels.empty();
  }
  locations_ = std::make_unique_for_overwrite<std::uint32_t[]>(begins_.back());
  values_.resize(samples.size() * width_);
  const std::size_t half = is_large(in_) ? samples.size() / 2 : 0;
  auto first = beside(is_large(in_), [this, half] { return flatten(0, half); });
  std::vector<char> wanted = flatten(half, samples.size());
  std::ranges::transform(wanted, first.get(), wanted.begin(), std::bit_or<>());
  return wanted;
}

// Samples lie all over the heap. They are visited once; memory is asked for those that come soon.
std::vector<char> Canonical::flatten(std::size_t from, std::size_t to) {
  std::vector<char> wanted(in_.locations.size());
  constexpr std::size_t kSoon = 8;
  constexpr std::size_t kLine = 64 / sizeof(profile::LocationId);
  const std::vector<profile::Sample>& samples = in_.samples;
  for (std::size_t i = from; i < to; ++i) {
    if (i + kSoon < to) {
      const profile::Sample& soon = samples[i + kSoon];
      __builtin_prefetch(soon.values.data());
      for (std::size_t k = 0; k < soon.locations.size(); k += kLine) {
        __builtin_prefetch(&soon.locations[k]);
      }
    }
    std::uint32_t* out = locations_.get() + begins_[i];
    for (const profile::LocationId id : samples[i].locations) {
      *out++ = id.value;
      wanted[id.value] = 1;
    }
    const std::vector<std::int64_t>& values = samples[i].values;
    std::copy_n(values.begin(), std::min(values.size(), width_),
                values_.begin() + static_cast<std::ptrdiff_t>(i * width_));
  }
  return wanted;
}

std::vector<profile::Label> Canonical::labels_of(std::uint32_t index) const {
  if (!labelled_) return {};
  std::vector<profile::Label> labels = in_.samples[index].labels;
  for (profile::Label& label : labels) {
    label.key = {strings_[label.key.value]};
    label.str = {strings_[label.str.value]};
    label.unit = {strings_[label.unit.value]};
  }
  std::ranges::sort(labels);
  return labels;
}

void Canonical::sort_samples() {
  order_ = sequence_order(Stacks{*this}, in_.samples.size(), tables_.locations.size());
  const std::size_t count = order_.indices.size();
  for (std::size_t from = 0; from < count;) {
    std::size_t to = from + 1;
    while (to < count && order_.again[to]) ++to;
    if (to - from > 1) sort_labels(from, to);
    from = to;
  }
}

// Of samples with equal stacks.
void Canonical::sort_labels(std::size_t from, std::size_t to) {
  std::vector<std::pair<std::vector<profile::Label>, std::uint32_t>> labelled;
  for (std::size_t at = from; at < to; ++at) {
    labelled.emplace_back(labels_of(order_.indices[at]), order_.indices[at]);
  }
  std::ranges::sort(labelled);
  for (std::size_t i = 0; i < labelled.size(); ++i) {
    order_.indices[from + i] = labelled[i].second;
    order_.again[from + i] = i > 0 && labelled[i].first == labelled[i - 1].first;
  }
}

std::size_t Canonical::next_sample(std::size_t at, profile::Sample& sample) const {
  constexpr std::size_t kSoon = 8;
  constexpr std::size_t kLine = 64 / sizeof(std::uint32_t);
  const std::vector<std::uint32_t>& order = order_.indices;
  if (at + kSoon < order.size()) {
    const std::uint32_t soon = order[at + kSoon];
    for (std::size_t k = begins_[soon]; k < begins_[soon + 1]; k += kLine) {
      __builtin_prefetch(&locations_[k]);
    }
    __builtin_prefetch(&values_[soon * width_]);
  }
  const std::uint32_t first = order[at];
  const std::uint32_t* const locations = locations_.get() + begins_[first];
  sample.locations.resize(begins_[first + 1] - begins_[first]);
  for (std::size_t k = 0; k < sample.locations.size(); ++k) {
    sample.locations[k] = {places_[locations[k]]};
  }
  const std::span values(values_);
  const auto of = values.subspan(first * width_, width_);
  sample.values.assign(of.begin(), of.end());
  sample.labels = labels_of(first);
  for (++at; at < order.size() && order_.again[at]; ++at) {
    const auto more = values.subspan(order[at] * width_, width_);
    for (std::size_t v = 0; v < width_; ++v) {
      sample.values[v] = profile::saturating_add(sample.values[v], more[v]);
    }
  }
  return at;
}

profile::Profile canonical(const profile::Profile& profile) {
  Canonical sorted(profile);
  std::vector<profile::Sample> samples;
  samples.reserve(profile.samples.size());
  sorted.each_sample([&](const profile::Sample& sample) { samples.push_back(sample); });
  profile::Profile out = std::move(sorted).take_tables();
  out.samples = std::move(samples);
  return out;
}

}  // namespace jtrace::exporting
