// SPDX-License-Identifier: Apache-2.0
#include "session/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <ranges>
#include <set>
#include <utility>
#include <variant>

#include "base/printable.h"
#include "base/rights.h"
#include "capture/raw_tracepoints.h"
#include "event/format.h"
#include "event/preset.h"
#include "filter/fields.h"

namespace jtrace::session {
namespace {

using event::Tracepoint;
using filter::Fields;
using filter::RecordKind;

filter::Wanted wanted_of(const cli::EventRequest& request) {
  filter::Wanted wanted{.filters = request.filters,
                        .by = request.by,
                        .weights = request.weights,
                        .min_latency = std::max(request.min_latency, request.min_age)};
  if (request.errors_only) wanted.filters.emplace_back("errno != 0");
  return wanted;
}

Result<Tracepoint> find(const event::Tracefs& tracefs, const event::TracepointName& name) {
  JT_TRY(auto found, tracefs.resolve(name));
  return found.front();
}

struct Asked {
  Tracepoint tracepoint;
  filter::Wanted wanted;
  std::string opens = {};  // event::PresetRow::opens
};

class Preparation {
 public:
  Preparation(Asked asked, const event::Tracefs* tracefs)
      : event_{.tracepoint = std::move(asked.tracepoint),
               .wanted = std::move(asked.wanted),
               .opens = std::move(asked.opens)},
        tracefs_(tracefs) {}

  [[nodiscard]] Result<Event> operator()();

 private:
  [[nodiscard]] Status compile(const Tracepoint& tracepoint, const event::Format* format,
                               RecordKind kind);
  [[nodiscard]] Status plain(const std::optional<event::Format>& format);
  [[nodiscard]] Status call(const event::Pair& pair);
  [[nodiscard]] Status held(const event::Pair& pair, const event::Format& format);
  [[nodiscard]] Status opening(const event::Pair& pair, const event::Format& format);
  [[nodiscard]] Status pair_keys(const event::Pair& pair, const Fields& begin, const Fields& end);

