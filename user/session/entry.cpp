// SPDX-License-Identifier: Apache-2.0
#include "session/entry.h"

#include <algorithm>
#include <utility>

#include "capture/call_numbers.h"
#include "capture/kernel_types.h"

namespace jtrace::session {
namespace {

using event::Tracepoint;

constexpr std::string_view kBegin = "sys_enter_", kEnd = "sys_exit_";

bool is_call_event(const Tracepoint& tracepoint) {
  return !tracepoint.is_raw() && tracepoint.category == "syscalls";
}

// Where the event is no begin of a call, or is more than that.
std::optional<std::string> unfit(const Event& event, bool kernel_stacks) {
  const Tracepoint& counted = event.counted;
  if (!is_call_event(counted)) return "only system calls have one";
  if (!counted.name.starts_with(kBegin)) {
    return "calls that are refused, by seccomp say, have an end and never come to their function";
  }
  if (event.is_call() || event.held_end) return "it is counted at its end";
  if (kernel_stacks) return "its kernel frames would be others";
  return std::nullopt;
}

// Of the call whose begin or end is counted.
std::optional<std::uint32_t> number_of(const Tracepoint& counted) {
  if (!is_call_event(counted)) return std::nullopt;
  std::string_view call = counted.name;
  for (const std::string_view prefix : {kBegin, kEnd}) {
    if (call.starts_with(prefix)) return capture::call_number(call.substr(prefix.size()));
  }
  return std::nullopt;
}

bool is_end(const Tracepoint& counted) { return counted.name.starts_with(kEnd); }

class Choice {
 public:
  explicit Choice(const EntryInput& input) : input_(input) {}
  [[nodiscard]] Result<Entries> operator()();

 private:
  [[nodiscard]] const FunctionsOfHost& host() {
    if (!host_) host_ = input_.host();
    return *host_;
  }
  // Why programs are not attached to functions at all; to tracepoints.
  [[nodiscard]] std::optional<std::string> refused();
  [[nodiscard]] const std::optional<std::string>& no_points();
  [[nodiscard]] Result<EventEntry> entry_of(const Event& event);
  [[nodiscard]] static Result<EventEntry> raw_entry_of(const Event& event);
  [[nodiscard]] std::optional<std::string> why_no_mapping_functions(const Entries& entries);
  void choose_mappings(Entries& entries);

