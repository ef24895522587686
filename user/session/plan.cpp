// SPDX-License-Identifier: Apache-2.0
#include "session/plan.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/printable.h"
#include "capture/call_functions.h"
#include "session/output.h"
#include "session/preflight.h"

namespace jtrace::session {

namespace {

std::string entry_text(const Event& event, const EventEntry& entry,
                       const capture::KernelFeatures& features) {
  if (entry.by_function()) {
    return "fentry on " + capture::CallFunctions::function_of(entry.call);
  }
  if (event.tracepoint.is_raw()) return "raw tracepoint";
  if (entry.by_raw()) {
    std::string why = "not fentry: " + entry.why_not + "; not perf tracepoint: ";
    if (entry.why_not == entry.why_no_point) why.clear();
    return fmt::format("raw tracepoints of all calls, number {}; {}", *entry.number,
                       printable(why + entry.why_no_point));
  }
  return fmt::format("perf tracepoint, {}; not fentry: {}",
                     features.attach_cookie ? "told apart by cookie" : "one event per run at one",
                     printable(entry.why_not));
}

std::string keep_text(const cli::Keep& keep) {
  constexpr double kHour = 3600;
  constexpr double kMiB = 1U << 20;
  std::string text;
  const auto add = [&](const std::string& limit) { text += (text.empty() ? "" : ", ") + limit; };
  if (keep.files != 0) add(fmt::format("{} files", keep.files));
  if (keep.age.count() != 0) {
    add(fmt::format("{:g} hours", static_cast<double>(keep.age.count()) / kHour));
  }
  if (keep.bytes != 0) add(fmt::format("{:g} MiB", static_cast<double>(keep.bytes) / kMiB));
  return text.empty() ? "all that are written" : "the last " + text;
}

}  // namespace

std::string plan_text(const PlanInput& input) {
  const auto& options = input.options;
  const auto& features = input.features;
  std::string plan;
  const auto line = [&]<class... T>(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(plan), format, std::forward<T>(values)...);
  };
  line("target   {}\n", printable(input.target));
  for (std::size_t number = 0; number < input.events.all.size(); ++number) {
    const Event& event = input.events.all[number];
    const auto& tracepoint = event.tracepoint;
    line("event    {} ({}), kernel stacks {}\n", tracepoint.display(),
         tracepoint.is_raw() ? "raw tracepoint" : fmt::format("tracepoint {}", tracepoint.id),
         input.kernel_stacks(tracepoint) ? "yes" : "no");
    for (const auto& text : event.wanted.filters) line("filter   {}\n", printable(text));
    for (const auto& name : event.wanted.by) line("by       {}\n", printable(name));
    for (const auto& weight : event.program.weights) {
      line("weight   {} ({})\n", printable(weight.type), weight.unit);
    }
    if (!event.opens.empty())
      line("counted  where its descriptors are open at the end\n");
    else if (event.is_call())
      line("counted  at the end: {}\n", event.counted.display());
    if (event.call_begin) line("begin    {}\n", event.call_begin->display());
    if (event.held_end) line("counted  when it ends: {}\n", event.held_end->display());
    line("attach   {}\n", entry_text(event, input.entries.events[number], features));
  }
  line("mappings {}{}\n",
       input.entries.mappings       ? "fexit"
       : input.entries.raw_mappings ? "raw tracepoint of all calls; not fexit: "
                                    : "tracepoints; not fexit: ",
       input.entries.mappings_why_not);
  line("walk     {}\n", options.cstack == cli::CStack::Fp ? "frame pointers, by the kernel"
                        : features.bpf_loop ? "call frame information and HotSpot, bpf_loop"
                                            : "call frame information and HotSpot, tail calls");
  if (!input.sampling.empty()) line("sample   {}\n", input.sampling);
  for (const auto& fallback : features.fallbacks()) line("fallback {}\n", fallback);
  if (options.continuous()) {
    line("window   {}\n", std::chrono::duration_cast<std::chrono::milliseconds>(options.window));
    line("keep     {}\n", keep_text(options.keep));
  }
  if (options.max_memory != 0) line("memory   {} MiB\n", options.max_memory >> 20);
  for (const Output& output : input.outputs) {
    line("output   {} ({})\n", printable(output.path), output.exporter->name);
  }
  return plan + plan_of_outlets(options);
}

profile::Header make_header(const cli::Options& options, const Events& events,
                            const std::string& target, const WindowClock::Span& span) {
  profile::Header header{.title = {},
                         .events = {},
                         .target = target,
                         .host = host_of(options),
                         .command_line = options.command_line,
                         .start = span.begin,
                         .duration = span.length};
  for (const Event& event : events.all) header.events.push_back(event.tracepoint.display());
  // A preset or a glob may stand for fifty.
  constexpr std::size_t kFew = 3;
  const auto add = [&](const std::string& name) {
    header.title += (header.title.empty() ? "" : ", ") + name;
  };
  if (header.events.size() <= kFew) {
    std::ranges::for_each(header.events, add);
  } else {
    for (const auto& request : options.events) add(request.text);
  }
  return header;
}

}  // namespace jtrace::session
