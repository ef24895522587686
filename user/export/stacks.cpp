// SPDX-License-Identifier: Apache-2.0
#include "export/stacks.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "export/diff.h"
#include "export/exporter.h"
#include "export/sequence_order.h"
#include "profile/saturate.h"

namespace jtrace::exporting {
namespace {

using profile::FrameKind;
using FrameIds = std::vector<std::uint32_t>;

class Expander {
 public:
  Expander(const profile::Profile& profile, Suffixes suffixes, Lines lines)
      : profile_(profile),
        suffix_(suffixes == Suffixes::Yes),
        lines_(lines == Lines::Yes),
        of_location_(profile.locations.size()) {}

  // Appends the frames of a sample.
  void expand(const profile::Sample& sample, FrameIds& ids) {
    const std::size_t first = ids.size();
    if (const auto thread = label(sample, "thread"))
      ids.push_back(frame(*thread, FrameKind::Thread));
    const std::size_t root = ids.size();
    for (auto it = sample.locations.rbegin(); it != sample.locations.rend(); ++it) {
      const FrameIds& part = location(it->value);
      if (part.size() == 1) {
        ids.push_back(part.front());
      } else {
        ids.insert(ids.end(), part.begin(), part.end());
      }
    }
    if (ids.size() == root) ids.push_back(id_of({"[unknown]", FrameKind::Unknown}));
    if (profile_.header.events.size() > 1) {
      if (const auto event = label(sample, "event")) {
        const auto field = [&](std::uint32_t id) { return frames_[id].kind != FrameKind::Event; };
        const auto begin =
            std::make_reverse_iterator(ids.begin() + static_cast<std::ptrdiff_t>(first));
        const auto at = std::find_if(ids.rbegin(), begin, field).base();
        ids.insert(at, frame(*event, FrameKind::Event));
      }
    }
  }

  std::vector<Frame> take_frames() { return std::move(frames_); }

 private:
  std::optional<std::string_view> label(const profile::Sample& sample, std::string_view key) const {
    for (const profile::Label& label : sample.labels) {
      if (profile_.string(label.key) != key) continue;
      const std::string_view text = profile_.string(label.str);
      if (!text.empty()) return text;
    }
    return std::nullopt;
  }

  const FrameIds& location(std::uint32_t id) {
    FrameIds& ids = of_location_[id];
    if (!ids.empty()) return ids;
    const profile::Location& location = profile_.locations[id];
    for (auto line = location.lines.rbegin(); line != location.lines.rend(); ++line) {
      ids.push_back(id_of({line_text(profile_, *line, suffix_, lines_), line->kind}));
    }
    if (ids.empty()) ids.push_back(id_of({unknown_text(profile_, location), FrameKind::Unknown}));
    return ids;
  }

  std::uint32_t frame(std::string_view text, FrameKind kind) {
    return id_of({safe_text(text), kind});
  }

  std::uint32_t id_of(Frame frame) {
    const auto next = static_cast<std::uint32_t>(frames_.size());
    const auto [it, fresh] = ids_.try_emplace(frame, next);
    if (fresh) frames_.push_back(std::move(frame));
    return it->second;
  }

  const profile::Profile& profile_;
  bool suffix_;
  bool lines_;
  std::vector<FrameIds> of_location_;  // root first; empty: not yet expanded
  std::vector<Frame> frames_;
  std::map<Frame, std::uint32_t> ids_;
};

// Renumbers frames by their order, so that comparing numbers compares texts.
void sort_frames(Stacks& out) {
  std::vector<std::uint32_t> order(out.frames.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::uint32_t i) -> const Frame& { return out.frames[i]; });
  std::vector<std::uint32_t> rank(order.size());
  std::vector<Frame> frames(order.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    rank[order[i]] = i;
    frames[i] = std::move(out.frames[order[i]]);
  }
  out.frames = std::move(frames);
  for (std::uint32_t& id : out.ids) id = rank[id];
}

struct StackFrames {
  const std::vector<Stack>& stacks;

  [[nodiscard]] std::size_t size(std::uint32_t i) const { return stacks[i].frames.size(); }
  [[nodiscard]] std::uint32_t at(std::uint32_t i, std::size_t k) const {
    return stacks[i].frames[k];
  }
  void ask_for(std::uint32_t i, std::size_t k) const {
    __builtin_prefetch(stacks[i].frames.data() + k);
  }
};

void merge_equal(Stacks& out) {
  const auto [order, again] =
      sequence_order(StackFrames{out.stacks}, out.stacks.size(), out.frames.size());
  std::vector<std::size_t> place(order.size());
  std::vector<Stack> kept;
  kept.reserve(order.size());
  for (std::size_t at = 0; at < order.size(); ++at) {
    const Stack& stack = out.stacks[order[at]];
    if (!again[at]) {
      kept.push_back(stack);
    } else {
      Stack& same = kept.back();
      same.value = profile::saturating_add(same.value, stack.value);
      same.before = profile::saturating_add(same.before, stack.before);
      same.events = profile::saturating_add(same.events, stack.events);
    }
    place[order[at]] = kept.size() - 1;
  }
  out.stacks = std::move(kept);
  for (std::size_t& at : out.of_sample) {
    if (at != kNoStack) at = place[at];
  }
}

std::int64_t above_zero(const profile::Sample& sample, std::size_t column) {
  return column < sample.values.size() ? std::max<std::int64_t>(sample.values[column], 0) : 0;
}

}  // namespace

