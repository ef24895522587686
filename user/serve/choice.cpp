// SPDX-License-Identifier: Apache-2.0
#include "serve/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "export/exporter.h"
#include "profile/saturate.h"
#include "profile/split.h"

namespace jtrace::serve {
namespace {

using Json = nlohmann::ordered_json;

// "app.Main (pid 4242)"
std::string name_of(const profile::Process& process) {
  const std::string& name = process.main.empty() ? process.comm : process.main;
  return exporting::safe_text(
      fmt::format("{} (pid {})", name.empty() ? "process" : name, process.pid));
}

bool is_of_event(const profile::Profile& profile, const profile::Sample& sample,
                 std::string_view event) {
  return std::ranges::any_of(sample.labels, [&](const profile::Label& label) {
    return !label.is_number() && profile.string(label.key) == profile::kEventLabel &&
           profile.string(label.str) == event;
  });
}

struct Seen {
  std::string name;
  std::int64_t weight = 0;
};

// By key.
std::map<std::string, Seen> processes_of(std::span<const profile::Profile* const> profiles) {
  std::map<std::string, Seen> seen;
  for (const profile::Profile* profile : profiles) {
    for (const profile::Sample& sample : profile->samples) {
      const auto process = profile::process_of(*profile, sample);
      if (!process) continue;
      Seen& one = seen[key_of(*process)];
      if (one.name.empty()) one.name = name_of(*process);
      if (profile->default_type < sample.values.size()) {
        one.weight = profile::saturating_add(one.weight, sample.values[profile->default_type]);
      }
    }
  }
  return seen;
}

Json list_of(const std::map<std::string, Seen>& seen, std::string_view chosen) {
  std::vector<const std::pair<const std::string, Seen>*> all;
  for (const auto& one : seen) all.push_back(&one);
  std::ranges::stable_sort(all, std::greater(), [](const auto* one) { return one->second.weight; });
  Json list = Json::array();
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto& [key, one] = *all[at];
    if (at < kMostProcesses || key == chosen) list.push_back({{"key", key}, {"name", one.name}});
  }
  return list;
}

}  // namespace

std::string key_of(const profile::Process& process) {
  return process.start.empty() ? std::to_string(process.pid)
                               : fmt::format("{}@{}", process.pid, process.start);
}

void choose(profile::Profile& profile, const Choice& choice) {
  const auto weight =
      std::ranges::find(profile.sample_types, choice.weight, &profile::ValueType::type);
  if (weight != profile.sample_types.end()) {
    profile.default_type = static_cast<std::size_t>(weight - profile.sample_types.begin());
  }
  if (!choice.event.empty()) {
    std::erase_if(profile.samples, [&](const profile::Sample& sample) {
      return !is_of_event(profile, sample, choice.event);
    });
    profile.header.title = choice.event;
    profile.comments.push_back("one event of several; the ledger is that of all");
  }
  if (choice.process.empty()) return;
  profile.header.target =
      fmt::format("process {}", choice.process.substr(0, choice.process.find('@')));
  std::erase_if(profile.samples, [&](const profile::Sample& sample) {
    const auto process = profile::process_of(profile, sample);
    if (!process || key_of(*process) != choice.process) return true;
    profile.header.target = name_of(*process);
    return false;
  });
  profile.comments.push_back("one process of several; the ledger is that of all");
}

std::string choices_json(std::span<const profile::Profile* const> profiles, const Choice& chosen) {
  Json events = Json::array();
  Json weights = Json::array();
  const auto add = [](Json& list, const std::string& text) {
    if (std::ranges::find(list, Json(text)) == list.end()) list.push_back(text);
  };
  for (const profile::Profile* profile : profiles) {
    for (const std::string& event : profile->header.events) add(events, event);
    for (const profile::ValueType& type : profile->sample_types) add(weights, type.type);
  }
  const Json all{{"processes", list_of(processes_of(profiles), chosen.process)},
                 {"events", std::move(events)},
                 {"weights", std::move(weights)}};
  return all.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace jtrace::serve
