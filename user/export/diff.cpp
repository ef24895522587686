// SPDX-License-Identifier: Apache-2.0
#include "export/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "export/exporter.h"
#include "export/formats.h"
#include "export/importer.h"
#include "profile/profile_builder.h"
#include "profile/saturate.h"
#include "profile/symbol_table.h"

namespace jtrace::exporting {
namespace {

constexpr std::array<std::string_view, 3> kTypes{"delta", "base", "new"};

// What a profile says about itself in one line.
std::string about(const Side& side) {
  const profile::Header& header = side.profile.header;
  std::string text = side.name;
  const auto put = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  };
  put(header.title);
  put(header.target);
  put(header.host);
  put(time_text(header.start));
  put(header.duration.count() == 0 ? "" : duration_text(header.duration));
  for (const profile::LedgerLine& line : side.profile.ledger.lines) {
    const bool told = line.name == "fired" || line.name == "kept" || line.name.starts_with("lost");
    if (told && line.depth == 0 && line.measurable && line.count != 0) {
      put(fmt::format("{} {}", line.name, count_text(line.count)));
    }
  }
  if (!side.profile.ledger.balanced) put("its ledger does not add up");
  if (is_difference(side.profile)) put("a difference itself, of which the new side is taken");
  return text;
}

std::int64_t total(const profile::Profile& profile, std::size_t column) {
  std::int64_t sum = 0;
  for (const profile::Sample& sample : profile.samples) {
    if (column < sample.values.size()) sum = profile::saturating_add(sum, sample.values[column]);
  }
  return sum;
}

// Of a difference the unit is all that is left.
profile::ValueType weight_of(const profile::Profile& profile) {
  const auto& types = profile.sample_types;
  const std::size_t at = is_difference(profile) ? kNew : profile.default_type;
  if (at >= types.size()) return {"events", "count"};
  return is_difference(profile) ? profile::ValueType{types[at].unit, types[at].unit} : types[at];
}

std::string name_of(const profile::ValueType& type) {
  if (type.unit == type.type) return safe_text(type.type);
  return fmt::format("{} ({})", safe_text(type.type), safe_text(type.unit));
}

// What counts is called "samples" by other tools, and collapsed text of theirs reads as events.
bool comparable(const profile::ValueType& a, const profile::ValueType& b) {
  if (a.unit != b.unit) return false;
  const auto plain = [](const profile::ValueType& t) {
    return t.unit == "count" && (t.type == "events" || t.type == "samples");
  };
  return a.type == b.type || a.type == a.unit || b.type == b.unit || (plain(a) && plain(b));
}

}  // namespace

std::vector<profile::ValueType> difference_types(std::string_view unit) {
  std::vector<profile::ValueType> types;
  for (const std::string_view type : kTypes)
    types.push_back({std::string(type), std::string(unit)});
  return types;
}

std::vector<std::int64_t> difference_values(std::int64_t base, std::int64_t next) {
  const std::int64_t less = base == INT64_MIN ? INT64_MAX : -base;
  return {profile::saturating_add(next, less), base, next};
}

bool is_difference(const profile::Profile& profile) {
  return std::ranges::equal(profile.sample_types, kTypes, {}, &profile::ValueType::type);
}

Result<profile::Profile> diff_profile(const Side& base, const Side& next) {
  const profile::ValueType type = weight_of(next.profile);
  if (const auto other = weight_of(base.profile); !comparable(other, type)) {
    return fail(
        Errc::Usage,
        fmt::format("the two profiles have different weights: {} has {}, {} has {}",
                    safe_text(base.name), name_of(other), safe_text(next.name), name_of(type)),
        "trace both with the same --weight; collapsed text does not hold its weight");
  }
  profile::SymbolTable symbols;
  profile::ProfileBuilder builder(next.profile.header, difference_types(type.unit));
  for (const Side* side : {&base, &next}) {
    Importer importer(side->profile, symbols);
    const std::size_t column = is_difference(side->profile) ? kNew : side->profile.default_type;
    for (const profile::Sample& sample : side->profile.samples) {
      const std::int64_t value = column < sample.values.size() ? sample.values[column] : 0;
      profile::Sample out = importer.sample(sample);
      out.values = side == &base ? difference_values(value, 0) : difference_values(0, value);
      builder.add(std::move(out));
    }
  }
  builder.comment("base: " + about(base));
  builder.comment("new: " + about(next));
  if (type.unit == "count" && type.type != "events" && !is_difference(next.profile)) {
    builder.comment("weight: " + type.type);
  }
  if (!is_difference(next.profile)) {
    for (const std::string& comment : next.profile.comments) builder.comment(comment);
  }
  return std::move(builder).build(symbols, next.profile.ledger);
}

std::int64_t BaseScale::operator()(std::int64_t value) {
  constexpr double kMost = 9.2e18;
  due_ += static_cast<double>(value) * factor_;
  const double part = std::clamp(std::round(due_) - given_, -kMost, kMost);
  given_ += part;
  return static_cast<std::int64_t>(part);
}

void normalise_samples(profile::Profile& difference) {
  if (!is_difference(difference)) return;
  BaseScale scale(total(difference, kBase), total(difference, kNew));
  for (profile::Sample& sample : difference.samples) {
    if (sample.values.size() <= kNew) continue;
    sample.values = difference_values(scale(sample.values[kBase]), sample.values[kNew]);
  }
  difference.comments.emplace_back("base is scaled to the total of new");
}

profile::Profile base_apart(const profile::Profile& difference) {
  profile::Profile out = difference;
  const auto id = [&](std::string_view text) {
    out.strings.emplace_back(text);
    return profile::StringId{static_cast<std::uint32_t>(out.strings.size() - 1)};
  };
  const profile::Label label{id(kPprofBase), id("true")};
  out.samples.clear();
  for (const profile::Sample& sample : difference.samples) {
    if (sample.values.size() <= kNew) continue;
    const std::int64_t base = sample.values[kBase];
    const std::int64_t next = sample.values[kNew];
    if (base != 0) {
      out.samples.push_back({sample.locations, difference_values(base, 0), sample.labels});
      out.samples.back().labels.push_back(label);
    }
    if (next != 0) {
      out.samples.push_back({sample.locations, difference_values(0, next), sample.labels});
    }
  }
  return out;
}

}  // namespace jtrace::exporting
