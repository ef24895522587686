// SPDX-License-Identifier: Apache-2.0
#include "export/totals.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/counted.h"
#include "export/diff.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/stacks.h"
#include "profile/saturate.h"
#include "profile/split.h"

namespace jtrace::exporting {
namespace {

constexpr std::size_t kShown = 20;

using Sums = std::vector<std::int64_t>;

void add(Sums& to, const Sums& one) {
  for (std::size_t i = 0; i < std::min(to.size(), one.size()); ++i) {
    to[i] = profile::saturating_add(to[i], std::max<std::int64_t>(one[i], 0));
  }
}

std::int64_t at(const Sums& sums, std::size_t column) {
  return column < sums.size() ? sums[column] : 0;
}

// The default weight, its share, the others.
std::vector<std::string> cells(const profile::Profile& profile, const Sums& sums,
                               std::int64_t total) {
  const std::size_t drawn = profile.default_type;
  std::vector<std::string> row;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    row.insert(i == drawn ? row.begin() : row.end(), weight_text(sums[i], profile.sample_types[i]));
  }
  const double share =
      total == 0 ? 0 : 100.0 * static_cast<double>(at(sums, drawn)) / static_cast<double>(total);
  if (!row.empty()) row.insert(row.begin() + 1, fmt::format("{:.1f} %", share));
  return row;
}

void put_table(std::string& out, const std::vector<std::vector<std::string>>& rows,
               const std::vector<std::string>& names) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t cell = 0; cell < rows[i].size(); ++cell) {
      const std::string& text = rows[i][cell];
      out += "  " + std::string(widths[cell] - columns(text), ' ') + text;
    }
    out += "  " + names[i] + "\n";
  }
}

void put_field(std::string& out, const profile::Profile& profile, const FieldTotals& field,
               std::int64_t total) {
  const std::size_t shown = std::min(field.values.size(), kShown);
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < shown; ++i) {
    rows.push_back(cells(profile, field.values[i].sums, total));
    const std::string name = safe_text(field.values[i].value);
    names.push_back(name.empty() ? "(empty)" : name);
  }
  if (const std::size_t more = field.values.size() - shown; more != 0) {
    Sums rest(profile.sample_types.size());
    for (std::size_t i = shown; i < field.values.size(); ++i) add(rest, field.values[i].sums);
    rows.push_back(cells(profile, rest, total));
    names.push_back("(" + counted(more, "more value") + ")");
  }
  fmt::format_to(std::back_inserter(out), "\n{}, {}\n", safe_text(field.field),
                 counted(field.values.size(), "value"));
  put_table(out, rows, names);
}

}  // namespace

std::vector<FieldTotals> make_totals(const profile::Profile& profile) {
  if (is_difference(profile)) return {};
  std::map<std::string_view, std::map<std::string_view, Sums>> found;
  for (const profile::Sample& sample : profile.samples) {
    const bool has_process = profile::process_of(profile, sample).has_value();
    for (const profile::Label& label : sample.labels) {
      const std::string_view key = profile.string(label.key);
      if (label.is_number() || key == profile::kEventLabel || key == profile::kThreadLabel)
        continue;
      if (has_process && profile::is_process_label(key)) continue;
      Sums& sums = found[key][profile.string(label.str)];
      sums.resize(profile.sample_types.size());
      add(sums, sample.values);
    }
  }
  const std::size_t events = events_column(profile);
  std::vector<FieldTotals> all;
  for (auto& [field, values] : found) {
    FieldTotals& out = all.emplace_back(std::string(field));
    for (auto& [value, sums] : values) out.values.emplace_back(std::string(value), std::move(sums));
    const auto key = [&](const ValueTotal& one) {
      return std::tuple(at(one.sums, profile.default_type), at(one.sums, events));
    };
    std::ranges::sort(out.values, [&](const ValueTotal& a, const ValueTotal& b) {
      return key(a) != key(b) ? key(a) > key(b) : a.value < b.value;
    });
  }
  return all;
}

std::string totals_text(const profile::Profile& profile) {
  std::string out;
  Sums total(profile.sample_types.size());
  for (const profile::Sample& sample : profile.samples) add(total, sample.values);
  for (const FieldTotals& field : make_totals(profile)) {
    put_field(out, profile, field, at(total, profile.default_type));
  }
  return out;
}

}  // namespace jtrace::exporting