  const EntryInput& input_;
  std::optional<FunctionsOfHost> host_;
  std::optional<std::optional<std::string>> no_points_;
};

std::optional<std::string> Choice::refused() {
  return host().refused ? host().refused : host().preempted;
}

const std::optional<std::string>& Choice::no_points() {
  if (!no_points_) no_points_ = input_.no_points();
  return *no_points_;
}

Result<EventEntry> Choice::raw_entry_of(const Event& event) {
  constexpr const char* kAsked = "--attach raw";
  if (event.counted.is_raw()) return EventEntry{};
  const std::string what = std::string(kAsked) + ": " + event.tracepoint.display() + ": ";
  if (!is_call_event(event.counted)) {
    return fail(Errc::Usage, what + "only system calls are the same there",
                "raw_tp:NAME has the raw tracepoint's own arguments");
  }
  auto number = number_of(event.counted);
  if (!number) {
    return fail(Errc::Usage, what + "the call's number is not known",
                "--attach tracepoint needs none");
  }
  return EventEntry{.number = number, .why_not = kAsked, .why_no_point = kAsked};
}

Result<EventEntry> Choice::entry_of(const Event& event) {
  if (input_.attach == cli::Attach::Raw) return raw_entry_of(event);
  if (input_.attach == cli::Attach::Tracepoint) {
    return EventEntry{.why_not = "--attach tracepoint"};
  }
  const bool must = input_.attach == cli::Attach::Fentry;
  // Of its own will nobody has others' kernel frames; who asks for fentry gets its.
  auto why = unfit(event, !must && input_.kernel_stacks(event.counted));
  if (why && must) {
    return fail(Errc::Usage, "--attach fentry: " + event.tracepoint.display() + ": " + *why,
                "--attach auto takes it where it can be had");
  }
  std::string call;
  if (!why) {
    call = event.counted.name.substr(kBegin.size());
    why = refused();
    if (!why) why = host().lacks(call);
    if (why && must) {
      return fail(Errc::Environment, "--attach fentry: " + *why,
                  "--attach auto takes it where it can be had (doctor: bpf-features)");
    }
  }
  if (!why) return EventEntry{.call = std::move(call)};
  EventEntry entry{.why_not = std::move(*why)};
  // The last of the ways: each call of each thread pays for it.
  if (const auto number = number_of(event.counted); number && no_points()) {
    entry.number = number;
    entry.why_no_point = *no_points();
  }
  return entry;
}

// A tracepoint of system calls makes each call of each thread go the longer way, so one of them
// is as bad as seven.
std::optional<std::string> Choice::why_no_mapping_functions(const Entries& entries) {
  if (input_.attach == cli::Attach::Tracepoint) return "--attach tracepoint";
  if (input_.attach == cli::Attach::Raw) return "--attach raw";
  for (std::size_t i = 0; i < entries.events.size(); ++i) {
    const Event& event = input_.events.all[i];
    const bool unknown = !event.counted.is_raw() && event.counted.category.empty();
    if (!entries.events[i].by_function() && (unknown || is_call_event(event.counted))) {
      return "an event is at a tracepoint of system calls";
    }
  }
  if (auto why = refused()) return why;
  for (const std::string_view call : {"mmap", "mprotect", "mremap"}) {
    if (auto why = host().lacks(call)) return why;
  }
  return std::nullopt;
}

void Choice::choose_mappings(Entries& entries) {
  auto why = why_no_mapping_functions(entries);
  entries.mappings = !why;
  if (!why) return;
  entries.mappings_why_not = std::move(*why);
  entries.raw_mappings = input_.attach == cli::Attach::Raw ||
                         (input_.attach != cli::Attach::Tracepoint && no_points());
}

Result<Entries> Choice::operator()() {
  Entries entries;
  for (const Event& event : input_.events.all) {
    JT_TRY(EventEntry one, entry_of(event));
    entries.events.push_back(std::move(one));
  }
  choose_mappings(entries);
  return entries;
}

}  // namespace

FunctionsOfHost FunctionsOfHost::ask() {
  const auto kernel = capture::KernelTypes::of_kernel();
  if (!kernel) return {.refused = kernel.error().message};
  const capture::CallFunctions& functions = (*kernel)->functions();
  const Status probed = capture::probe_function(functions, "openat");
  if (!probed) return {.refused = probed.error().message};
  return {.preempted = capture::why_preempted(),
          .lacks = [&functions](std::string_view call) -> std::optional<std::string> {
            if (auto why = functions.why_not(call)) return why;
            const Status one = capture::probe_function(functions, call);
            return one ? std::nullopt : std::optional(one.error().message);
          }};
}

std::vector<std::string> Entries::functions() const {
  std::vector<std::string> calls;
  for (const EventEntry& event : events) {
    if (event.by_function()) calls.push_back(event.call);
  }
  return calls;
}

bool Entries::any_raw() const { return std::ranges::any_of(events, &EventEntry::by_raw); }

bool Entries::any_tracepoint(const Events& of) const {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const EventEntry& entry = events[i];
    if (!entry.by_function() && !entry.by_raw() && !of.all[i].tracepoint.is_raw()) return true;
  }
  return false;
}

bool Entries::any_raw_begin(const Events& of) const {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].by_raw() && !is_end(of.all[i].counted)) return true;
  }
  return false;
}

bool Entries::any_raw_end(const Events& of) const {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].by_raw() && is_end(of.all[i].counted)) return true;
  }
  return false;
}

Result<Entries> choose_entries(const EntryInput& input) { return Choice(input)(); }

void mark_entries(const Entries& entries, Events& events) {
  for (std::size_t i = 0; i < entries.events.size(); ++i) {
    Event& event = events.all[i];
    jt_event_spec& spec = event.program.spec;
    const EventEntry& entry = entries.events[i];
    spec.flags &= ~std::uint32_t{JT_EVENT_ENTRY | JT_EVENT_EXIT};
    if (event.is_call() || spec.values == 0) continue;
    if (entry.by_function() || entry.by_raw()) {
      spec.flags |= is_end(event.counted) ? JT_EVENT_EXIT : JT_EVENT_ENTRY;
    }
  }
}

}  // namespace jtrace::session
