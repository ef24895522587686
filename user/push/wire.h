// SPDX-License-Identifier: Apache-2.0
// What the tracer and the sender say to each other: messages of SOCK_SEQPACKET.
#pragma once

#include <array>
#include <cstdint>

#include "push/sender.h"

namespace jtrace::push {

// To the sender. A window comes as a descriptor of memory, so that its size makes nobody wait.
struct Order {
  enum class Kind : std::uint32_t { Window, Finish };
  Kind kind = Kind::Window;
  std::uint32_t patience_ms = 0;  // of Finish
};

// From the sender, whenever something changed.
struct Answer {
  Counters counters;
  std::uint64_t last = 0;           // it ends by itself
  std::array<char, 256> trouble{};  // ends in 0
};

// For as long as the tracer's end is open.
[[noreturn]] void run_sender(UniqueFd socket, UniqueFd spool, const Settings& settings,
                             const std::function<Status()>& confine);

}  // namespace jtrace::push
