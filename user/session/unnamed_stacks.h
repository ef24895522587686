// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "bpf/jtrace_abi.h"
#include "profile/symbol_table.h"

namespace jtrace::session {

class Target;

// What is named already of a stack's frames: what only the process knows (Target::lasts).
using Perishable = std::vector<std::optional<profile::LocationId>>;

// An event whose walk was finished here.
struct Deferral {
  jt_sum sum;
  std::uint64_t time_ns;
  std::uint32_t tid;
};

struct UnnamedStack {
  jt_stack_key key;
  std::uint32_t window = 0;
  Target* target = nullptr;  // whose tables it was walked by; null: none, and no frames
  std::vector<jt_frame> frames;
  Perishable java{};
  std::optional<Deferral> deferred{};  // one event, walked here
  bool ready = false;                  // its files were read when it came
};

// Stacks whose names are in files that are still being read. Those of a process are named in the
// order in which they came; no process waits for the files of another. Targets must outlive their
// stacks. One thread.
class UnnamedStacks {
 public:
  void add(UnnamedStack stack);

  using IsReady = std::function<bool(const UnnamedStack&)>;
  using Name = std::function<void(const UnnamedStack&)>;
  // Names those whose time has come, until `until`, and goes on behind the process where the last
  // turn ended. One that waited is asked again when there is `progress` (NativeSymbols).
  void name_ready(std::uint64_t progress, const IsReady& is_ready, const Name& name,
                  std::chrono::steady_clock::time_point until);
  void name_all(const Name& name);

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool has_of(Target* target) const { return by_target_.contains(target); }
  [[nodiscard]] bool has_in(std::uint32_t window) const;
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [target, queue] : by_target_) std::ranges::for_each(queue.stacks, visit);
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [target, queue] : by_target_) std::ranges::for_each(queue.stacks, visit);
  }

 private:
  struct Queue {
    std::deque<UnnamedStack> stacks;
    std::optional<std::uint64_t> waits_since{};  // the progress there was
  };
  // False where the time is over.
  bool name_queue(Queue& queue, std::uint64_t progress, const IsReady& is_ready, const Name& name,
                  std::chrono::steady_clock::time_point until);

  std::map<Target*, Queue> by_target_;  // none is empty
  std::size_t size_ = 0;
  Target* last_ = nullptr;  // whose were named last
};

}  // namespace jtrace::session
