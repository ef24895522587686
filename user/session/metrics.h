// SPDX-License-Identifier: Apache-2.0
// What a run tells Prometheus: names by its conventions (prometheus.io/docs/practices/naming).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "push/sender.h"
#include "serve/server.h"
#include "session/sample_store.h"

namespace jtrace::session {

// Counted since the trace began, over all windows. What is not known is left out.
struct MetricsInput {
  struct Event {
    std::string name;
    capture::Counters counters{};
    std::optional<StatusCounts> statuses{};  // known when a window is finished
    std::uint64_t unread = 0;  // lost, and not in `counters`: their stacks could not be read
  };
  struct Map {
    std::string name;
    std::uint64_t bytes = 0;
    std::uint64_t most = 0;               // entries
    std::optional<std::uint64_t> used{};  // of these, where it is we who fill it
  };
  std::string version;
  capture::Counters counters{};  // of all events, and what belongs to none
  std::vector<Event> events{};
  std::optional<FrameCounts> frames{};
  std::optional<std::uint64_t> missed_by_recursion{};
  double traced_seconds = 0;
  double sampling_ratio = 1;  // of events that are looked at
  std::optional<double> bpf_seconds{};
  std::optional<bool> overhead_stopped{};  // --max-overhead could not be held
  double cpu_seconds = 0;                  // of the process that traces
  std::uint64_t resident_bytes = 0;
  std::uint64_t distinct_stacks = 0;
  std::vector<Map> maps{};
  std::uint64_t windows = 0;  // finished
  std::optional<push::Counters> uploads{};
  std::optional<serve::Counters> served{};
};

// Events whose stack the kernel has and did not hand over, of finished windows. It counts them as
// kept, which they are not; what was told of those before may not become less all the same, or
// Prometheus would take it for a new run.
class UnreadEvents {
 public:
  void add(std::size_t event, std::uint64_t count);
  // From kept to unread, of each event and of all.
  void settle(MetricsInput& input);

 private:
  struct Figures {
    std::uint64_t count = 0;
    std::uint64_t kept = 0;  // as it was told last
  };
  std::vector<Figures> events_;
};

[[nodiscard]] std::string metrics_text(const MetricsInput& input);

}  // namespace jtrace::session
