// SPDX-License-Identifier: Apache-2.0
// By which way each event comes in: at the kernel's own function of a system call (fentry), which
// costs no other call anything, or at its tracepoint. docs/attach.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "session/events.h"

namespace jtrace::session {

// What the host lets us do at functions; asked once, and only where there is something to be won.
struct FunctionsOfHost {
  // Why no program may be attached to functions, or is better not; nothing: it may.
  std::optional<std::string> refused = {};
  std::optional<std::string> preempted = {};  // why programs there would lose events
  // Why not to that of one call.
  std::function<std::optional<std::string>(std::string_view call)> lacks = {};

  [[nodiscard]] static FunctionsOfHost ask();
};

struct EventEntry {
  std::string call = {};     // whose function it is; empty: its tracepoint
  std::string why_not = {};  // where it might be a function and is not

  [[nodiscard]] bool by_function() const { return !call.empty(); }
};

// How all of them come in; by number.
struct Entries {
  std::vector<EventEntry> events;
  bool mappings = false;  // what becomes of mappings is noticed at functions
  std::string mappings_why_not = {};

  [[nodiscard]] std::vector<std::string> functions() const;
  [[nodiscard]] bool any_function() const { return mappings || !functions().empty(); }
  // The same without functions.
  [[nodiscard]] Entries at_tracepoints(const std::string& why_not) const;
  [[nodiscard]] bool any_tracepoint(const Events& of) const;
};

struct EntryInput {
  const Events& events;
  cli::Attach attach;
  std::function<bool(const event::Tracepoint&)> kernel_stacks;
  std::function<FunctionsOfHost()> host;
};

// An error where functions were asked for and cannot be had.
[[nodiscard]] Result<Entries> choose_entries(const EntryInput& input);

// Has the kernel side make the records of those that come in by their function, and of no others.
void mark_entries(const Entries& entries, Events& events);

}  // namespace jtrace::session
