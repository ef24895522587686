// SPDX-License-Identifier: Apache-2.0
#include "profile/split.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

#include "profile/saturate.h"

namespace jtrace::profile {
namespace {

// The rows of a table that a part needs, renumbered in the order in which they are first named.
// Row 0 stays what it is.
class Renumbered {
 public:
  explicit Renumbered(std::size_t rows) : place_(std::max<std::size_t>(rows, 1)) {}

  // `add` puts the row into the part's table, and says where it is.
  template <class Add>
  std::uint32_t operator()(std::uint32_t id, Add add) {
    if (id != 0 && place_[id] == 0) place_[id] = add();
    return place_[id];
  }

 private:
  std::vector<std::uint32_t> place_;  // 0: not yet
};

template <class Row>
std::uint32_t append(std::vector<Row>& table, Row row) {
  table.push_back(std::move(row));
  return static_cast<std::uint32_t>(table.size() - 1);
}

// Whole tables for each of many parts would be most of the work.
class Part {
 public:
  Part(const Profile& whole, Header header)
      : whole_(whole),
        strings_(whole.strings.size()),
        functions_(whole.functions.size()),
        mappings_(whole.mappings.size()),
        locations_(whole.locations.size()) {
    out_.header = std::move(header);
    out_.sample_types = whole.sample_types;
    out_.default_type = whole.default_type;
    out_.comments = whole.comments;
    out_.ledger = whole.ledger;
    out_.strings.resize(1);
    out_.functions.resize(1);
    out_.mappings.resize(1);
    out_.locations.resize(1);
  }

  void add(const Sample& sample) {
    Sample copy{.locations = {}, .values = sample.values, .labels = {}};
    for (const LocationId id : sample.locations) copy.locations.push_back(location(id));
    for (const Label& label : sample.labels) {
      if (out_.header.process && is_process_label(whole_.string(label.key))) continue;
      copy.labels.push_back({.key = string(label.key),
                             .str = string(label.str),
                             .num = label.num,
                             .unit = string(label.unit)});
    }
    out_.samples.push_back(std::move(copy));
  }

  Profile take() { return std::move(out_); }

 private:
  StringId string(StringId id) {
    return {strings_(id.value, [&] { return append(out_.strings, whole_.strings[id.value]); })};
  }
  FunctionId function(FunctionId id) {
    return {functions_(id.value, [&] {
      const Function& f = whole_.functions[id.value];
      return append(out_.functions, {string(f.name), string(f.system_name), string(f.filename)});
    })};
  }
  MappingId mapping(MappingId id) {
    return {mappings_(id.value, [&] {
      Mapping mapping = whole_.mappings[id.value];
      mapping.filename = string(mapping.filename);
      mapping.build_id = string(mapping.build_id);
      return append(out_.mappings, mapping);
    })};
  }
  LocationId location(LocationId id) {
    return {locations_(id.value, [&] {
      Location location = whole_.locations[id.value];
      location.mapping = mapping(location.mapping);
      for (Line& line : location.lines) line.function = function(line.function);
      return append(out_.locations, std::move(location));
    })};
  }

  const Profile& whole_;
  Profile out_;
  Renumbered strings_, functions_, mappings_, locations_;
};

struct Group {
  std::optional<Process> process;
  std::int64_t weight = 0;
  std::vector<const Sample*> samples;
};

std::vector<Group> groups_of(const Profile& whole) {
  std::map<std::optional<Process>, Group> groups;
  for (const Sample& sample : whole.samples) {
    auto process = process_of(whole, sample);
    Group& group = groups[process];
    group.process = std::move(process);
    group.samples.push_back(&sample);
    if (whole.default_type < sample.values.size()) {
      group.weight = saturating_add(group.weight, sample.values[whole.default_type]);
    }
  }
  std::vector<Group> all;
  for (auto& [process, group] : groups) all.push_back(std::move(group));
  // Samples of no process are part of the rest.
  const auto rank = [](const Group& group) {
    return std::pair(!group.process.has_value(), -group.weight);
  };
  std::ranges::sort(all, [&](const Group& a, const Group& b) {
    return rank(a) != rank(b) ? rank(a) < rank(b) : a.process < b.process;
  });
  return all;
}

Header header_of(const Profile& whole, const Process& process) {
  Header header = whole.header;
  header.process = process;
  header.target = (process.comm.empty() ? std::string("process") : process.comm) + " (pid " +
                  std::to_string(process.pid) + ")";
  return header;
}

}  // namespace

std::optional<Process> process_of(const Profile& profile, const Sample& sample) {
  std::optional<Process> process;
  for (const Label& label : sample.labels) {
    if (label.is_number() && label.unit.value == 0 && profile.string(label.key) == kPidLabel) {
      process.emplace().pid = label.num;
    }
  }
  if (!process) return process;
  for (const Label& label : sample.labels) {
    if (label.is_number()) continue;
    const auto text =
        std::ranges::find(kProcessTexts, profile.string(label.key), &ProcessText::first);
    if (text != kProcessTexts.end()) (*process).*(text->second) = profile.string(label.str);
  }
  return process;
}

std::vector<Profile> split_by_process(const Profile& whole, std::size_t most) {
  const std::vector<Group> groups = groups_of(whole);
  if (groups.empty() || !groups.front().process) return {whole};
  std::vector<Profile> parts;
  std::size_t at = 0;
  for (; at < groups.size() && at < most && groups[at].process; ++at) {
    Part part(whole, header_of(whole, *groups[at].process));
    for (const Sample* sample : groups[at].samples) part.add(*sample);
    parts.push_back(part.take());
  }
  if (at == groups.size()) return parts;
  Header header = whole.header;
  header.target += ", the rest";
  Part rest(whole, std::move(header));
  for (; at < groups.size(); ++at) {
    for (const Sample* sample : groups[at].samples) rest.add(*sample);
  }
  parts.push_back(rest.take());
  return parts;
}

}  // namespace jtrace::profile
