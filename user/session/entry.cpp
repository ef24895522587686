// SPDX-License-Identifier: Apache-2.0
#include "session/entry.h"

#include <algorithm>
#include <utility>

#include "capture/call_functions.h"

namespace jtrace::session {
namespace {

using event::Tracepoint;

constexpr std::string_view kBegin = "sys_enter_";

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

class Choice {
 public:
  explicit Choice(const EntryInput& input) : input_(input) {}
  [[nodiscard]] Result<Entries> operator()();

 private:
  [[nodiscard]] const FunctionsOfHost& host() {
    if (!host_) host_ = input_.host();
    return *host_;
  }
  // Why programs are not attached to functions at all.
  [[nodiscard]] std::optional<std::string> refused();
  [[nodiscard]] Result<EventEntry> entry_of(const Event& event);
  void choose_mappings(Entries& entries);

  const EntryInput& input_;
  std::optional<FunctionsOfHost> host_;
};

std::optional<std::string> Choice::refused() {
  return host().refused ? host().refused : host().preempted;
}

Result<EventEntry> Choice::entry_of(const Event& event) {
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
  if (why) return EventEntry{.why_not = std::move(*why)};
  return EventEntry{.call = std::move(call)};
}

// A tracepoint of system calls makes each call of each thread go the longer way, so one of them
// is as bad as seven.
void Choice::choose_mappings(Entries& entries) {
  const auto set = [&](std::string why) { entries.mappings_why_not = std::move(why); };
  if (input_.attach == cli::Attach::Tracepoint) return set("--attach tracepoint");
  for (std::size_t i = 0; i < entries.events.size(); ++i) {
    const Event& event = input_.events.all[i];
    const bool unknown = !event.counted.is_raw() && event.counted.category.empty();
    if (!entries.events[i].by_function() && (unknown || is_call_event(event.counted))) {
      return set("an event is at a tracepoint of system calls");
    }
  }
  if (auto why = refused()) return set(std::move(*why));
  for (const std::string_view call : {"mmap", "mprotect", "mremap"}) {
    if (auto why = host().lacks(call)) return set(std::move(*why));
  }
  entries.mappings = true;
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
  const auto kernel = capture::CallFunctions::of_kernel();
  if (!kernel) return {.refused = kernel.error().message};
  const capture::CallFunctions& functions = **kernel;
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

Entries Entries::at_tracepoints(const std::string& why_not) const {
  Entries others = *this;
  for (EventEntry& event : others.events) {
    if (event.by_function()) event = {.why_not = why_not};
  }
  if (others.mappings) others.mappings_why_not = why_not;
  others.mappings = false;
  return others;
}

bool Entries::any_tracepoint(const Events& of) const {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (!events[i].by_function() && !of.all[i].tracepoint.is_raw()) return true;
  }
  return false;
}

Result<Entries> choose_entries(const EntryInput& input) { return Choice(input)(); }

void mark_entries(const Entries& entries, Events& events) {
  for (std::size_t i = 0; i < entries.events.size(); ++i) {
    jt_event_spec& spec = events.all[i].program.spec;
    spec.flags &= ~std::uint32_t{JT_EVENT_ENTRY};
    if (entries.events[i].by_function() && spec.values != 0) spec.flags |= JT_EVENT_ENTRY;
  }
}

}  // namespace jtrace::session
