// SPDX-License-Identifier: Apache-2.0
#include "session/sample_store.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace jtrace::session {

using profile::LocationId;

namespace {

// Whether the stack ends at its thread's entry. Those with a gap or with frozen frames do, and have
// their marker where these frames would be; of one whose leaf is unproven only the second frame is
// in doubt.
bool reaches_entry(jt_status status) {
  return status == JT_STATUS_COMPLETE || status == JT_STATUS_NO_USER || status == JT_STATUS_GAP ||
         status == JT_STATUS_FROZEN || status == JT_STATUS_UNPROVEN;
}

// Those of Java, and of any other runtime.
std::uint64_t generated_lines(const profile::Location& location) {
  if (location.source != profile::NameSource::VmStructs) return location.lines.size();
  return static_cast<std::uint64_t>(std::ranges::count_if(location.lines, [](const auto& line) {
    return line.kind >= profile::FrameKind::JavaC2 && line.kind <= profile::FrameKind::JavaStub;
  }));
}

}  // namespace

void add(jt_sum& to, const jt_sum& one) {
  const auto plus = [](auto& a, auto b) {
    if (__builtin_add_overflow(a, b, &a)) a = std::numeric_limits<std::uint64_t>::max();
  };
  plus(to.count, one.count);
  plus(to.kept, one.kept);
  plus(to.errors, one.errors);
  for (std::size_t i = 0; i < JT_MAX_WEIGHTS; ++i) plus(to.weight[i], one.weight[i]);
}

void SampleStore::name(const jt_stack_key& key, std::vector<LocationId> locations) {
  const std::size_t frames = locations.size();
  if (stacks_->try_emplace(stack_of(key), std::move(locations)).second) frames_held_ += frames;
}

void SampleStore::rename(const std::function<LocationId(LocationId)>& move) {
  const auto moved = [&](const auto& ids) {
    std::vector<LocationId> all;
    std::ranges::transform(ids, std::back_inserter(all), move);
    return all;
  };
  for (auto& [key, ids] : *stacks_) ids = moved(ids);
  if (before_) {
    auto before = std::make_shared<Stacks>();
    for (const auto& [key, ids] : *before_) before->emplace(key, moved(ids));
    before_ = std::move(before);
  }
  decltype(deferred_) deferred;
  for (const auto& [of, sum] : deferred_) {
    session::add(deferred[{of.first, moved(of.second)}], sum);
  }
  deferred_ = std::move(deferred);
}

const std::vector<LocationId>* SampleStore::find(const jt_stack_key& key) const {
  const jt_stack_key stack = stack_of(key);
  for (const auto& stacks : {std::shared_ptr<const Stacks>(stacks_), before_}) {
    if (!stacks) continue;
    if (const auto it = stacks->find(stack); it != stacks->end()) return &it->second;
  }
  return nullptr;
}

void SampleStore::inherit(const jt_stack_key& key) {
  if (const auto* locations = find(key)) name(key, *locations);
}

const void* SampleStore::add_deferred(const jt_stack_key& key, const jt_sum& sum,
                                      std::vector<LocationId> locations) {
  // A hostile process can make every one different: past the limit they are counted without frames.
  if (deferred_.size() >= kMaxStacks) locations.clear();
  jt_stack_key of = key;
  of.hash = 0;
  of.frames = 0;
  of.user_stack = -1;
  auto& node = *deferred_.try_emplace({of, std::move(locations)}).first;
  session::add(node.second, sum);
  return &node;
}

const void* SampleStore::add(const jt_stack_key& key, const std::vector<LocationId>& at_first,
                             const jt_sum& sum, const profile::SymbolTable& symbols,
                             const Hooks& hooks, profile::ProfileBuilder& builder) {
  const std::uint64_t count = sum.kept;
  figures_.scaled += sum.count;
  figures_.scaled_by_event[key.event] += sum.count;
  std::vector<LocationId> locations;
  std::ranges::transform(at_first, std::back_inserter(locations), hooks.settled);
  if (key.status < figures_.statuses.size()) {
    figures_.statuses.at(key.status) += count;
    figures_.by_event[key.event].at(key.status) += count;
  }
  constexpr std::size_t kShallow = 3;
  if (locations.size() <= kShallow) figures_.shallow += count;
  for (const LocationId id : locations) {
    const auto& location = symbols.locations()[id.value];
    for (const auto& line : location.lines) figures_.frames.by_kind[line.kind] += count;
    if (location.lines.empty()) figures_.frames.unnamed[location.reason] += count;
    if (const auto lines = generated_lines(location)) {
      figures_.frames.by_source[location.source] += count * lines;
    }
  }
  std::vector<LocationId> all = hooks.shown(key);
  std::ranges::copy(hooks.kernel(key.kernel_stack), std::back_inserter(all));
  all.insert(all.end(), locations.begin(), locations.end());
  if (!hooks.keep(all)) {
    figures_.left_out += count;
    return nullptr;
  }
  const auto status = static_cast<jt_status>(key.status);
  if (!reaches_entry(status)) {
    all.push_back(hooks.cut_marker(status));
  }
  auto labels = hooks.labels(key, all);
  return builder.add(
      {.locations = std::move(all), .values = hooks.values(key, sum), .labels = std::move(labels)});
}

StatusCounts SampleStore::statuses_of(std::uint32_t event) const {
  const auto found = figures_.by_event.find(event);
  return found == figures_.by_event.end() ? StatusCounts{} : found->second;
}

std::uint64_t SampleStore::scaled_of(std::uint32_t event) const {
  const auto found = figures_.scaled_by_event.find(event);
  return found == figures_.scaled_by_event.end() ? 0 : found->second;
}

void SampleStore::build(const std::vector<capture::StackCount>& counts,
                        const profile::SymbolTable& symbols, const Hooks& hooks,
                        profile::ProfileBuilder& builder) {
  figures_ = {};
  for (const auto& [key, sum] : counts) {
    if (sum.count == 0)
      continue;  // a stack that is known to the kernel, before its first event ended
    const auto* locations = find(key);
    if (locations == nullptr) figures_.without_frames += sum.kept;
    const void* sample = add(key, locations == nullptr ? std::vector<LocationId>{} : *locations,
                             sum, symbols, hooks, builder);
    if (hooks.added && sample != nullptr) hooks.added(key, nullptr, sample);
  }
  for (const auto& node : deferred_) {
    const auto& [of, sum] = node;
    const void* sample = add(of.first, of.second, sum, symbols, hooks, builder);
    if (hooks.added && sample != nullptr) hooks.added(of.first, &node, sample);
  }
}

}  // namespace jtrace::session
