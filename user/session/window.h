// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "session/event_list.h"
#include "session/events.h"
#include "session/sample_store.h"
#include "session/value_store.h"

namespace jtrace::session {

// What was met in one window, named. A trace has one, a continuous one many.
struct Window {
  // `before`: the last one, whose stacks and values are those of events that began in it and end in
  // this one; null where there are none.
  Window(std::uint32_t its_number, const Events& events, const Window* before)
      : number(its_number), values(events) {
    if (before == nullptr) return;
    samples.follow(before->samples);
    values.follow(before->values);
  }

  std::uint32_t number;
  SampleStore samples;
  ValueStore values;
  EventList list;
  struct Thread {
    std::string name;
    bool settled = false;
  };
  std::map<std::uint32_t, Thread> threads;  // by tid, as they were called when first seen
  // By id, of what began in the last one.
  std::map<std::int32_t, std::vector<std::uint64_t>> kernel;
};

}  // namespace jtrace::session
