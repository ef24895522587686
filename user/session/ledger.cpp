// SPDX-License-Identifier: Apache-2.0
#include "session/ledger.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <string>
#include <utility>

namespace jtrace::session {
namespace {

using profile::FrameKind;
using profile::Ledger;
using profile::NameSource;
using profile::UnknownReason;

constexpr std::array<const char*, JT_STATUS_COUNT> kStatusText{
#define X(name, text) text,
    JT_STATUS_LIST(X)
#undef X
};

using Line = std::pair<jt_counter, const char*>;

constexpr std::array kLosses{
    std::pair{JT_COUNTER_LOST_RING, "lost: ring buffer full"},
    std::pair{JT_COUNTER_LOST_COUNTS, "lost: table of stacks full"},
    std::pair{JT_COUNTER_LOST_NESTED, "lost: nested event"},
    std::pair{JT_COUNTER_LOST_CALLS, "lost: no room for the begin of a call"},
    std::pair{JT_COUNTER_LOST_TARGETS, "lost: no room for another process"},
};

// Comparisons of --filter, not events: each was false, so an event may have been left out.
constexpr std::array kNotCompared{
    std::pair{JT_COUNTER_FILTER_UNREADABLE, "filter: values that could not be read"},
    std::pair{JT_COUNTER_FILTER_TOO_LONG, "filter: strings too long to be compared"},
};

// Of events that are kept: what they showed is not known.
constexpr std::array kNotShown{
    std::pair{JT_COUNTER_VALUES_UNREADABLE, "values that could not be read"},
    std::pair{JT_COUNTER_VALUES_OTHER, "events whose values are under [other]"},
};

constexpr std::array kTroubles{
    std::pair{JT_COUNTER_KERNEL_COLLISION, "kernel stack id collisions"},
    std::pair{JT_COUNTER_NOTICE_LOST, "mapping notices that found no room"},
    std::pair{JT_COUNTER_FDS_UNSEEN, "processes whose descriptors were not all looked at"},
};

constexpr std::array kKinds{
    std::pair{FrameKind::JavaInterpreted, "java interpreted"},
    std::pair{FrameKind::JavaC1, "java compiled by C1"},
    std::pair{FrameKind::JavaC2, "java compiled by C2"},
    std::pair{FrameKind::JavaInlined, "java inlined"},
    std::pair{FrameKind::JavaNative, "java native methods"},
    std::pair{FrameKind::JavaStub, "java stubs"},
    std::pair{FrameKind::Native, "native"},
};

constexpr std::array kReasons{
    std::pair{UnknownReason::NoSymbols, "unnamed: no symbol covers the address"},
    std::pair{UnknownReason::FileGone, "unnamed: binary could not be read"},
    std::pair{UnknownReason::Unmapped, "unnamed: address in no mapping"},
    std::pair{UnknownReason::ProcessGone, "unnamed: target exited"},
    std::pair{UnknownReason::CodeReplaced, "unnamed: compiled code was replaced"},
    std::pair{UnknownReason::BadMetadata, "unnamed: JVM data made no sense"},
    std::pair{UnknownReason::NoJvmSymbols, "unnamed: no source of Java names"},
    std::pair{UnknownReason::Unverified, "unnamed: classes were unloaded before it was read"},
};

constexpr std::array kSources{
    std::pair{NameSource::VmStructs, "named by vmstructs"},
    std::pair{NameSource::Walk, "known by the walk"},
    std::pair{NameSource::Agent, "named by agent"},
    std::pair{NameSource::JitDump, "named by jitdump"},
    std::pair{NameSource::PerfMap, "named by perfmap"},
    std::pair{NameSource::FoundPerfMap, "named by perfmap, unverified"},
};

template <class Map, class Key>
std::uint64_t value_or_zero(const Map& map, const Key& key) {
  const auto it = map.find(key);
  return it == map.end() ? 0 : it->second;
}

std::string status_text(std::size_t status) {
  const bool whole = status == JT_STATUS_COMPLETE || status == JT_STATUS_NO_USER;
  return std::string(whole ? "" : "partial: ") + kStatusText.at(status);
}

void add_statuses(Ledger& ledger, const StatusCounts& statuses) {
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (statuses.at(i) == 0 && i != JT_STATUS_COMPLETE) continue;
    ledger.lines.push_back({.name = status_text(i), .count = statuses.at(i), .depth = 1});
  }
}

void add_frames(Ledger& ledger, const FrameCounts& frames) {
  std::uint64_t all = 0;
  for (const auto& [kind, count] : frames.by_kind) all += count;
  for (const auto& [reason, count] : frames.unnamed) all += count;
  ledger.lines.push_back({.name = "frames", .count = all});
  for (const auto& [kind, name] : kKinds) {
    if (const auto n = value_or_zero(frames.by_kind, kind)) {
      ledger.lines.push_back({.name = name, .count = n, .depth = 1});
    }
  }
  for (const auto& [reason, name] : kReasons) {
    if (const auto n = value_or_zero(frames.unnamed, reason)) {
      ledger.lines.push_back({.name = name, .count = n, .depth = 1});
    }
  }
}

void add_sources(Ledger& ledger, const FrameCounts& frames) {
  std::uint64_t all = 0;
  for (const auto& [source, count] : frames.by_source) all += count;
  if (all == 0) return;
  ledger.lines.push_back({.name = "frames of generated code", .count = all});
  for (const auto& [source, name] : kSources) {
    if (const auto n = value_or_zero(frames.by_source, source)) {
      ledger.lines.push_back({.name = name, .count = n, .depth = 1});
    }
  }
}

// Events that have a begin and an end are counted when they end; these are not among them.
void add_calls(Ledger& ledger, const LedgerInput& input) {
  const auto line = [&](const char* name, std::uint64_t count, bool measurable) {
    ledger.lines.push_back({.name = name, .count = count, .depth = 0, .measurable = measurable});
  };
  const auto& c = input.counters;
  line("in flight at start", c.at(JT_COUNTER_CALLS_BEFORE), input.timed);
  line("in flight at end", input.in_flight, input.timed);
  line("begins without an end", c.at(JT_COUNTER_CALLS_NO_END), input.timed);
  line("ends without a begin", c.at(JT_COUNTER_CALLS_NO_BEGIN), true);
}

constexpr std::array kLeftOut{std::pair{JT_COUNTER_FILTERED, "filtered"},
                              std::pair{JT_COUNTER_SAMPLED_OUT, "sampled out"},
                              std::pair{JT_COUNTER_RATE_LIMITED, "rate limited"}};

// fired = kept + filtered + sampled out + rate limited + lost{...}, kept = complete + partial{...};
// and where the governor scales, what kept events stand for is what their stacks were counted as.
std::uint64_t accounted_for(const capture::Counters& counters) {
  std::uint64_t accounted = counters.at(JT_COUNTER_KEPT);
  for (const auto& lines : {std::span<const Line>(kLeftOut), std::span<const Line>(kLosses)}) {
    for (const auto& [counter, name] : lines) accounted += counters.at(counter);
  }
  return accounted;
}

bool adds_up(const capture::Counters& counters, const StatusCounts& statuses, std::uint64_t scaled,
             bool scales, std::uint64_t unread) {
  const std::uint64_t accounted = accounted_for(counters) + unread;
  const auto walked = std::accumulate(statuses.begin(), statuses.end(), std::uint64_t{0});
  if (scaled != counters.at(scales ? JT_COUNTER_SCALED : JT_COUNTER_KEPT)) return false;
  return accounted == counters.at(JT_COUNTER_FIRED) && walked == counters.at(JT_COUNTER_KEPT);
}

constexpr const char* kUnread = "lost: table of stacks could not be read";

// What is in the table and could not be read is known by its number alone: kept, and then lost.
std::uint64_t lose_unread(capture::Counters& counters, const StatusCounts& statuses,
                          std::uint64_t scaled) {
  const std::uint64_t unread = missing_events(counters, statuses);
  counters.at(JT_COUNTER_KEPT) -= unread;
  if (counters.at(JT_COUNTER_SCALED) > scaled) counters.at(JT_COUNTER_SCALED) = scaled;
  return unread;
}

// The same of each event, where there are several: what is 0 is left out.
void add_events(Ledger& ledger, const LedgerInput& input) {
  const bool scales = input.governor != nullptr;
  std::uint64_t silent = 0;
  for (const EventFigures& event : input.events) {
    capture::Counters c = event.counters;
    const auto unread = input.unread ? lose_unread(c, event.statuses, event.scaled) : 0;
    ledger.balanced = ledger.balanced && adds_up(c, event.statuses, event.scaled, scales, unread);
    if (c.at(JT_COUNTER_FIRED) == 0) {
      ++silent;
      continue;
    }
    const auto line = [&](std::string name, std::uint64_t count) {
      if (count != 0) ledger.lines.push_back({.name = std::move(name), .count = count, .depth = 1});
    };
    ledger.lines.push_back({.name = event.name + " fired", .count = c.at(JT_COUNTER_FIRED)});
    line("kept", c.at(JT_COUNTER_KEPT));
    for (const auto& lines : {std::span<const Line>(kLeftOut), std::span<const Line>(kLosses)}) {
      for (const auto& [counter, name] : lines) line(name, c.at(counter));
    }
    line(kUnread, unread);
    for (std::size_t i = 0; i < event.statuses.size(); ++i) {
      line(status_text(i), event.statuses.at(i));
    }
  }
  if (silent != 0) ledger.lines.push_back({.name = "events that never fired", .count = silent});
}

// What is open at the end has fired.
void add_opened(Ledger& ledger, const capture::Counters& counters) {
  const std::uint64_t opened = counters.at(JT_COUNTER_OPENED);
  const std::uint64_t left = counters.at(JT_COUNTER_LEFT_OPEN);
  ledger.lines.push_back({.name = "descriptors opened", .count = opened});
  ledger.lines.push_back({.name = "open at the end", .count = left, .depth = 1});
  ledger.lines.push_back(
      {.name = "closed again", .count = opened - std::min(opened, left), .depth = 1});
}

void add_cost(Ledger& ledger, const capture::Counters& counters) {
  const auto line = [&](const char* name, jt_counter counter) {
    ledger.lines.push_back({.name = name, .count = counters.at(counter), .depth = 1});
  };
  ledger.lines.push_back(
      {.name = "cost of the walks", .count = counters.at(JT_COUNTER_COST_FRAMES)});
  line("frames walked", JT_COUNTER_COST_FRAMES);
  line("native frames walked", JT_COUNTER_COST_NATIVE);
  line("user reads", JT_COUNTER_COST_READS);
  line("map look-ups", JT_COUNTER_COST_LOOKUPS);
  line("stacks that were met again", JT_COUNTER_COST_RECALLED);
  line("stacks of which all but the top was met again", JT_COUNTER_COST_SPLICED);
}

void add_checked(Ledger& ledger, const capture::Counters& counters,
                 const WalkCheck::Figures& figures) {
  const auto line = [&](const char* name, std::uint64_t count) {
    ledger.lines.push_back({.name = name, .count = count, .depth = 1});
  };
  ledger.lines.push_back(
      {.name = "walks compared with a second walk", .count = figures.equal + figures.differing});
  line("equal", figures.equal);
  line("differing", figures.differing);
  ledger.lines.push_back(
      {.name = "walks not compared",
       .count = figures.no_answer + figures.partial + counters.at(JT_COUNTER_UNCHECKED)});
  line("no room to send the stack", counters.at(JT_COUNTER_UNCHECKED));
  line("no answer the second time", figures.no_answer);
  line("stack not complete", figures.partial);
}

// What was in force, and what it took. The total is an estimate, and says how good a one.
void add_governor(Ledger& ledger, const LedgerInput& input) {
  const auto& figures = *input.governor;
  const auto line = [&](const char* name, std::uint64_t count, int depth = 1) {
    ledger.lines.push_back({.name = name, .count = count, .depth = depth});
  };
  const auto rounded = [](double value) { return static_cast<std::uint64_t>(value + 0.5); };
  constexpr double kMicro = 1e6;
  line("estimate: events that the kept ones stand for",
       input.counters.at(JT_COUNTER_SCALED) * input.interval, 0);
  line("its error, 95 %", rounded(error_of(input.counters.at(JT_COUNTER_SPREAD), input.interval)));
  line("1 event was kept in, at least", figures.least);
  line("1 event was kept in, at most", figures.most);
  line("microseconds in BPF programs", rounded(figures.bpf_seconds * kMicro), 0);
  line("microseconds in BPF programs, events of others", rounded(figures.other_seconds * kMicro),
       0);
  line("microseconds of CPU in jtrace", rounded(figures.collector_seconds * kMicro), 0);
}

}  // namespace