  Event event_;
  const event::Tracefs* tracefs_;
};

Status Preparation::compile(const Tracepoint& tracepoint, const event::Format* format,
                            RecordKind kind) {
  const Fields fields(tracepoint, format, rights_are_lent(), kind);
  JT_TRY(event_.program, filter::compile(event_.wanted, fields));
  for (const filter::Shown& shown : event_.program.by) {
    event_.words.push_back(filter::vocabulary_of(tracepoint, format, shown.field));
  }
  return {};
}

Status Preparation::plain(const std::optional<event::Format>& format) {
  return compile(event_.tracepoint, format ? &*format : nullptr, RecordKind::Event);
}

// The fields of its begin, from the registers that are saved until its end.
Status Preparation::call(const event::Pair& pair) {
  JT_TRY(const Tracepoint begin, find(*tracefs_, pair.begin));
  JT_TRY(event_.counted, find(*tracefs_, pair.end));
  JT_TRY(const event::Format format, event::read_format(*tracefs_, begin));
  JT_CHECK_OK(compile(begin, &format, RecordKind::Call));
  auto& flags = event_.program.spec.flags;
  flags |= JT_EVENT_CALL;
  if (pair.returns_twice) flags |= JT_EVENT_FORKS;
  if (filter::needs_latency(event_.wanted)) {
    flags |= JT_EVENT_TIMED;
    event_.call_begin = begin;
  }
  return {};
}

// What it makes is held, and counted by the kernel side where nobody closes it.
Status Preparation::opening(const event::Pair& pair, const event::Format& format) {
  JT_TRY(event_.counted, find(*tracefs_, pair.end));
  JT_CHECK_OK(compile(event_.tracepoint, &format, RecordKind::Opening));
  jt_event_spec& spec = event_.program.spec;
  spec.flags |= JT_EVENT_CALL | JT_EVENT_HELD | JT_EVENT_OPENS;
  spec.fds_arg = JT_NO_VALUE;
  if (const event::Field* field = format.find(event_.opens)) {
    spec.fds_arg = static_cast<std::uint8_t>((field->offset - offsetof(jt_call, arg)) / 8);
  }
  return {};
}

Status Preparation::pair_keys(const event::Pair& pair, const Fields& begin, const Fields& end) {
  jt_event_spec& spec = event_.program.spec;
  for (std::size_t i = 0; i < 2; ++i) {
    spec.pair[i] = spec.pair_end[i] = JT_NO_VALUE;
    if (i >= pair.keys.size()) continue;
    JT_TRY(const filter::Value of_begin, begin.find({.name = pair.keys[i].first}));
    JT_TRY(const filter::Value of_end, end.find({.name = pair.keys[i].second}));
    JT_TRY(spec.pair[i], filter::add_value(event_.program, of_begin.where));
    JT_TRY(spec.pair_end[i], filter::add_value(event_.program, of_end.where));
  }
  return {};
}

Status Preparation::held(const event::Pair& pair, const event::Format& format) {
  JT_TRY(event_.held_end, find(*tracefs_, pair.end));
  JT_CHECK_OK(compile(event_.tracepoint, &format, RecordKind::Begin));
  event_.program.spec.flags |= JT_EVENT_HELD;
  if (pair.interrupts) event_.program.spec.flags |= JT_EVENT_NO_USER;
  JT_TRY(const event::Format of_end, event::read_format(*tracefs_, *event_.held_end));
  // What tells one from another is compared here and shown to nobody.
  return pair_keys(pair, Fields(event_.tracepoint, &format), Fields(*event_.held_end, &of_end));
}

Result<Event> Preparation::operator()() {
  event_.counted = event_.tracepoint;
  if (event_.wanted == filter::Wanted{}) {
    JT_CHECK_OK(plain(std::nullopt));
    return std::move(event_);
  }
  std::optional<event::Format> format;
  if (event_.tracepoint.is_raw()) {
    JT_TRY(const auto* raw, capture::RawTracepoints::of_kernel());
    format = raw->format(event_.tracepoint);
  } else if (tracefs_ != nullptr) {
    JT_TRY(format, event::read_format(*tracefs_, event_.tracepoint));
  }
  const auto pair = format ? event::pair_of(event_.tracepoint) : std::nullopt;
  const Fields fields(event_.tracepoint, format ? &*format : nullptr);
  if (!event_.opens.empty() && pair) {
    JT_CHECK_OK(opening(*pair, *format));
  } else if (pair && pair->kind == event::Pair::Kind::Call &&
             filter::needs_end(event_.wanted, fields)) {
    JT_CHECK_OK(call(*pair));
  } else if (pair && pair->kind == event::Pair::Kind::Held &&
             filter::needs_latency(event_.wanted)) {
    JT_CHECK_OK(held(*pair, *format));
  } else {
    JT_CHECK_OK(plain(format));
  }
  return std::move(event_);
}

bool any(const Events& events, std::uint32_t flag) {
  return std::ranges::any_of(events.all,
                             [&](const Event& one) { return one.program.spec.flags & flag; });
}

}  // namespace

bool Events::filtered() const {
  return std::ranges::any_of(all, [](const Event& one) { return !one.wanted.filters.empty(); });
}

bool Events::shows_values() const {
  return std::ranges::any_of(all, [](const Event& one) { return !one.program.by.empty(); });
}

bool Events::has_sums() const {
  return std::ranges::any_of(
      all, [](const Event& one) { return !one.program.weights.empty() || one.has_errors(); });
}

bool Events::has_calls() const { return any(*this, JT_EVENT_MADE); }
bool Events::has_timed() const { return any(*this, JT_EVENT_TIMED); }
bool Events::has_held() const {
  return std::ranges::any_of(all, [](const Event& event) { return event.held_end.has_value(); });
}
bool Events::has_ends() const {
  return std::ranges::any_of(all, [](const Event& event) {
    return event.opens.empty() && (event.is_call() || event.held_end);
  });
}
bool Events::has_opens() const { return any(*this, JT_EVENT_OPENS); }

bool Events::has_raw() const {
  return std::ranges::any_of(all, [](const Event& one) { return one.tracepoint.is_raw(); });
}

bool Events::has_specs() const {
  return filtered() || shows_values() || has_sums() || has_calls() || has_held();
}

std::size_t Events::patterns() const {
  return std::accumulate(
      all.begin(), all.end(), std::size_t{0},
      [](std::size_t n, const auto& one) { return n + one.program.patterns.size(); });
}

namespace {

// The events of a preset have not all the same fields.
Status leave_out_missing(const event::PresetEvent& event, const event::Tracefs& tracefs,
                         std::vector<std::string>& names) {
  const Tracepoint& tracepoint = event.tracepoint;
  JT_TRY(const event::Format format, event::read_format(tracefs, tracepoint));
  const Fields fields(tracepoint, &format, false,
                      event.opens.empty() ? RecordKind::Call : RecordKind::Opening);
  std::erase_if(names, [&](const std::string& name) {
    return name != "thread" && !fields.find({.name = name.substr(0, name.find('.'))});
  });
  return {};
}

std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> words;
  for (const auto word : list | std::views::split(','))
    words.emplace_back(word.begin(), word.end());
  return words;
}

// What the options do not say a preset does.
Result<std::vector<Asked>> ask_preset(const std::string& name, const filter::Wanted& wanted,
                                      const event::Tracefs& tracefs) {
  const event::Preset* preset = event::find_preset(name);
  if (preset == nullptr) return event::no_such_preset(name);
  JT_TRY(auto expansion, event::expand(*preset, tracefs));
  std::vector<Asked> all;
  std::set<std::string> shown;
  for (event::PresetEvent& one : expansion.events) {
    filter::Wanted own = wanted;
    if (own.by.empty())
      own.by = std::move(one.by);
    else
      JT_CHECK_OK(leave_out_missing(one, tracefs, own.by));
    shown.insert(own.by.begin(), own.by.end());
    if (own.weights.empty() && one.weight != "count") own.weights = words(one.weight);
    if (!one.filter.empty()) own.filters.push_back(std::move(one.filter));
    all.push_back({.tracepoint = std::move(one.tracepoint),
                   .wanted = std::move(own),
                   .opens = std::move(one.opens)});
  }
  for (const std::string& field : wanted.by) {
    if (shown.contains(field)) continue;
    return fail(Errc::Usage,
                fmt::format("--by '{}': no event of preset:{} has such a field", printable(field),
                            preset->name),
                fmt::format("jtrace list preset:{} -v shows what they have", preset->name));
  }
  return all;
}

// Descriptors have an age, calls a latency and a result.
Status check_age(const cli::EventRequest& request, const std::vector<event::EventSpec>& specs) {
  for (const event::EventSpec& spec : specs) {
    const auto* preset = std::get_if<event::PresetName>(&spec);
    const bool leaks = preset != nullptr && preset->name == "fd-leak";
    if (!leaks && request.min_age.count() != 0) {
      return fail(Errc::Usage, "--min-age: only the descriptors of preset:fd-leak have an age",
                  "--min-latency keeps calls that took as long");
    }
    if (leaks && (request.min_latency.count() != 0 || request.errors_only)) {
      return fail(
          Errc::Usage,
          fmt::format("{}: preset:fd-leak is of descriptors, not of the calls that made them",
                      request.errors_only ? "--errors-only" : "--min-latency"),
          "--min-age leaves out those that are younger");
    }
  }
  return {};
}

// Where tracefs has no such event, or is not to be had, the kernel may have it without a record.
std::unexpected<Error> or_raw(Error error, const event::EventSpec& spec) {
  const auto* name = std::get_if<event::TracepointName>(&spec);
  const auto raw = capture::RawTracepoints::of_kernel();
  if (name == nullptr || !raw || !(*raw)->has(name->name)) return std::unexpected(std::move(error));
  error.hint = "raw_tp:" + name->name + " is there, and needs no tracefs" +
               (error.hint.empty() ? "" : "; " + error.hint);
  return std::unexpected(std::move(error));
}

Result<std::vector<Tracepoint>> resolve(const event::EventSpec& spec, const event::Tracefs* tracefs,
                                        const Error& why_none) {
  const auto* name = std::get_if<event::TracepointName>(&spec);
  if (name != nullptr && name->category == event::kRawCategory) {
    JT_TRY(const auto* raw, capture::RawTracepoints::of_kernel());
    return raw->resolve(name->name);
  }
  auto found = event::resolve_events({spec}, tracefs, why_none);
  if (!found) return or_raw(std::move(found).error(), spec);
  return found;
}

Result<std::vector<Asked>> ask(const cli::EventRequest& request, const event::Tracefs* tracefs,
                               const Error& why_none) {
  JT_TRY(const auto specs, event::parse_event_specs(request.text));
  const filter::Wanted wanted = wanted_of(request);
  JT_CHECK_OK(check_age(request, specs));
  std::vector<Asked> all;
  for (const event::EventSpec& spec : specs) {
    const auto* preset = std::get_if<event::PresetName>(&spec);
    if (preset != nullptr && tracefs != nullptr) {
      JT_TRY(auto found, ask_preset(preset->name, wanted, *tracefs));
      std::ranges::move(found, std::back_inserter(all));
      continue;
    }
    JT_TRY(auto found, resolve(spec, tracefs, why_none));
    for (Tracepoint& one : found) all.push_back({.tracepoint = std::move(one), .wanted = wanted});
  }
  return all;
}

// Which calls are one and the same is known when their ends are.
Status add(Events& events, Event next) {
  const auto known = std::ranges::find(events.all, next.counted.id,
                                       [](const Event& event) { return event.counted.id; });
  if (known == events.all.end()) {
    events.all.push_back(std::move(next));
    return {};
  }
  const std::string name = next.tracepoint.display();
  if (known->tracepoint.id != next.tracepoint.id) {
    return fail(Errc::Usage,
                fmt::format("{} and {} are one call here, counted at its end",
                            known->tracepoint.display(), name),
                "name one of them");
  }
  if (known->wanted == next.wanted) return {};
  return fail(Errc::Usage, name + " is named twice, and not with the same options",
              "name it once; two filters of which one must pass are joined by ||");
}

}  // namespace

Result<Events> find_events(const std::vector<cli::EventRequest>& requests,
                           const event::Tracefs* tracefs, const Error& why_none) {
  Events events;
  for (const cli::EventRequest& request : requests) {
    JT_TRY(auto asked, ask(request, tracefs, why_none));
    for (Asked& one : asked) {
      JT_TRY(Event next, Preparation(std::move(one), tracefs)());
      JT_CHECK_OK(add(events, std::move(next)));
    }
  }
  return events;
}

}  // namespace jtrace::session
