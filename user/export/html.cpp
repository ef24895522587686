// SPDX-License-Identifier: Apache-2.0
// The flame graph page: assets/ as one file, with the profile as JSON in place of its sample.
#include <array>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "export/call_tree.h"
#include "export/diff.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/packed.h"
#include "export/page.h"
#include "export/page_rows.h"
#include "export/stacks.h"

namespace jtrace::exporting {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBegin = "<!--jtrace:profile-->";
constexpr std::string_view kEnd = "<!--/jtrace:profile-->";

// Counts are text: JavaScript's numbers are exact to 2^53 only.
Json ledger_json(const profile::Ledger& ledger) {
  Json lines = Json::array();
  for (const profile::LedgerLine& line : ledger.lines) {
    lines.push_back({safe_text(line.name),
                     line.measurable ? count_text(line.count) : "not measurable", line.depth});
  }
  return lines;
}

Json header_json(const profile::Profile& profile) {
  const profile::Header& header = profile.header;
  const profile::ValueType type = profile.default_type < profile.sample_types.size()
                                      ? profile.sample_types[profile.default_type]
                                      : profile::ValueType{};
  Json json;
  json["version"] = 1;
  json["title"] = safe_text(header.title);
  json["target"] = safe_text(header.target);
  json["host"] = safe_text(header.host);
  json["start"] = time_text(header.start);
  json["duration"] = header.duration.count() == 0 ? "" : duration_text(header.duration);
  json["time_nanos"] = std::chrono::nanoseconds(header.start.time_since_epoch()).count();
  json["duration_nanos"] = header.duration.count();
  json["command"] = safe_text(header.command_line);
  json["type"] = safe_text(type.type);
  json["unit"] = safe_text(type.unit);
  json["comments"] = Json::array();
  if (header.events.size() > 1) {
    for (const std::string& event : header.events) json["comments"].push_back(safe_text(event));
  }
  for (const std::string& comment : profile.comments) {
    json["comments"].push_back(safe_text(comment));
  }
  json["balanced"] = profile.ledger.balanced;
  json["ledger"] = ledger_json(profile.ledger);
  return json;
}

// A page of a difference has "base" and "new", which say what was compared, and a column of the
// base's values.
void add_sides(Json& json, const profile::Profile& profile) {
  constexpr std::array<std::string_view, 2> kSides{"base", "new"};
  for (const std::string_view side : kSides) json[side] = "";
  Json notes = Json::array();
  for (const std::string& comment : profile.comments) {
    const std::string text = safe_text(comment);
    bool taken = false;
    for (const std::string_view side : kSides) {
      if (!text.starts_with(side) || text.substr(side.size(), 2) != ": ") continue;
      json[side] = text.substr(side.size() + 2);
      taken = true;
    }
    if (!taken) notes.push_back(text);
  }
  json["comments"] = std::move(notes);
  if (json["unit"] == "count") json["type"] = "events";
}

// Small pages have their columns as JSON, which people and tools read.
constexpr std::size_t kMostPlain = 20'000;  // nodes, or rows

struct Shape {
  std::size_t nodes, rows;
  [[nodiscard]] bool packed() const { return nodes > kMostPlain || rows > kMostPlain; }
};

// What `of` says of each of the values; packed, where `least` is the least that it says.
template <class Values, class Of>
Json column(const Shape& shape, const Values& values, Of of, std::int64_t least = 0) {
  if (!shape.packed()) {
    Json json = Json::array();
    for (const auto& value : values) json.push_back(of(value));
    return json;
  }
  Packer packer;
  for (const auto& value : values) {
    packer.add(static_cast<std::uint64_t>(static_cast<std::int64_t>(of(value)) - least));
  }
  return std::move(packer).take();
}

// Columns, as the tree's; a row's node is the difference to that of the row before.
Json rows_json(const Shape& shape, const PageRows& rows, std::size_t weights) {
  Json json;
  if (shape.packed()) json["size"] = rows.rows.size();
  std::uint32_t before = 0;
  json["nodes"] = column(shape, rows.rows, [&](const PageRow& row) {
    return row.node - std::exchange(before, row.node);
  });
  for (const char* kind : {"facets", "sizes", "values"}) json[kind] = Json::array();
  for (std::size_t at = 0; at < rows.facets.size() + rows.sizes.size(); ++at) {
    const auto value = [&](const PageRow& row) { return row.at[at]; };
    json[at < rows.facets.size() ? "facets" : "sizes"].push_back(
        column(shape, rows.rows, value, -1));
  }
  for (std::size_t weight = 0; weight < weights; ++weight) {
    const auto value = [&](const PageRow& row) { return row.values[weight]; };
    json["values"].push_back(column(shape, rows.rows, value));
  }
  return json;
}

void add_rows(Json& json, const Shape& shape, const profile::Profile& profile,
              const PageRows& rows) {
  const auto& types = profile.sample_types;
  for (const profile::ValueType& type : types) {
    json["weights"].push_back({{"type", safe_text(type.type)}, {"unit", safe_text(type.unit)}});
  }
  json["weight"] = profile.default_type;
  json["facets"] = Json::array();
  for (const Facet& facet : rows.facets) {
    json["facets"].push_back({{"name", facet.name}, {"values", facet.values}});
  }
  json["sizes"] = Json::array();
  for (const Size& size : rows.sizes) {
    json["sizes"].push_back({{"name", size.name}, {"unit", size.unit}});
  }
  json["rows"] = rows_json(shape, rows, types.size());
}

void add_names(Json& json, const Stacks& stacks) {
  // kinds holds those that occur, so the page need not know the enum's numbers.
  Json kinds = Json::array();
  Json names = Json::array();
  Json name_kinds = Json::array();
  std::array<std::size_t, static_cast<std::size_t>(profile::FrameKind::Unknown) + 1> index_of{};
  for (const Frame& frame : stacks.frames) {
    std::size_t& index = index_of.at(static_cast<std::size_t>(frame.kind));
    if (index == 0) {
      kinds.push_back(kind_name(frame.kind));
      index = kinds.size();
    }
    names.push_back(frame.text);
    name_kinds.push_back(index - 1);
  }
  json["kinds"] = std::move(kinds);
  json["names"] = std::move(names);
  json["name_kinds"] = std::move(name_kinds);
}

// Levels go up by one from most nodes to the next: packed are the levels that a node is above that.
Json levels_json(const Shape& shape, const std::vector<std::uint32_t>& levels) {
  std::uint32_t before = 0;
  return column(shape, levels, [&](std::uint32_t level) {
    return shape.packed() ? std::exchange(before, level) + 1 - level : level;
  });
}

void add_tree(Json& json, const profile::Profile& profile, const Stacks& stacks) {
  const CallTree tree = make_call_tree(stacks);
  PageRows rows;
  if (!stacks.difference) rows = make_page_rows(profile, stacks, tree);
  const Shape shape{tree.levels.size(), rows.rows.size()};
  const auto self = [](std::int64_t value) { return value; };
  json["stacks"] = stacks.stacks.size();
  add_names(json, stacks);
  if (shape.packed()) {
    json["version"] = 2;
    json["nodes"] = shape.nodes;
  }
  json[shape.packed() ? "up" : "levels"] = levels_json(shape, tree.levels);
  json["frames"] = column(shape, tree.frames, [](std::uint32_t frame) { return frame; });
  if (rows.needed) {
    add_rows(json, shape, profile, rows);
  } else {
    json["self"] = column(shape, tree.self, self);
  }
  if (stacks.difference) json["before"] = column(shape, tree.before, self);
}

// JSON that no HTML parser can take for markup: ASCII only, and without '<', '>' and '&', which
// occur in JSON inside strings alone.
std::string inert(const Json& json) {
  const std::string plain = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string out;
  out.reserve(plain.size());
  for (const char c : plain) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Json page_json(const profile::Profile& profile, const WriteOptions& options) {
  Json json = header_json(profile);
  Stacks stacks =
      make_stacks(profile, Suffixes::No, options.lines ? Lines::Yes : Lines::No, Keep::Weighed);
  if (stacks.difference) {
    add_sides(json, profile);
    json["normalise"] = options.normalise;  // the page has the counts and scales them itself
    merge_kinds(stacks, Kinds::Java);
  }
  add_tree(json, profile, stacks);
  return json;
}

}  // namespace

std::string page_data(const profile::Profile& profile) {
  return page_json(profile, {}).dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string write_html(const profile::Profile& profile, const WriteOptions& options) {
  const std::string_view page = flamegraph_page();
  std::string out(page.substr(0, page.find(kBegin)));
  out += R"(<script type="application/json" id="profile">)";
  out += inert(page_json(profile, options));
  out += "</script>";
  out += page.substr(page.find(kEnd) + kEnd.size());
  return out;
}

}  // namespace jtrace::exporting