std::uint64_t settle_counters(capture::WindowCounts& counts, const SampleStore& samples) {
  const auto settle = [](capture::Counters& c, const StatusCounts& statuses, std::uint64_t scaled) {
    c.at(JT_COUNTER_KEPT) = std::accumulate(statuses.begin(), statuses.end(), std::uint64_t{0});
    c.at(JT_COUNTER_SCALED) = scaled;
    const std::uint64_t accounted = accounted_for(c);
    const std::uint64_t fired = std::exchange(c.at(JT_COUNTER_FIRED), accounted);
    return fired - std::min(fired, accounted);
  };
  for (std::uint32_t event = 0; event < counts.by_event.size(); ++event) {
    settle(counts.by_event[event], samples.statuses_of(event), samples.scaled_of(event));
  }
  return settle(counts.counters, samples.statuses(), samples.scaled());
}

std::uint64_t missing_events(const capture::Counters& counters, const StatusCounts& statuses) {
  const auto walked = std::accumulate(statuses.begin(), statuses.end(), std::uint64_t{0});
  const std::uint64_t kept = counters.at(JT_COUNTER_KEPT);
  return kept - std::min(kept, walked);
}

std::uint64_t lost_events(const capture::Counters& counters) {
  std::uint64_t lost = 0;
  for (const auto& [counter, name] : kLosses) lost += counters.at(counter);
  return lost;
}

