// SPDX-License-Identifier: Apache-2.0
#include "session/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "base/counted.h"
#include "profile/profile_builder.h"
#include "session/frame_filter.h"
#include "session/ledger.h"
#include "session/weights.h"

namespace jtrace::session {
namespace {

// What a key says beside its stack.
class Labels {
 public:
  Labels(const ReportInput& input, const Weights& weights)
      : input_(input),
        weights_(weights),
        symbols_(input.recorder.symbols()),
        event_(symbols_.string(profile::kEventLabel)),
        thread_(symbols_.string(profile::kThreadLabel)) {}

  [[nodiscard]] std::vector<profile::Label> operator()(
      const jt_stack_key& key, const std::vector<profile::LocationId>& locations) const {
    std::vector<profile::Label> labels;
    const auto& events = input_.events.all;
    if (events.size() > 1 && key.event < events.size()) {
      labels.push_back({event_, symbols_.string(events[key.event].tracepoint.display()), 0});
    }
    if (key.tid != 0) {
      const std::string text =
          Recorder::thread_text(input_.window, key.tid, on_virtual_thread(locations));
      labels.push_back({thread_, symbols_.string(text), 0});
    }
    if (input_.recorder.processes().several())
      std::ranges::copy(of_process(key.tgid), std::back_inserter(labels));
    for (const ShownValue& value : shown(key)) {
      labels.push_back({symbols_.string(label_of(value.name)), symbols_.string(value.text), 0});
    }
    for (const auto& size : weights_.sizes(key)) {
      labels.push_back({.key = symbols_.string(size.type->type),
                        .str = {},
                        .num = size.least,
                        .unit = symbols_.string(size.type->unit)});
    }
    return labels;
  }

  // The last one is the leaf.
  [[nodiscard]] std::vector<profile::LocationId> frames(const jt_stack_key& key) const {
    std::vector<profile::LocationId> frames;
    for (const ShownValue& value : shown(key)) {
      const auto function = symbols_.function(value.name + "=" + value.text);
      frames.push_back(symbols_.location(
          {.mapping = {},
           .address = 0,
           .reason = profile::UnknownReason::None,
           .lines = {{.function = function, .kind = profile::FrameKind::Event}}}));
    }
    std::ranges::reverse(frames);
    return frames;
  }

 private:
  // Once for all its keys.
  [[nodiscard]] const std::vector<profile::Label>& of_process(std::uint32_t tgid) const {
    const auto [known, fresh] = processes_.try_emplace(tgid);
    if (!fresh) return known->second;
    const profile::Process process = input_.recorder.processes().find(tgid);
    known->second.push_back({symbols_.string(profile::kPidLabel), {}, process.pid});
    for (const auto& [name, text] : profile::kProcessTexts) {
      const std::string& value = process.*text;
      if (!value.empty())
        known->second.push_back({symbols_.string(name), symbols_.string(value), 0});
    }
    return known->second;
  }
  // The label `thread` is a frame at the root (--threads), and pid, comm and so on are those of
  // the process, where there are several.
  [[nodiscard]] std::string label_of(const std::string& field) const {
    if (field == profile::kThreadLabel) return "thread name";
    const bool taken = input_.recorder.processes().several() && profile::is_process_label(field);
    return taken ? "field " + field : field;
  }
  [[nodiscard]] std::vector<ShownValue> shown(const jt_stack_key& key) const {
    return input_.window.values.shown(
        key, [&](std::uint32_t tid) { return Recorder::thread_name(input_.window, tid); });
  }
  // Its carrier runs it, under the carrier's name and number.
  [[nodiscard]] bool on_virtual_thread(const std::vector<profile::LocationId>& locations) const {
    return std::ranges::any_of(locations, [this](const profile::LocationId id) {
      return std::ranges::any_of(symbols_.locations()[id.value].lines, [this](const auto& line) {
        const auto name = symbols_.functions()[line.function.value].name;
        return symbols_.strings()[name.value] == "java/lang/VirtualThread.run";
      });
    });
  }

