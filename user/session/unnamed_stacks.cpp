// SPDX-License-Identifier: Apache-2.0
#include "session/unnamed_stacks.h"

#include <algorithm>
#include <utility>

namespace jtrace::session {

void UnnamedStacks::add(UnnamedStack stack) {
  by_target_[stack.target].stacks.push_back(std::move(stack));
  ++size_;
}

bool UnnamedStacks::name_queue(Queue& queue, std::uint64_t progress, const IsReady& is_ready,
                               const Name& name, std::chrono::steady_clock::time_point until) {
  auto& stacks = queue.stacks;
  while (!stacks.empty() && is_ready(stacks.front())) {
    name(stacks.front());
    stacks.pop_front();
    --size_;
    if (std::chrono::steady_clock::now() > until) return false;
  }
  queue.waits_since = progress;
  return true;
}

void UnnamedStacks::name_ready(std::uint64_t progress, const IsReady& is_ready, const Name& name,
                               std::chrono::steady_clock::time_point until) {
  auto next = by_target_.upper_bound(last_);
  bool in_time = true;
  for (std::size_t left = by_target_.size(); left > 0 && in_time; --left) {
    if (next == by_target_.end()) next = by_target_.begin();
    last_ = next->first;
    Queue& queue = next->second;
    if (queue.waits_since != progress) {
      in_time = name_queue(queue, progress, is_ready, name, until);
    }
    next = queue.stacks.empty() ? by_target_.erase(next) : std::next(next);
  }
}

void UnnamedStacks::name_all(const Name& name) {
  for_each(name);
  by_target_.clear();
  size_ = 0;
}

bool UnnamedStacks::has_in(std::uint32_t window) const {
  return std::ranges::any_of(by_target_, [window](const auto& of) {
    return std::ranges::any_of(of.second.stacks,
                               [window](const auto& s) { return s.window == window; });
  });
}

}  // namespace jtrace::session
