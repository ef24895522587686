// SPDX-License-Identifier: Apache-2.0
#include "export/diff.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "export/stacks.h"
#include "profile/profile_builder.h"
#include "profile/saturate.h"
#include "profile/symbol_table.h"

namespace jtrace::exporting {
namespace {

// Indices of a row, so named as constants are.
// NOLINTNEXTLINE(readability-identifier-naming)
enum Column : std::size_t { kDelta, kBase, kNew, kColumns };

// Samples of profiles that have tables of their own, in terms of one table.
class Importer {
 public:
  Importer(const profile::Profile& from, profile::SymbolTable& to) : from_(from), to_(to) {}

  [[nodiscard]] profile::Sample sample(const profile::Sample& in) {
    profile::Sample out;
    for (const auto id : in.locations) out.locations.push_back(location(id));
    for (const auto& label : in.labels) {
      out.labels.push_back({string(label.key), string(label.str), label.num});
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

std::int64_t first_value(const profile::Sample& sample) {
  return sample.values.empty() ? 0 : sample.values.front();
}

double total(const profile::Profile& profile) {
  double sum = 0;
  for (const auto& sample : profile.samples) sum += static_cast<double>(first_value(sample));
  return sum;
}

std::int64_t scaled(std::int64_t value, double factor) {
  const double product = static_cast<double>(value) * factor;
  constexpr double kMost = 9.2e18;
  return static_cast<std::int64_t>(product > kMost ? kMost : product < -kMost ? -kMost : product);
}

// The same profile with one column of the diff as its only values.
profile::Profile column(const profile::Profile& diff, Column which) {
  profile::Profile out = diff;
  for (profile::Sample& sample : out.samples) {
    sample.values = {which < sample.values.size() ? sample.values[which] : 0};
  }
  return out;
}

}  // namespace

profile::Profile diff_profile(const profile::Profile& base, const profile::Profile& next,
                              bool normalise) {
  const profile::ValueType type =
      next.sample_types.empty() ? profile::ValueType{"events", "count"} : next.sample_types.front();
  profile::SymbolTable symbols;
  profile::ProfileBuilder builder(next.header,
                                  {{"delta", type.unit}, {"base", type.unit}, {"new", type.unit}});
  const double base_total = total(base);
  const double factor = normalise && base_total > 0 ? total(next) / base_total : 1;
  Importer of_base(base, symbols);
  for (const profile::Sample& sample : base.samples) {
    const std::int64_t value =
        factor == 1 ? first_value(sample) : scaled(first_value(sample), factor);
    profile::Sample out = of_base.sample(sample);
    out.values = {value == INT64_MIN ? INT64_MAX : -value, value, 0};
    builder.add(std::move(out));
  }
  Importer of_next(next, symbols);
  for (const profile::Sample& sample : next.samples) {
    profile::Sample out = of_next.sample(sample);
    out.values = {first_value(sample), 0, first_value(sample)};
    builder.add(std::move(out));
  }
  for (const std::string& comment : next.comments) builder.comment(comment);
  builder.comment("difference to " + base.header.title + " of " + base.header.target);
  return std::move(builder).build(symbols, next.ledger);
}

std::string diff_collapsed(const profile::Profile& diff, const WriteOptions& options) {
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> rows;
  for (const Column which : {kBase, kNew}) {
    Stacks stacks = make_stacks(column(diff, which), options.plain ? Suffixes::No : Suffixes::Yes,
                                options.lines ? Lines::Yes : Lines::No);
    for (const Stack& stack : stacks.stacks) {
      std::string text;
      for (const std::uint32_t frame : stack.frames) {
        text += (text.empty() ? "" : ";") + stacks.frames[frame].text;
      }
      auto& row = rows[std::move(text)];
      auto& cell = which == kBase ? row.first : row.second;
      cell = profile::saturating_add(cell, stack.value);
    }
  }
  std::string out;
  for (const auto& [text, row] : rows) {
    fmt::format_to(std::back_inserter(out), "{} {} {}\n", text, row.first, row.second);
  }
  return out;
}

}  // namespace jtrace::exporting
