// SPDX-License-Identifier: Apache-2.0
#include "export/page_rows.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "export/exporter.h"
#include "export/histogram.h"
#include "profile/saturate.h"
#include "profile/split.h"

namespace jtrace::exporting {
namespace {

class Maker {
 public:
  Maker(const profile::Profile& profile, const Stacks& stacks, const CallTree& tree)
      : profile_(profile), stacks_(stacks), tree_(tree) {}

  PageRows operator()() {
    collect();
    name_facets();
    name_sizes();
    const std::size_t weights = profile_.sample_types.size();
    out_.needed = weights > 1 || (weights == 1 && !(out_.facets.empty() && out_.sizes.empty()));
    if (!out_.needed) return std::move(out_);
    out_.rows.reserve(samples_);
    make_rows();
    merge_equal();
    return std::move(out_);
  }

 private:
  // Of a label that is no size: the id of its text, or a number without a unit.
  using Value = std::pair<std::uint32_t, std::int64_t>;
  static Value value_of(const profile::Label& label) { return {label.str.value, label.num}; }
  static bool is_size(const profile::Label& label) {
    return label.is_number() && label.unit.value != 0;
  }
  [[nodiscard]] std::string shown(const Value& value) const {
    return value.first == 0 && value.second != 0 ? std::to_string(value.second)
                                                 : safe_text(profile_.strings[value.first]);
  }
  struct Seen {
    std::set<Value> values;
    std::size_t samples = 0;
  };

  template <class Each>
  void each_sample(Each each) {
    for (std::size_t i = 0; i < stacks_.of_sample.size(); ++i) {
      if (stacks_.of_sample[i] != kNoStack) each(profile_.samples[i], stacks_.of_sample[i]);
    }
  }

  void collect() {
    each_sample([&](const profile::Sample& sample, std::size_t) {
      ++samples_;
      has_processes_ = has_processes_ || profile::process_of(profile_, sample).has_value();
      for (const profile::Label& label : sample.labels) {
        if (is_size(label)) {
          numbers_.emplace(label.key.value, label.unit.value);
        } else {
          Seen& seen = texts_[label.key.value];
          seen.values.insert(value_of(label));
          ++seen.samples;
        }
      }
    });
  }

  // The event comes first and the thread last, fields between them by name.
  void name_facets() {
    std::vector<std::tuple<int, std::string_view, std::uint32_t>> order;
    for (const auto& [key, seen] : texts_) {
      if (seen.values.size() < 2 && seen.samples == samples_) continue;
      if (has_processes_ && profile_.strings[key] == profile::kStartLabel) continue;
      const std::string_view name = profile_.strings[key];
      const int rank = name == profile::kEventLabel ? 0 : name == profile::kThreadLabel ? 2 : 1;
      order.emplace_back(rank, name, key);
    }
    std::ranges::sort(order);
    order.resize(std::min(order.size(), kMaxFacets));
    for (const auto& [rank, name, key] : order) {
      std::set<std::string> shown;
      for (const Value& value : texts_[key].values) shown.insert(this->shown(value));
      Facet facet{safe_text(name), {shown.begin(), shown.end()}};
      for (const Value& value : texts_[key].values) {
        const auto at = std::ranges::lower_bound(facet.values, this->shown(value));
        index_[{key, value}] = static_cast<std::int32_t>(at - facet.values.begin());
      }
      columns_[{key, 0}] = out_.facets.size();
      out_.facets.push_back(std::move(facet));
    }
  }

  void name_sizes() {
    // Times come first.
    std::vector<std::tuple<bool, std::string_view, std::string_view, std::uint32_t, std::uint32_t>>
        order;
    for (const auto& [key, unit] : numbers_) {
      const std::string_view name = profile_.strings[unit];
      order.emplace_back(name != "nanoseconds", profile_.strings[key], name, key, unit);
    }
    std::ranges::sort(order);
    for (const auto& [other, name, unit_name, key, unit] : order) {
      if (out_.sizes.size() == kMaxSizes) return;
      columns_[{key, unit}] = out_.facets.size() + out_.sizes.size();
      out_.sizes.push_back({safe_text(name), safe_text(unit_name)});
    }
  }

  void make_rows() {
    each_sample([&](const profile::Sample& sample, std::size_t stack) {
      PageRow row{.node = tree_.ends[stack],
                  .at = std::vector<std::int32_t>(out_.facets.size() + out_.sizes.size(), -1),
                  .values = sample.values};
      for (std::int64_t& value : row.values) value = std::max<std::int64_t>(value, 0);
      for (const profile::Label& label : sample.labels) {
        const bool size = is_size(label);
        const auto column = columns_.find({label.key.value, size ? label.unit.value : 0});
        if (column == columns_.end()) continue;
        row.at[column->second] = size ? static_cast<std::int32_t>(bucket_of(label.num))
                                      : index_[{label.key.value, value_of(label)}];
      }
      out_.rows.push_back(std::move(row));
    });
  }

  // Locations that look alike are one node, and numbers within a bucket one.
  void merge_equal() {
    const auto key = [](const PageRow& row) { return std::tie(row.node, row.at); };
    std::ranges::sort(out_.rows, {}, key);
    std::size_t kept = 0;
    for (PageRow& row : out_.rows) {
      if (kept != 0 && key(out_.rows[kept - 1]) == key(row)) {
        auto& values = out_.rows[kept - 1].values;
        for (std::size_t v = 0; v < values.size(); ++v) {
          values[v] = profile::saturating_add(values[v], row.values[v]);
        }
      } else if (PageRow& place = out_.rows[kept++]; &place != &row) {
        place = std::move(row);
      }
    }
    out_.rows.resize(kept);
  }

  const profile::Profile& profile_;
  const Stacks& stacks_;
  const CallTree& tree_;
  PageRows out_;
  std::size_t samples_ = 0;
  bool has_processes_ = false;
  std::map<std::uint32_t, Seen> texts_;                        // by the key of the label
  std::set<std::pair<std::uint32_t, std::uint32_t>> numbers_;  // key, unit
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> columns_;
  std::map<std::pair<std::uint32_t, Value>, std::int32_t> index_;  // by key
};

}  // namespace

PageRows make_page_rows(const profile::Profile& profile, const Stacks& stacks,
                        const CallTree& tree) {
  return Maker(profile, stacks, tree)();
}

}  // namespace jtrace::exporting
