// SPDX-License-Identifier: Apache-2.0
// Which event ends what another one begins.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "event/tracepoint.h"

namespace jtrace::event {

struct Pair {
  enum class Kind {
    Call,  // a system call: counted at its end, where its thread still has the stack of its begin
    Held,  // anything else: its stack is that of the begin, where the end may be anybody's
  };
  Kind kind = Kind::Call;
  TracepointName begin, end;  // may be the same: what switches one thread out switches one in
  // What both share: a field of the begin, and of the end. Fields that every event has are among
  // them: "tid", "cpu". Of calls none: it is the thread.
  std::vector<std::pair<std::string, std::string>> keys = {};
  bool returns_twice = false;  // a clone: its child returns from it, too, with 0
  bool interrupts = false;     // whose stack there is below it has nothing to do with it
};

// By the tracepoint's name alone; whether both exist is the caller's to find out. Calls that never
// return, or into another program or another frame, have no end: execve, exit, rt_sigreturn.
[[nodiscard]] std::optional<Pair> pair_of(const Tracepoint& tracepoint);

}  // namespace jtrace::event
