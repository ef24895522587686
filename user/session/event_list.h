// SPDX-License-Identifier: Apache-2.0
// Events one by one (-o events): each as it was counted, named when its stack is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bpf/jtrace_abi.h"
#include "profile/profile_builder.h"
#include "session/sample_store.h"
#include "session/weights.h"

namespace jtrace::session {

class EventList {
 public:
  // 64 bytes each.
  static constexpr std::size_t kMost = 1'000'000;

  // One that the kernel side counted under its key.
  void add(const jt_event_record& record);
  // One whose walk was finished here; `deferred` is SampleStore's name for what it was added to.
  void add(const jt_stack_key& key, const jt_sum& sum, std::uint64_t time_ns, std::uint32_t tid,
           const void* deferred);

  // Events beyond kMost: they are counted, and in no list.
  [[nodiscard]] std::uint64_t unlisted() const { return unlisted_; }

  // SampleStore::Hooks::added, before build().
  void found(const jt_stack_key& key, const void* deferred, const void* sample);
  // `wall_ns`: what to add to CLOCK_MONOTONIC for the time since the epoch.
  void build(const Weights& weights, std::int64_t scale, std::int64_t wall_ns,
             profile::ProfileBuilder& builder) const;

 private:
  struct Single {
    std::uint64_t time_ns;
    const void* of;  // in keys_, or of the store
    std::uint32_t tgid, tid, event;
    jt_sum sum;
  };
  void keep(const Single& single);

  std::vector<Single> singles_;
  std::unordered_set<jt_stack_key, KeyHash, KeyEqual> keys_;
  std::unordered_map<const void*, const void*> samples_;
  std::uint64_t unlisted_ = 0;
};

}  // namespace jtrace::session
