// SPDX-License-Identifier: Apache-2.0
#include "session/event_list.h"

namespace jtrace::session {

void EventList::keep(const Single& single) {
  if (singles_.size() < kMost) {
    singles_.push_back(single);
  } else {
    ++unlisted_;
  }
}

void EventList::add(const jt_event_record& record) {
  keep({.time_ns = record.head.time_ns,
        .of = &*keys_.insert(record.key).first,
        .tgid = record.key.tgid,
        .tid = record.tid,
        .event = record.key.event,
        .sum = record.sum});
}

void EventList::add(const jt_stack_key& key, const jt_sum& sum, std::uint64_t time_ns,
                    std::uint32_t tid, const void* deferred) {
  keep({.time_ns = time_ns,
        .of = deferred,
        .tgid = key.tgid,
        .tid = tid,
        .event = key.event,
        .sum = sum});
}

void EventList::found(const jt_stack_key& key, const void* deferred, const void* sample) {
  if (deferred != nullptr) {
    samples_.emplace(deferred, sample);
    return;
  }
  const auto known = keys_.find(key);
  if (known != keys_.end()) samples_.emplace(&*known, sample);
}

void EventList::build(const Weights& weights, std::int64_t scale, std::int64_t wall_ns,
                      profile::ProfileBuilder& builder) const {
  for (const Single& single : singles_) {
    const auto sample = samples_.find(single.of);
    if (sample == samples_.end()) continue;  // -I and -X left its stack out
    const std::chrono::nanoseconds since(static_cast<std::int64_t>(single.time_ns) + wall_ns);
    builder.add_event(sample->second,
                      {.time = std::chrono::system_clock::time_point(
                           std::chrono::duration_cast<std::chrono::system_clock::duration>(since)),
                       .pid = single.tgid,
                       .tid = single.tid,
                       .values = weights.values(single.event, single.sum, scale)});
  }
}

}  // namespace jtrace::session
