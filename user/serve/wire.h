// SPDX-License-Identifier: Apache-2.0
// What the tracer and the server say to each other: messages of SOCK_SEQPACKET.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "serve/server.h"

namespace jtrace::serve {

// To the server. The text or the window comes as a descriptor of memory.
struct Order {
  enum Kind : std::uint64_t { Metrics, Finished, Live };
  std::uint64_t kind = Metrics;  // of the last two: a window
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
  std::array<char, 256> title{};  // ends in 0
  std::array<char, 256> target{};
};

// From the server, after each order and before the first.
struct Answer {
  std::uint64_t answered = 0;  // orders
  std::uint64_t taken = 0;     // of them finished windows
  std::uint64_t dropped = 0;
  std::uint64_t windows = 0;
  std::uint64_t bytes = 0;
  std::array<char, 256> trouble{};  // ends in 0; it cannot serve, and ends
};

struct Listener {
  UniqueFd socket;
  bool metrics_only = false;
};

// For as long as the tracer's end is open. `watch` gets a byte each time somebody looks at the
// window that goes on: so that who traces, which reads nothing into it, makes it anew.
[[noreturn]] void run_server(UniqueFd socket, UniqueFd watch, std::vector<Listener> listeners,
                             const Settings& settings, const std::function<Status()>& confine);

}  // namespace jtrace::serve