  const ReportInput& input_;
  const Weights& weights_;
  profile::SymbolTable& symbols_;
  profile::StringId event_;
  profile::StringId thread_;
  mutable std::unordered_map<std::uint32_t, std::vector<profile::Label>> processes_;
};

void add_samples(const ReportInput& input, const Weights& weights, FrameFilter& filter,
                 profile::ProfileBuilder& builder) {
  auto& recorder = input.recorder;
  auto& symbols = recorder.symbols();
  const Labels labels(input, weights);
  const auto scale = static_cast<std::int64_t>(input.options.interval);
  const SampleStore::Hooks hooks{
      .labels = labels,
      .shown = [&](const jt_stack_key& key) { return labels.frames(key); },
      .values = [&](const jt_stack_key& key,
                    const jt_sum& sum) { return weights.values(key.event, sum, scale); },
      .kernel = [&](std::int32_t id) { return recorder.kernel_frames(input.window, id); },
      .keep = [&](const auto& locations) { return filter.keeps(locations, symbols); },
      .settled = [&](profile::LocationId id) { return input.tables.late_names.settled(id); },
      .cut_marker =
          [&](jt_status status) {
            const bool deep = status == JT_STATUS_DEPTH || status == JT_STATUS_BUDGET;
            return recorder.marker(deep ? "[truncated]" : "[unknown]");
          },
      .added =
          [&](const jt_stack_key& key, const void* deferred, const void* sample) {
            if (!input.goes_on) input.window.list.found(key, deferred, sample);
          }};
  input.window.samples.build(input.counts.stacks, symbols, hooks, builder);
  if (!input.goes_on) input.window.list.build(weights, scale, input.wall_ns, builder);
}

// What is not seen by the numbers alone. What holds for all events alike is said once.
void add_comments(const ReportInput& input, profile::ProfileBuilder& builder) {
  const auto& events = input.events.all;
  std::vector<std::pair<std::string, std::vector<std::string>>> said;  // and of which events
  const auto say = [&](const Event& event, std::string text) {
    auto known = std::ranges::find(said, text, &decltype(said)::value_type::first);
    if (known == said.end()) known = said.insert(said.end(), {std::move(text), {}});
    known->second.push_back(event.tracepoint.display());
  };
  for (const Event& event : events) {
    for (const std::string& text : event.wanted.filters) say(event, "only with: " + text);
    if (const auto least = event.wanted.min_latency.count(); least != 0) {
      say(event, fmt::format("only what {} {} ns or more",
                             event.opens.empty() ? "took" : "was open for", least));
    }
    if (!event.opens.empty()) {
      say(event, "descriptors that were open when their process ended, or the trace");
    } else if (event.is_call())
      say(event, "calls, counted at their end (sys_exit_*)");
    if (event.held_end) {
      say(event,
          fmt::format("stacks of the begin, counted at the end ({})", event.held_end->display()));
    }
  }
  for (const auto& [text, of] : said) {
    const bool all = of.size() == events.size() && of.size() > 1;
    builder.comment(
        fmt::format("{}: {}", all ? "every event" : fmt::format("{}", fmt::join(of, ", ")), text));
  }
  if (input.options.interval > 1) {
    builder.comment(fmt::format("counts are scaled by {0}: 1 event in {0} was kept (-i {0})",
                                input.options.interval));
  }
  for (auto& comment : governor_comments(input.governor, input.governed, input.counts.counters,
                                         input.options.interval)) {
    builder.comment(std::move(comment));
  }
}

}  // namespace

std::vector<std::string> explain_nothing(const Events& events, const capture::Counters& counters,
                                         const std::string& target) {
  std::vector<std::string> lines;
  const std::uint64_t others = counters.at(JT_COUNTER_OTHERS);
  if (const std::uint64_t opened = counters.at(JT_COUNTER_OPENED); opened != 0) {
    lines.push_back(
        fmt::format("0 descriptors left open: {} were opened, and all are closed", opened));
    return lines;
  }
  if (others == 0) {
    lines.emplace_back("0 events: nothing on this host fired them while jtrace was tracing");
  } else {
    lines.push_back(fmt::format("0 events of {}: they fired {} for other processes", target,
                                counted(others, "time")));
  }
  const bool opens = std::ranges::any_of(events.all, [](const Event& event) {
    const event::Tracepoint& tracepoint = event.tracepoint;
    return tracepoint.category == "syscalls" &&
           (tracepoint.name == "sys_enter_open" || tracepoint.name == "sys_exit_open");
  });
  if (opens)
    lines.emplace_back(
        "glibc opens files by openat, not open: try -t preset:file-open, which has both");
  return lines;
}

namespace {

// By what events were left out.
std::string what_filters(const std::vector<cli::EventRequest>& requests) {
  std::string options;
  const auto add = [&](const char* option, const auto& given) {
    if (std::ranges::any_of(requests, given))
      options += (options.empty() ? "" : ", ") + std::string(option);
  };
  add("--filter", [](const auto& one) { return !one.filters.empty(); });
  add("--errors-only", [](const auto& one) { return one.errors_only; });
  add("--min-latency", [](const auto& one) { return one.min_latency.count() != 0; });
  add("--min-age", [](const auto& one) { return one.min_age.count() != 0; });
  return options.empty() ? "the preset's own filter" : options;
}

std::vector<EventFigures> figures_by_event(const ReportInput& input) {
  std::vector<EventFigures> all;
  const auto& events = input.events.all;
  for (std::uint32_t i = 0; i < events.size() && events.size() > 1; ++i) {
    all.push_back({.name = events[i].tracepoint.display(),
                   .counters = input.counts.by_event.at(i),
                   .statuses = input.window.samples.statuses_of(i),
                   .scaled = input.window.samples.scaled_of(i)});
  }
  return all;
}

}  // namespace

// What is sent, and not named yet, comes with the next look. To name it now would keep us from what
// goes with its process.
void leave_out_unnamed(const ReportInput& input) {
  std::erase_if(input.counts.stacks, [&](const capture::StackCount& one) {
    return !input.window.samples.knows(one.key);
  });
}

Report make_report(ReportInput input) {
  const auto& options = input.options;
  FrameFilter filter(options.include, options.exclude);
  const std::string target = input.header.target;
  const Weights weights(input.events);
  profile::ProfileBuilder builder(std::move(input.header), weights.types(), weights.default_type());
  if (input.goes_on) leave_out_unnamed(input);
  add_samples(input, weights, filter, builder);
  const std::uint64_t under_way =
      input.goes_on ? settle_counters(input.counts, input.window.samples) : 0;
  add_comments(input, builder);
  const auto& samples = input.window.samples;
  const std::uint64_t unlisted = input.window.list.unlisted();
  Report report;
  report.window = input.window.number;
  report.counters = input.counts.counters;
  report.partial = partial_events(samples.statuses());
  report.why_unread = input.counts.unread;
  if (report.why_unread != 0) report.unread = missing_events(report.counters, samples.statuses());
  report.lossless =
      is_lossless(report.counters, samples.statuses()) && unlisted == 0 && report.unread == 0;
  const std::uint64_t kept = report.counters.at(JT_COUNTER_KEPT);
  const std::uint64_t fired = report.counters.at(JT_COUNTER_FIRED);
  const std::uint64_t filtered = report.counters.at(JT_COUNTER_FILTERED);
  const bool all_closed =
      report.counters.at(JT_COUNTER_OPENED) != 0 && report.counters.at(JT_COUNTER_LEFT_OPEN) == 0;
  if (fired == 0 || (all_closed && filtered == fired)) {
    report.remarks = explain_nothing(input.events, report.counters, target);
  } else if (filtered == fired) {
    report.remarks.push_back(fmt::format("0 events kept: they fired {}, and {} left out all",
                                         counted(fired, "time"),
                                         what_filters(input.options.events)));
  } else if (kept == 0 && !input.governor.active() &&
             report.counters.at(JT_COUNTER_SAMPLED_OUT) == fired - filtered) {
    report.remarks.push_back(fmt::format("0 events kept: they fired {}, and -i {} keeps 1 in {}",
                                         counted(fired - filtered, "time"), options.interval,
                                         options.interval));
  } else if (kept != 0 && samples.left_out() == kept) {
    report.remarks.push_back(fmt::format("0 events shown: -I and -X left out all {}", kept));
  }
  if (options.cstack == cli::CStack::Fp && 2 * samples.shallow() > kept) {
    report.remarks.emplace_back(
        "most stacks have three frames or fewer: this process is not built with frame pointers; "
        "leave out --cstack fp");
  }
  if (const std::string& first = input.recorder.checked().example(); !first.empty()) {
    report.remarks.push_back("--check-walks: a walk differs: " + first);
  }
  const bool min_latency = std::ranges::any_of(
      input.events.all, [](const Event& event) { return event.wanted.min_latency.count() != 0; });
  auto ledger = make_ledger({.counters = report.counters,
                             .samples = samples,
                             .unread = input.counts.unread != 0,
                             .missed_by_recursion = input.counts.missed_by_recursion,
                             .misses_measurable = input.features.recursion_misses,
                             .cost_counted = options.count_cost,
                             .recall_checked = options.recall == cli::Recall::Check ||
                                               options.recall == cli::Recall::Blind,
                             .checked = options.check_walks ? &input.recorder.checked() : nullptr,
                             .event_filters = input.events.filtered() || min_latency,
                             .calls = input.events.has_ends(),
                             .timed = input.events.has_timed() || input.events.has_held(),
                             .opens = input.events.has_opens(),
                             .in_flight = input.counts.in_flight,
                             .under_way = input.goes_on ? std::optional(under_way) : std::nullopt,
                             .events = figures_by_event(input),
                             .unlisted = unlisted,
                             .sampled = options.interval > 1,
                             .governor = input.governor.active() ? &input.governed : nullptr,
                             .interval = options.interval,
                             .filtered = filter.active(),
                             .left_out = samples.left_out()});
  using Tables = profile::ProfileBuilder::Tables;
  report.profile = std::move(builder).build(
      input.recorder.symbols(), std::move(ledger),
      options.continuous() || input.goes_on ? Tables::Used : Tables::Whole);
  return report;
}

std::string summary_json(const Report& report, const std::vector<Output>& outputs, int indent) {
  using nlohmann::json;
  const auto& header = report.profile.header;
  json ledger = json::array();
  for (const auto& line : report.profile.ledger.lines) {
    ledger.push_back({{"name", line.name},
                      {"count", line.measurable ? json(line.count) : json(nullptr)},
                      {"depth", line.depth}});
  }
  json files = json::array();
  for (const Output& output : outputs) {
    files.push_back({{"path", output.path}, {"format", output.exporter->name}});
  }
  const json summary{{"window", report.window},
                     {"events", header.events},
                     {"target", header.target},
                     {"host", header.host},
                     {"duration_ns", header.duration.count()},
                     {"balanced", report.profile.ledger.balanced},
                     {"lossless", report.lossless},
                     {"ledger", std::move(ledger)},
                     {"files", std::move(files)}};
  // Paths are bytes of the file system: what is not UTF-8 is replaced, never thrown at.
  return summary.dump(indent, ' ', false, json::error_handler_t::replace);
}

}  // namespace jtrace::session
