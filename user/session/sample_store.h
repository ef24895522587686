// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bpf/jtrace_abi.h"
#include "capture/capture.h"
#include "profile/profile_builder.h"
#include "profile/symbol_table.h"

namespace jtrace::session {

// The key of the stack alone: frames come once for all values and sizes that go with them.
[[nodiscard]] inline jt_stack_key stack_of(jt_stack_key key) {
  key.values = JT_NO_VALUES;
  std::ranges::fill(key.bucket, 0);
  return key;
}

// Adds, saturating: the numbers are the target's to choose.
void add(jt_sum& to, const jt_sum& one);

struct KeyHash {
  // The key's own hash is random already; the rest tells apart what shares a stack.
  std::size_t operator()(const jt_stack_key& key) const {
    return static_cast<std::size_t>(key.hash ^ (static_cast<std::uint64_t>(key.tgid) << 32) ^
                                    key.tid ^ (static_cast<std::uint64_t>(key.event) << 16) ^
                                    static_cast<std::uint64_t>(key.kernel_stack) ^ key.values ^
                                    (static_cast<std::uint64_t>(key.bucket[0]) << 40) ^
                                    (static_cast<std::uint64_t>(key.bucket[1]) << 48) ^
                                    (static_cast<std::uint64_t>(key.user_stack) << 8));
  }
};
struct KeyEqual {
  bool operator()(const jt_stack_key& a, const jt_stack_key& b) const {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
  }
};

// How many events ended in each status.
using StatusCounts = std::array<std::uint64_t, JT_STATUS_COUNT>;

// What became of the frames of all events, weighted by events.
struct FrameCounts {
  std::map<profile::FrameKind, std::uint64_t> by_kind;
  std::map<profile::UnknownReason, std::uint64_t> unnamed;
  std::map<profile::NameSource, std::uint64_t> by_source;  // of by_kind: those of generated code
};

// Stacks as they were named at first sight, and how often each was met.
class SampleStore {
 public:
  // A stack seen for the first time, named while its process lives. Leaf first.
  void name(const jt_stack_key& key, std::vector<profile::LocationId> locations);
  // An event whose walk was finished here. Its key's status is the walk's.
  // Returns a name for what it was added to, as Hooks::added has it.
  const void* add_deferred(const jt_stack_key& key, const jt_sum& sum,
                           std::vector<profile::LocationId> locations);

  // What begins in one window and ends in the next one is counted there, and its frames were sent
  // before: `last` is asked for stacks that are not known here, for as long as this lives.
  void follow(const SampleStore& last) { before_ = last.stacks_; }
  // Gives all locations the ids that `move` says they have now.
  void rename(const std::function<profile::LocationId(profile::LocationId)>& move);
  // What all stacks take, about.
  [[nodiscard]] std::uint64_t bytes() const {
    return kStackBytes * (stacks_->size() + deferred_.size()) +
           sizeof(profile::LocationId) * frames_held_;
  }
  // ... one of that many frames.
  [[nodiscard]] static std::uint64_t bytes_of(std::size_t frames) {
    return kStackBytes + sizeof(profile::LocationId) * frames;
  }
  // Takes over what the last one knows of a stack that may be counted here later still.
  void inherit(const jt_stack_key& key);

