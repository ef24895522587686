// SPDX-License-Identifier: Apache-2.0
#include "session/unnamed_stacks.h"

#include <algorithm>
#include <utility>

namespace jtrace::session {

void UnnamedStacks::add(UnnamedStack stack) {
  by_target_[stack.target].push_back(std::move(stack));
  ++size_;
}

bool UnnamedStacks::name_queue(std::deque<UnnamedStack>& queue, const IsReady& is_ready,
                               const Name& name, std::chrono::steady_clock::time_point until) {
  while (!queue.empty() && is_ready(queue.front())) {
    name(queue.front());
    queue.pop_front();
    --size_;
    if (std::chrono::steady_clock::now() > until) return false;
  }
  return true;
}

void UnnamedStacks::name_ready(const IsReady& is_ready, const Name& name,
                               std::chrono::steady_clock::time_point until) {
  auto next = by_target_.upper_bound(last_);
  bool in_time = true;
  for (std::size_t left = by_target_.size(); left > 0 && in_time; --left) {
    if (next == by_target_.end()) next = by_target_.begin();
    last_ = next->first;
    in_time = name_queue(next->second, is_ready, name, until);
    next = next->second.empty() ? by_target_.erase(next) : std::next(next);
  }
}

void UnnamedStacks::name_all(const Name& name) {
  for_each(name);
  by_target_.clear();
  size_ = 0;
}

bool UnnamedStacks::has_in(std::uint32_t window) const {
  return std::ranges::any_of(by_target_, [window](const auto& of) {
    return std::ranges::any_of(of.second, [window](const auto& s) { return s.window == window; });
  });
}

}  // namespace jtrace::session
