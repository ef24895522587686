// SPDX-License-Identifier: Apache-2.0
#include "session/sample_store.h"

#include <algorithm>
#include <iterator>

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

void SampleStore::name(const jt_stack_key& key, std::vector<LocationId> locations) {
  stacks_.try_emplace(key, std::move(locations));
}

void SampleStore::add_deferred(const jt_stack_key& key, std::vector<LocationId> locations) {
  // A hostile process can make every one different: past the limit they are counted without frames.
  if (deferred_.size() >= kMaxStacks) locations.clear();
  ++deferred_[{key.tgid, key.tid, key.event, key.kernel_stack, key.status, std::move(locations)}];
}

void SampleStore::add(const jt_stack_key& key, const std::vector<LocationId>& at_first,
                      std::uint64_t count, const profile::SymbolTable& symbols, const Hooks& hooks,
                      profile::ProfileBuilder& builder) {
  std::vector<LocationId> locations;
  std::ranges::transform(at_first, std::back_inserter(locations), hooks.settled);
  if (key.status < statuses_.size()) statuses_.at(key.status) += count;
  constexpr std::size_t kShallow = 3;
  if (locations.size() <= kShallow) shallow_ += count;
  for (const LocationId id : locations) {
    const auto& location = symbols.locations()[id.value];
    for (const auto& line : location.lines) frames_.by_kind[line.kind] += count;
    if (location.lines.empty()) frames_.unnamed[location.reason] += count;
    if (const auto lines = generated_lines(location)) {
      frames_.by_source[location.source] += count * lines;
    }
  }
  std::vector<LocationId> all = hooks.kernel(key.kernel_stack);
  all.insert(all.end(), locations.begin(), locations.end());
  if (!hooks.keep(all)) {
    left_out_ += count;
    return;
  }
  const auto status = static_cast<jt_status>(key.status);
  if (!reaches_entry(status)) {
    all.push_back(hooks.cut_marker(status));
  }
  auto labels = hooks.labels(key, all);
  builder.add({.locations = std::move(all),
               .values = {static_cast<std::int64_t>(count) * hooks.scale},
               .labels = std::move(labels)});
}

void SampleStore::build(const std::vector<capture::StackCount>& counts,
                        const profile::SymbolTable& symbols, const Hooks& hooks,
                        profile::ProfileBuilder& builder) {
  for (const auto& [key, count] : counts) {
    const auto it = stacks_.find(key);
    if (it == stacks_.end()) without_frames_ += count;
    add(key, it == stacks_.end() ? std::vector<LocationId>{} : it->second, count, symbols, hooks,
        builder);
  }
  for (const auto& [deferred, count] : deferred_) {
    const auto& [tgid, tid, event, kernel_stack, status, locations] = deferred;
    const jt_stack_key key{.hash = 0,
                           .frames = 0,
                           .tgid = tgid,
                           .tid = tid,
                           .event = event,
                           .kernel_stack = kernel_stack,
                           .user_stack = -1,
                           .status = status,
                           .pad = 0};
    add(key, locations, count, symbols, hooks, builder);
  }
}

}  // namespace jtrace::session