std::uint64_t partial_events(const StatusCounts& statuses) {
  return std::accumulate(statuses.begin(), statuses.end(), std::uint64_t{0}) -
         statuses.at(JT_STATUS_COMPLETE) - statuses.at(JT_STATUS_NO_USER);
}

bool is_lossless(const capture::Counters& counters, const StatusCounts& statuses) {
  for (const auto& losses : {std::span<const Line>(kLosses), std::span<const Line>(kNotCompared),
                             std::span<const Line>(kNotShown)}) {
    for (const auto& [counter, name] : losses) {
      if (counters.at(counter) != 0) return false;
    }
  }
  if (counters.at(JT_COUNTER_NOT_LISTED) != 0 || counters.at(JT_COUNTER_FDS_UNSEEN) != 0 ||
      counters.at(JT_COUNTER_RATE_LIMITED) != 0) {
    return false;
  }
  return partial_events(statuses) == 0;
}

Ledger make_ledger(const LedgerInput& input) {
  const auto& statuses = input.samples.statuses();
  capture::Counters c = input.counters;
  const auto unread = input.unread ? lose_unread(c, statuses, input.samples.scaled()) : 0;
  Ledger ledger;
  ledger.lines.push_back({.name = "fired", .count = c.at(JT_COUNTER_FIRED)});
  ledger.lines.push_back({.name = "kept", .count = c.at(JT_COUNTER_KEPT)});
  add_statuses(ledger, statuses);
  if (input.filtered) {
    ledger.lines.push_back({.name = "left out by -I and -X", .count = input.left_out, .depth = 1});
  }
  ledger.lines.push_back(
      {.name = "walk finished in user space", .count = c.at(JT_COUNTER_DEFERRED), .depth = 1});
  ledger.lines.push_back({.name = "distinct stacks", .count = input.samples.stacks(), .depth = 1});
  if (input.event_filters) {
    ledger.lines.push_back({.name = "filtered", .count = c.at(JT_COUNTER_FILTERED)});
  }
  if (input.sampled || input.governor != nullptr) {
    ledger.lines.push_back({.name = "sampled out", .count = c.at(JT_COUNTER_SAMPLED_OUT)});
  }
  if (input.governor != nullptr) {
    ledger.lines.push_back({.name = "rate limited", .count = c.at(JT_COUNTER_RATE_LIMITED)});
  }
  for (const auto& [counter, name] : kLosses) {
    ledger.lines.push_back({.name = name, .count = c.at(counter)});
  }
  if (input.under_way) {
    ledger.lines.push_back(
        {.name = "fired, and under way when it was looked", .count = *input.under_way});
  }
  if (unread != 0) ledger.lines.push_back({.name = kUnread, .count = unread});
  if (input.calls) add_calls(ledger, input);
  if (input.opens) add_opened(ledger, c);
  ledger.balanced =
      adds_up(c, statuses, input.samples.scaled(), input.governor != nullptr, unread) &&
      input.samples.without_frames() == 0;
  ledger.lines.push_back({.name = "missed by recursion, any process",
                          .count = input.missed_by_recursion,
                          .depth = 0,
                          .measurable = input.misses_measurable});
  // Of no event, but of what is known about it; shown where there is something to say.
  const auto add_where_any = [&](const auto& lines) {
    for (const auto& [counter, name] : lines) {
      if (c.at(counter) != 0) ledger.lines.push_back({.name = name, .count = c.at(counter)});
    }
  };
  add_where_any(kNotCompared);
  add_where_any(kNotShown);
  add_where_any(kTroubles);
  if (const auto unlisted = input.unlisted + c.at(JT_COUNTER_NOT_LISTED); unlisted != 0) {
    ledger.lines.push_back({.name = "events that are counted, but not listed", .count = unlisted});
  }
  ledger.lines.push_back({.name = "events of other processes", .count = c.at(JT_COUNTER_OTHERS)});
  add_frames(ledger, input.samples.frames());
  add_sources(ledger, input.samples.frames());
  add_events(ledger, input);
  if (input.governor != nullptr) add_governor(ledger, input);
  if (input.cost_counted) add_cost(ledger, c);
  if (input.recall_checked) {
    ledger.lines.push_back({.name = "remembered stacks that a walk did not give",
                            .count = c.at(JT_COUNTER_RECALL_WRONG)});
    ledger.lines.push_back({.name = "remembered rests of stacks that a walk did not give",
                            .count = c.at(JT_COUNTER_SPLICE_WRONG)});
  }
  if (input.checked != nullptr) add_checked(ledger, c, input.checked->figures());
  return ledger;
}

}  // namespace jtrace::session
