// SPDX-License-Identifier: Apache-2.0
// By which way each event comes in: at the kernel's own function of a system call (fentry), which
// costs no other call anything, at its tracepoint, or at the raw tracepoints of all calls, which
// costs all of them. docs/attach.md.
#pragma once

#include <cstdint>
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
  std::string call = {};                     // whose function it is
  std::optional<std::uint32_t> number = {};  // of the call, at raw tracepoints; neither: its own
  std::string why_not = {};                  // where it might be a function and is not
  std::string why_no_point = {};             // by_raw()

  [[nodiscard]] bool by_function() const { return !call.empty(); }
  [[nodiscard]] bool by_raw() const { return number.has_value(); }
};

// How all of them come in; by number.
struct Entries {
  std::vector<EventEntry> events;
  bool mappings = false;      // what becomes of mappings is noticed at functions
  bool raw_mappings = false;  // ... at the raw tracepoint of all calls' ends
  std::string mappings_why_not = {};

  [[nodiscard]] std::vector<std::string> functions() const;
  [[nodiscard]] bool any_function() const { return mappings || !functions().empty(); }
  [[nodiscard]] bool any_raw() const;
  [[nodiscard]] bool any_raw_begin(const Events& of) const;
  [[nodiscard]] bool any_raw_end(const Events& of) const;
  [[nodiscard]] bool any_tracepoint(const Events& of) const;
};

struct EntryInput {
  const Events& events;
  cli::Attach attach;
  std::function<bool(const event::Tracepoint&)> kernel_stacks;
  std::function<FunctionsOfHost()> host;
  // Why programs cannot be attached to tracepoints; nothing: they can. Asked only where it matters.
  std::function<std::optional<std::string>()> no_points;
};

// An error where a way was asked for that cannot be had.
[[nodiscard]] Result<Entries> choose_entries(const EntryInput& input);

// Has the kernel side make the records of those that come in otherwise than at their tracepoint,
// and of no others.
void mark_entries(const Entries& entries, Events& events);

}  // namespace jtrace::session
