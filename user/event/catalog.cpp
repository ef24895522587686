// SPDX-License-Identifier: Apache-2.0
// From event specs to tracepoints, and what to say where there are none.
#include <fnmatch.h>

#include <algorithm>
#include <unordered_set>

#include "base/near_names.h"
#include "event/preset.h"
#include "event/tracepoint.h"

namespace jtrace::event {
namespace {

bool is_glob(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

bool matches(const std::string& glob, const std::string& name) {
  return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
}

bool contains(const std::vector<std::string>& sorted, const std::string& name) {
  return std::ranges::binary_search(sorted, name);
}

// The letters of a glob: what a mistyped glob is compared by.
std::string letters_of(std::string_view glob) {
  std::string letters;
  bool in_set = false;
  for (const char c : glob) {
    if (c == '[') in_set = true;
    if (!in_set && c != '*' && c != '?' && c != ']') letters += c;
    if (c == ']') in_set = false;
  }
  return letters;
}

// System calls were sys_open once, to kprobes still are.
std::vector<std::string> near_event(std::string_view word, const std::vector<std::string>& names) {
  constexpr std::string_view kSys = "sys_";
  auto near = near_names(word, names);
  if (near.empty() && word.starts_with(kSys)) near = near_names(word.substr(kSys.size()), names);
  return near;
}

// "sys_enter_opn*" resembles no whole name, but the beginnings of some.
std::vector<std::string> near_glob(const std::string& glob, const std::vector<std::string>& names) {
  const std::string letters = letters_of(glob);
  if (letters.empty()) return {};
  std::vector<std::string> beginnings;
  for (const std::string& name : names) beginnings.push_back(name.substr(0, letters.size()));
  const std::vector<std::string> nearest = near_names(letters, beginnings, 1);
  if (nearest.empty()) return near_event(letters, names);
  std::vector<std::string> near;
  for (const std::string& name : names) {
    if (near.size() < 3 && name.starts_with(nearest.front())) near.push_back(name);
  }
  return near;
}

std::string list_hint(Tracefs::Source source, const std::string& category) {
  const bool debug = source == Tracefs::Source::DebugTracing;
  const std::string path =
      std::string(debug ? "/sys/kernel/debug/tracing" : "/sys/kernel/tracing") + "/events/" +
      category;
  // A detached tracefs is nothing that a person could list.
  const char* mount = source == Tracefs::Source::Detached
                          ? ", after mount -t tracefs tracefs /sys/kernel/tracing"
                          : "";
  return "this kernel's names are the directories in " + path + mount;
}

}  // namespace

Result<std::vector<Tracepoint>> Tracefs::resolve(const EventSpec& spec) const {
  if (const auto* id = std::get_if<TracepointId>(&spec)) return resolve_id(id->id);
  if (const auto* preset = std::get_if<PresetName>(&spec)) return resolve_preset(preset->name);
  return resolve_name(std::get<TracepointName>(spec));
}

Result<std::vector<Tracepoint>> Tracefs::resolve_preset(const std::string& name) const {
  const Preset* preset = find_preset(name);
  if (preset == nullptr) return no_such_preset(name);
  JT_TRY(auto expansion, expand(*preset, *this));
  std::vector<Tracepoint> found;
  for (PresetEvent& event : expansion.events) found.push_back(std::move(event.tracepoint));
  return found;
}

Result<std::optional<Tracepoint>> Tracefs::find(const TracepointName& name) const {
  JT_TRY(const std::optional<std::uint32_t> id, read_id(name.category, name.name));
  if (!id) return std::optional<Tracepoint>();
  return Tracepoint{*id, name.category, name.name};
}

Result<std::vector<Tracepoint>> Tracefs::resolve_name(const TracepointName& spec) const {
  JT_TRY(const std::vector<std::string> categories, directories("events"));
  if (is_glob(spec.category) || is_glob(spec.name)) return resolve_glob(spec, categories);
  if (!contains(categories, spec.category)) return no_such_category(spec.category, categories);
  JT_TRY(const std::vector<std::string> names, directories("events/" + spec.category));
  if (!contains(names, spec.name)) return no_such_event(spec, categories);
  JT_TRY(const std::optional<std::uint32_t> id, read_id(spec.category, spec.name));
  if (!id) {
    return fail(Errc::Usage, "event '" + spec.category + ":" + spec.name +
                                 "' has no id: the kernel does not let programs attach to it");
  }
  return std::vector<Tracepoint>{{*id, spec.category, spec.name}};
}

Result<std::vector<Tracepoint>> Tracefs::resolve_glob(
    const TracepointName& spec, const std::vector<std::string>& categories) const {
  std::vector<Tracepoint> found;
  std::vector<std::string> seen;  // names in the matching categories, for the suggestion
  std::unordered_map<std::string, std::string> category_of;
  bool any_category = false;
  for (const std::string& category : categories) {
    if (!matches(spec.category, category)) continue;
    any_category = true;
    JT_TRY(const std::vector<std::string> names, directories("events/" + category));
    for (const std::string& name : names) {
      if (category_of.emplace(name, category).second) seen.push_back(name);
      if (!matches(spec.name, name)) continue;
      JT_TRY(const std::optional<std::uint32_t> id, read_id(category, name));
      if (id) found.push_back({*id, category, name});
    }
  }
  if (!any_category) return no_such_category(spec.category, categories);
  if (!found.empty()) return found;
  std::vector<std::string> near = near_glob(spec.name, seen);
  for (std::string& name : near) name.insert(0, category_of[name] + ":");
  std::string hint = did_you_mean(near);
  if (hint.empty()) hint = list_hint(source_, is_glob(spec.category) ? "" : spec.category);
  return fail(Errc::Usage, "no event matches '" + spec.category + ":" + spec.name + "'",
              std::move(hint));
}

Result<std::vector<Tracepoint>> Tracefs::resolve_id(std::uint32_t id) const {
  if (!by_id_) {
    JT_TRY(std::vector<Tracepoint> all, list());
    std::unordered_map<std::uint32_t, TracepointName> by_id;
    for (Tracepoint& one : all) {
      by_id.emplace(one.id, TracepointName{std::move(one.category), std::move(one.name)});
    }
    by_id_ = std::move(by_id);
  }
  const auto found = by_id_->find(id);
  if (found == by_id_->end()) {
    return fail(Errc::Usage, "no tracepoint of this kernel has the id " + std::to_string(id),
                "ids differ between kernels and boots; CATEGORY:NAME does not");
  }
  return std::vector<Tracepoint>{{id, found->second.category, found->second.name}};
}

Result<std::vector<Tracepoint>> Tracefs::list(std::string_view glob) const {
  const std::string pattern(glob);
  JT_TRY(const std::vector<std::string> categories, directories("events"));
  std::vector<Tracepoint> found;
  for (const std::string& category : categories) {
    JT_TRY(const std::vector<std::string> names, directories("events/" + category));
    for (const std::string& name : names) {
      if (!matches(pattern, category + ":" + name)) continue;
      JT_TRY(const std::optional<std::uint32_t> id, read_id(category, name));
      if (id) found.push_back({*id, category, name});
    }
  }
  return found;
}

std::unexpected<Error> Tracefs::no_such_category(const std::string& category,
                                                 const std::vector<std::string>& categories) const {
  const bool glob = is_glob(category);
  std::string hint =
      did_you_mean(glob ? near_glob(category, categories) : near_names(category, categories));
  if (category == "syscalls") hint = "this kernel is built without CONFIG_FTRACE_SYSCALLS";
  if (hint.empty()) hint = list_hint(source_, "");
  return fail(Errc::Usage, (glob ? "no category matches '" : "no such category '") + category + "'",
              std::move(hint));
}

std::unexpected<Error> Tracefs::no_such_event(const TracepointName& spec,
                                              const std::vector<std::string>& categories) const {
  // The right name in the wrong category first, then what resembles it in this one.
  std::vector<std::string> near;
  for (const std::string& category : categories) {
    const auto names = directories("events/" + category);
    if (names && near.size() < 3 && contains(*names, spec.name)) {
      near.push_back(category + ":" + spec.name);
    }
  }
  if (const auto names = directories("events/" + spec.category)) {
    for (const std::string& name : near_event(spec.name, *names)) {
      if (near.size() < 3) near.push_back(spec.category + ":" + name);
    }
  }
  std::string hint = did_you_mean(near);
  if (hint.empty()) hint = list_hint(source_, spec.category);
  return fail(Errc::Usage, "no such event '" + spec.category + ":" + spec.name + "'",
              std::move(hint));
}

Result<std::vector<Tracepoint>> resolve_events(const std::vector<EventSpec>& specs,
                                               const Tracefs* tracefs, const Error& why_none) {
  std::vector<Tracepoint> tracepoints;
  std::unordered_set<std::uint32_t> seen;
  for (const EventSpec& spec : specs) {
    std::vector<Tracepoint> found;
    if (tracefs != nullptr) {
      JT_TRY(found, tracefs->resolve(spec));
    } else if (const auto* id = std::get_if<TracepointId>(&spec)) {
      found.push_back({id->id, "", ""});
    } else {
      return std::unexpected(why_none);
    }
    for (Tracepoint& one : found) {
      if (seen.insert(one.id).second) tracepoints.push_back(std::move(one));
    }
  }
  return tracepoints;
}

}  // namespace jtrace::event
