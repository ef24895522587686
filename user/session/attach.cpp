// SPDX-License-Identifier: Apache-2.0
#include "session/attach.h"

#include <fmt/format.h>

#include <vector>

#include "base/rights.h"
#include "session/target.h"

namespace jtrace::session {
namespace {

Status attach_lifecycle(const AttachInput& input) {
  if (input.entries.raw_mappings) JT_CHECK_OK(input.capture.attach_raw_mappings());
  if (input.entries.mappings || input.entries.raw_mappings) {
    return input.capture.attach_lifecycle({});
  }
  if (!input.tracefs) {
    input.say(
        "no tracefs: code mapped while tracing is found by no notice; stacks in it stay partial");
    return input.capture.attach_lifecycle({});
  }
  std::vector<std::uint32_t> ids;
  for (const auto& [category, name] : capture::Capture::lifecycle_tracepoints()) {
    JT_TRY(const auto found, input.tracefs->resolve(event::TracepointName{category, name}));
    ids.push_back(found.front().id);
  }
  return input.capture.attach_lifecycle(ids);
}

Status attach_raw_call(const AttachInput& input, const Event& event, std::uint32_t number) {
  using capture::RawCall;
  RawCall call{.number = *input.entries.events[number].number,
               .event = number,
               .kernel_stacks = input.kernel_stacks(event.tracepoint),
               .what = event.counted.name.starts_with("sys_exit_") ? RawCall::What::End
                                                                   : RawCall::What::Begin};
  JT_CHECK_OK(input.capture.attach_raw_call(call));
  if (!event.call_begin) return {};
  call.what = RawCall::What::Noted;
  return input.capture.attach_raw_call(call);
}

Status attach_event(const AttachInput& input, const Event& event, std::uint32_t number) {
  if (input.events.has_specs()) {
    JT_CHECK_OK(input.capture.set_event(number, event.program.spec, event.program.patterns));
  }
  const bool kernel = input.kernel_stacks(event.tracepoint);
  if (event.tracepoint.is_raw()) {
    return input.capture.attach_raw_event(event.tracepoint.name, number, kernel);
  }
  const EventEntry& entry = input.entries.events[number];
  if (entry.by_function()) return {};  // attach_functions()
  if (entry.by_raw()) return attach_raw_call(input, event, number);
  JT_CHECK_OK(input.capture.attach_event(event.counted.id, number, kernel));
  if (event.call_begin) JT_CHECK_OK(input.capture.attach_call_begin(event.call_begin->id, number));
  if (event.held_end) JT_CHECK_OK(input.capture.attach_held_end(event.held_end->id, number));
  return {};
}

}  // namespace

Status attach_functions(capture::Capture& capture, const Entries& entries,
                        const std::function<bool(std::uint32_t event)>& kernel_stacks) {
  if (!entries.any_function()) return {};
  capture.start_paused();
  for (std::uint32_t i = 0; i < entries.events.size(); ++i) {
    const EventEntry& entry = entries.events[i];
    if (entry.by_function()) JT_CHECK_OK(capture.attach_call(entry.call, i, kernel_stacks(i)));
  }
  if (entries.mappings) return capture.attach_mapping_functions();
  return {};
}

Status attach_all(const AttachInput& input) {
  const Raised rights({Capability::Bpf});  // Capture::maps_take_rights
  if (input.options.follow || input.options.selects()) JT_CHECK_OK(input.targets.open_log());
  JT_CHECK_OK(input.targets.refresh_all(input.capture));
  JT_CHECK_OK(attach_lifecycle(input));
  // Again: what was mapped before the notices came is in the ranges now.
  JT_CHECK_OK(input.targets.refresh_all(input.capture));
  input.capture.start_paused();
  for (std::uint32_t i = 0; i < input.events.all.size(); ++i) {
    input.progress(fmt::format("attaching event {} of {}", i + 1, input.events.all.size()));
    JT_CHECK_OK(attach_event(input, input.events.all[i], i));
  }
  return {};
}

}  // namespace jtrace::session