  // Adds every counted stack to the builder. `labels` makes the labels of a key and its stack,
  // `shown` the frames of the values it shows, leaf first, `kernel` the kernel frames of a stack
  // id, `values` the columns of the profile.
  struct Hooks {
    std::function<std::vector<profile::Label>(const jt_stack_key&,
                                              const std::vector<profile::LocationId>&)>
        labels;
    std::function<std::vector<profile::LocationId>(const jt_stack_key&)> shown;
    std::function<std::vector<std::int64_t>(const jt_stack_key&, const jt_sum&)> values;
    std::function<std::vector<profile::LocationId>(std::int32_t)> kernel;
    // Whether a stack (leaf first, kernel frames included) is to be shown (-I, -X).
    std::function<bool(const std::vector<profile::LocationId>&)> keep;
    // What stands for a frame now: its name may have come later than its stack.
    std::function<profile::LocationId(profile::LocationId)> settled;
    // The frame that stands below the last one of a stack that ended early.
    std::function<profile::LocationId(jt_status)> cut_marker;
    // A sample of the builder holds what came under this key, or by this name.
    std::function<void(const jt_stack_key&, const void* deferred, const void* sample)> added{};
  };
  // Its figures below are those of the last time.
  void build(const std::vector<capture::StackCount>& counts, const profile::SymbolTable& symbols,
             const Hooks& hooks, profile::ProfileBuilder& builder);

  // Whether another stack has room; ask before naming one.
  [[nodiscard]] bool full() const { return stacks_->size() >= kMaxStacks; }
  [[nodiscard]] std::size_t stacks() const { return stacks_->size(); }
  // Whether it was named.
  [[nodiscard]] bool knows(const jt_stack_key& key) const { return find(key) != nullptr; }
  // Valid after build().
  [[nodiscard]] const StatusCounts& statuses() const { return figures_.statuses; }
  [[nodiscard]] StatusCounts statuses_of(std::uint32_t event) const;
  // What all counts add up to, and those of one event: where the governor scales them, more than
  // there are statuses.
  [[nodiscard]] std::uint64_t scaled() const { return figures_.scaled; }
  [[nodiscard]] std::uint64_t scaled_of(std::uint32_t event) const;
  [[nodiscard]] const FrameCounts& frames() const { return figures_.frames; }
  // Events whose stacks `keep` refused.
  [[nodiscard]] std::uint64_t left_out() const { return figures_.left_out; }
  // Events whose user stack has three frames or fewer.
  [[nodiscard]] std::uint64_t shallow() const { return figures_.shallow; }
  [[nodiscard]] std::uint64_t without_frames() const { return figures_.without_frames; }

 private:
  // The builder's name for the sample, nullptr where it is left out.
  const void* add(const jt_stack_key& key, const std::vector<profile::LocationId>& locations,
                  const jt_sum& sum, const profile::SymbolTable& symbols, const Hooks& hooks,
                  profile::ProfileBuilder& builder);

  // As many as the kernel's table of counts has; beyond, nothing is counted that could be looked
  // up.
  static constexpr std::size_t kMaxStacks = 65536;
  static constexpr std::uint64_t kStackBytes = 160;  // one without its frames, about
  using Stacks =
      std::unordered_map<jt_stack_key, std::vector<profile::LocationId>, KeyHash, KeyEqual>;
  [[nodiscard]] const std::vector<profile::LocationId>* find(const jt_stack_key& key) const;

  std::shared_ptr<Stacks> stacks_ = std::make_shared<Stacks>();
  std::shared_ptr<const Stacks> before_;
  std::size_t frames_held_ = 0;
  struct DeferredLess {
    bool operator()(const std::pair<jt_stack_key, std::vector<profile::LocationId>>& a,
                    const std::pair<jt_stack_key, std::vector<profile::LocationId>>& b) const {
      const int order = std::memcmp(&a.first, &b.first, sizeof(a.first));
      return order != 0 ? order < 0 : a.second < b.second;
    }
  };
  std::map<std::pair<jt_stack_key, std::vector<profile::LocationId>>, jt_sum, DeferredLess>
      deferred_;
  struct Figures {
    StatusCounts statuses{};
    std::map<std::uint32_t, StatusCounts> by_event;
    std::uint64_t scaled = 0;
    std::map<std::uint32_t, std::uint64_t> scaled_by_event;
    FrameCounts frames;
    std::uint64_t without_frames = 0;
    std::uint64_t shallow = 0;
    std::uint64_t left_out = 0;
  };
  Figures figures_;
};

}  // namespace jtrace::session