std::size_t events_column(const profile::Profile& profile) {
  const auto& types = profile.sample_types;
  const auto it = std::ranges::find(types, profile::ValueType{"events", "count"});
  return it == types.end() ? kNoColumn : static_cast<std::size_t>(it - types.begin());
}

void merge_kinds(Stacks& stacks, Kinds which) {
  const auto java = [](FrameKind kind) {
    return kind >= FrameKind::JavaC2 && kind <= FrameKind::JavaInterpreted;
  };
  const auto same = [&](const Frame& a, const Frame& b) {
    const bool kinds = which == Kinds::All || a.kind == b.kind || (java(a.kind) && java(b.kind));
    return kinds && a.text == b.text;
  };
  std::vector<std::uint32_t> merged(stacks.frames.size());
  std::size_t kept = 0;  // frames are sorted by text, then by kind
  for (std::size_t i = 0; i < stacks.frames.size(); ++i) {
    if (which == Kinds::Java && java(stacks.frames[i].kind)) {
      stacks.frames[i].kind = FrameKind::JavaC2;
    }
    if (kept == 0 || !same(stacks.frames[kept - 1], stacks.frames[i])) {
      if (kept != i) stacks.frames[kept] = std::move(stacks.frames[i]);
      ++kept;
    }
    merged[i] = static_cast<std::uint32_t>(kept - 1);
  }
  if (kept == stacks.frames.size()) return;
  stacks.frames.resize(kept);
  for (std::uint32_t& id : stacks.ids) id = merged[id];
  merge_equal(stacks);
}

void normalise(Stacks& stacks) {
  BaseScale scale(stacks.total_before, stacks.total);
  for (Stack& stack : stacks.stacks) stack.before = scale(stack.before);
  std::erase_if(stacks.stacks, [](const Stack& s) { return s.value <= 0 && s.before <= 0; });
  stacks.of_sample.clear();
  stacks.total_before = stacks.total;
}

Stacks make_stacks(const profile::Profile& profile, Suffixes suffixes, Lines lines, Keep keep) {
  Stacks out;
  out.difference = is_difference(profile);
  const std::size_t drawn = out.difference ? kNew : profile.default_type;
  if (drawn < profile.sample_types.size()) out.type = profile.sample_types[drawn];
  const std::size_t events = events_column(profile);
  Expander expander(profile, suffixes, lines);
  std::vector<std::size_t> ends;
  for (const profile::Sample& sample : profile.samples) {
    const std::int64_t value = above_zero(sample, drawn);
    const std::int64_t count = above_zero(sample, events);
    out.total_events = profile::saturating_add(out.total_events, count);
    const std::int64_t before = out.difference ? above_zero(sample, kBase) : 0;
    const auto weighed = [](std::int64_t v) { return v > 0; };
    const bool wanted = value > 0 || before > 0 ||
                        (keep == Keep::Weighed && std::ranges::any_of(sample.values, weighed));
    out.of_sample.push_back(wanted ? out.stacks.size() : kNoStack);
    if (!wanted) continue;
    expander.expand(sample, out.ids);
    ends.push_back(out.ids.size());
    out.stacks.push_back({{}, value, before, count});
    out.total = profile::saturating_add(out.total, value);
    out.total_before = profile::saturating_add(out.total_before, before);
  }
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ends.size(); begin = ends[i++]) {
    out.stacks[i].frames = std::span(out.ids).subspan(begin, ends[i] - begin);
  }
  out.frames = expander.take_frames();
  sort_frames(out);
  merge_equal(out);
  return out;
}

std::vector<std::int64_t> weights_of(const Stacks& stacks, const profile::Profile& profile,
                                     std::size_t column) {
  std::vector<std::int64_t> sums(stacks.stacks.size());
  for (std::size_t i = 0; i < stacks.of_sample.size(); ++i) {
    if (stacks.of_sample[i] == kNoStack) continue;
    std::int64_t& sum = sums[stacks.of_sample[i]];
    sum = profile::saturating_add(sum, above_zero(profile.samples[i], column));
  }
  return sums;
}

}  // namespace jtrace::exporting
