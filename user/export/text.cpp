// SPDX-License-Identifier: Apache-2.0
// The profile for a person at a terminal: what was traced, the ledger, the ten hottest stacks.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "export/diff.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/stacks.h"
#include "export/totals.h"

namespace jtrace::exporting {
namespace {

constexpr std::size_t kTopStacks = 10;
// Of a deep stack the two ends tell the story: what was called, and who started it.
constexpr std::size_t kLeafFrames = 40;
constexpr std::size_t kRootFrames = 8;

void put_header(std::string& out, const profile::Header& header) {
  const auto put = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) {
      fmt::format_to(std::back_inserter(out), "{:<9} {}\n", name, safe_text(value));
    }
  };
  put("event", header.title);
  if (header.events.size() > 1) {
    for (const std::string& event : header.events) put("", event);
  }
  put("target", header.target);
  put("host", header.host);
  put("start", time_text(header.start));
  put("duration", header.duration.count() == 0 ? "" : duration_text(header.duration));
}

void put_ledger(std::string& out, const profile::Ledger& ledger) {
  struct Row {
    std::string name, count;
  };
  std::vector<Row> rows;
  std::size_t name_width = 0;
  std::size_t count_width = 0;
  for (const profile::LedgerLine& line : ledger.lines) {
    rows.push_back({std::string(2 * static_cast<std::size_t>(std::clamp(line.depth, 0, 4)), ' ') +
                        safe_text(line.name),
                    line.measurable ? count_text(line.count) : "not measurable"});
    name_width = std::max(name_width, rows.back().name.size());
    count_width = std::max(count_width, rows.back().count.size());
  }
  if (!rows.empty()) out += "\nledger\n";
  for (const Row& row : rows) {
    fmt::format_to(std::back_inserter(out), "  {:<{}}  {:>{}}\n", row.name, name_width, row.count,
                   count_width);
  }
  if (!ledger.balanced) out += "  ledger does not add up\n";
}

void put_stack(std::string& out, const Stacks& stacks, const Stack& stack) {
  const std::size_t depth = stack.frames.size();
  const auto put = [&](std::size_t from_leaf) {
    const std::uint32_t frame = stack.frames[depth - 1 - from_leaf];
    fmt::format_to(std::back_inserter(out), "    {}\n", stacks.frames[frame].text);
  };
  if (depth <= kLeafFrames + kRootFrames + 1) {
    for (std::size_t i = 0; i < depth; ++i) put(i);
    return;
  }
  for (std::size_t i = 0; i < kLeafFrames; ++i) put(i);
  fmt::format_to(std::back_inserter(out), "    ... {} frames ...\n",
                 depth - kLeafFrames - kRootFrames);
  for (std::size_t i = depth - kRootFrames; i < depth; ++i) put(i);
}

// Of a difference: the stacks whose counts differ most.
void put_most_changed(std::string& out, const Stacks& stacks) {
  std::vector<const Stack*> order;
  const auto by = [](const Stack& s) { return s.value - s.before; };  // both are 0 or more
  for (const Stack& stack : stacks.stacks) {
    if (by(stack) != 0) order.push_back(&stack);
  }
  std::ranges::sort(order, [&](const Stack* a, const Stack* b) {
    const auto [x, y] = std::pair(std::abs(by(*a)), std::abs(by(*b)));
    return x != y ? x > y : a < b;
  });
  const std::size_t all = order.size();
  order.resize(std::min(all, kTopStacks));
  const auto text = [&](std::int64_t value) { return value_text(value, stacks.type.unit); };
  fmt::format_to(std::back_inserter(out), "\n{} before, {} after\n", text(stacks.total_before),
                 text(stacks.total));
  if (all == 0) out += "\nno stack changed\n";
  if (all != 0) {
    fmt::format_to(std::back_inserter(out), "\nmost changed stacks ({} of {})\n", order.size(),
                   all);
  }
  for (const Stack* stack : order) {
    fmt::format_to(std::back_inserter(out), "\n  {}{}  {} before, {} after{}\n",
                   by(*stack) > 0 ? "+" : "", text(by(*stack)), text(stack->before),
                   text(stack->value),
                   stack->before == 0  ? "  new"
                   : stack->value == 0 ? "  gone"
                                       : "");
    put_stack(out, stacks, *stack);
  }
}

// What the stacks are weighed by, where that is not simply their events.
void put_weight(std::string& out, const Stacks& stacks, const profile::Profile& profile) {
  if (stacks.type == profile::ValueType{"events", "count"} || stacks.type.type.empty()) return;
  fmt::format_to(std::back_inserter(out), "weight    {}: {}{}\n", safe_text(stacks.type.type),
                 value_text(stacks.total, stacks.type.unit),
                 events_column(profile) == kNoColumn ? std::string()
                                                     : " in " + events_text(stacks.total_events));
}

void put_hottest(std::string& out, const Stacks& stacks, const profile::Profile& profile) {
  std::vector<const Stack*> order;
  for (const Stack& stack : stacks.stacks) order.push_back(&stack);
  // Equal values stay in the order of their frames, which is the order of the stacks in memory.
  std::ranges::sort(order, [](const Stack* a, const Stack* b) {
    return a->value != b->value ? a->value > b->value : a < b;
  });
  const std::size_t all = order.size();
  order.resize(std::min(all, kTopStacks));
  if (all == 0) {
    out += "\nno stacks\n";
    return;
  }
  fmt::format_to(std::back_inserter(out), "\nhottest stacks ({} of {})\n", order.size(), all);
  for (const Stack* stack : order) {
    const double share = stacks.total == 0 ? 0
                                           : 100.0 * static_cast<double>(stack->value) /
                                                 static_cast<double>(stacks.total);
    const bool counted =
        events_column(profile) != profile.default_type && events_column(profile) != kNoColumn;
    fmt::format_to(std::back_inserter(out), "\n  {}  {:.1f} %{}\n",
                   weight_text(stack->value, stacks.type), share,
                   counted ? "  " + events_text(stack->events) : std::string());
    put_stack(out, stacks, *stack);
  }
}

}  // namespace

std::string write_text(const profile::Profile& profile, const WriteOptions& options) {
  std::string out;
  put_header(out, profile.header);
  const bool difference = is_difference(profile);
  Stacks stacks =
      make_stacks(profile, difference ? Suffixes::No : Suffixes::Yes,
                  options.lines ? Lines::Yes : Lines::No, difference ? Keep::Drawn : Keep::Weighed);
  if (difference) {
    merge_kinds(stacks, Kinds::Java);
    if (options.normalise) normalise(stacks);
    put_most_changed(out, stacks);
  } else {
    put_weight(out, stacks, profile);
    put_hottest(out, stacks, profile);
    out += totals_text(profile);
    out += histogram_text(profile, options.lines);
  }
  put_ledger(out, profile.ledger);
  for (const std::string& comment : profile.comments) {
    fmt::format_to(std::back_inserter(out), "\nnote: {}", safe_text(comment));
  }
  if (!profile.comments.empty()) out += '\n';
  return out;
}

}  // namespace jtrace::exporting
