// SPDX-License-Identifier: Apache-2.0
// What the tracer and the sender say to each other: messages of SOCK_SEQPACKET.
#pragma once

#include <array>
#include <cstdint>

#include "push/sender.h"

namespace jtrace::push {

// To the sender. A window comes as a descriptor of memory, so that its size makes nobody wait.
struct Order {
  // Authorization: what goes into that header from now on comes as such memory, too.
  enum class Kind : std::uint32_t { Window, Finish, Authorization };
  Kind kind = Kind::Window;
  std::uint32_t patience_ms = 0;  // of Finish
};

// From the sender, whenever something changed.
struct Answer {
  Counters counters;
  std::uint32_t last = 0;    // it ends by itself
  std::uint32_t waits = 0;   // as in Report
  std::uint64_t denied = 0;  // likewise
  // End in 0.
  std::array<char, 256> trouble{};
  std::array<char, 256> refusal{};
};

// For as long as the tracer's end is open.
[[noreturn]] void run_sender(UniqueFd socket, UniqueFd spool, const Settings& settings,
                             const std::function<Status()>& confine);

}  // namespace jtrace::push
