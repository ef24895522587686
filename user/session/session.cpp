// SPDX-License-Identifier: Apache-2.0
#include "session/session.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/console.h"
#include "base/counted.h"
#include "base/printable.h"
#include "capture/capture.h"
#include "capture/perf_tracepoints.h"
#include "event/tracepoint.h"
#include "session/attach.h"
#include "session/command.h"
#include "session/confine.h"
#include "session/events.h"
#include "session/memory.h"
#include "session/name_sources.h"
#include "session/observers.h"
#include "session/output.h"
#include "session/plan.h"
#include "session/preflight.h"
#include "session/progress.h"
#include "session/publisher.h"
#include "session/recorder.h"
#include "session/report.h"
#include "session/run.h"
#include "session/selection.h"
#include "session/signals.h"
#include "session/status_line.h"
#include "session/target.h"
#include "session/targets.h"
#include "session/uploads.h"
#include "session/window_clock.h"
#include "session/writer.h"

namespace jtrace::session {

void Run::say(int level, const std::string& text) const {
  if (options_.verbosity < level) return;
  progress_.hide();
  print(stderr, fmt::format("jtrace: {}\n", printable(text)));
}

Status Run::resolve() {
  tracefs_ = event::Tracefs::open();
  const Error why = tracefs_ ? Error{} : tracefs_.error();
  JT_TRY(events_, find_events(options_.events, tracefs_ ? &*tracefs_ : nullptr, why));
  for (const Event& event : events_.all) {
    const auto& tracepoint = event.tracepoint;
    if (tracepoint.is_raw()) continue;
    say(1, fmt::format("event {} is tracepoint {}", tracepoint.display(), tracepoint.id));
  }
  std::set<std::string> said;
  for (const Event& event : events_.all) {
    for (const std::string& note : event.program.notes) {
      if (said.insert(note).second) say(0, note);
    }
  }
  return {};
}

Status Run::find_targets() {
  if (!process::in_initial_pid_namespace()) {
    return fail(Errc::Environment, "jtrace runs in a pid namespace of its own",
                "run it on the host, or the container with --pid=host: BPF sees the host's process "
                "numbers (doctor: pid-namespace)");
  }
  JT_TRY(selection_, Selection::find(options_));
  for (const pid_t pid : selection_->pids()) JT_CHECK_OK(targets_.find_process(pid));
  return {};
}

Status Run::read_targets() {
  for (Target* const target : targets_.current()) {
    const pid_t pid = target->info().key.tgid;
    JT_CHECK_OK(target->refresh(nullptr));
    if (target->is_jvm()) {
      if (shared_.agent && !target->names().agent().has_log() && !options_.dry_run) {
        say(0, fmt::format("{}: loading the agent into its JVM; one of JDK 21 or later writes a "
                           "warning of that to the program's standard error",
                           pid));
      }
      if (!options_.dry_run) target->prepare_names();
      say(1, fmt::format("{}: HotSpot {}; {}", pid, target->jvm_version(),
                         source_text(*target, options_.jvm_symbols)));
    } else if (target->jvm_note().empty()) {
      say(0, fmt::format("{}: not a JVM; native stacks go on", pid));
    }
  }
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::seconds kMost{1};
  if (options_.dry_run) return {};
  targets_.stand_by(selection_->candidates(own_, command_), [this, until = Clock::now() + kMost] {
    return Clock::now() < until && memory_.has_room_ahead();
  });
  return {};
}

bool Run::kernel_stacks(const event::Tracepoint& tracepoint) const {
  if (options_.kernel == cli::KernelStack::Auto) return tracepoint.category != "syscalls";
  return options_.kernel == cli::KernelStack::Yes;
}

bool Run::lists_events() const {
  return std::ranges::any_of(outputs_,
                             [](const Output& output) { return output.exporter->single_events; });
}

bool Run::any_kernel_stacks() const {
  return std::ranges::any_of(events_.all,
                             [this](const Event& e) { return kernel_stacks(e.tracepoint); });
}

namespace {

jt_recall recall_of(cli::Recall recall) {
  switch (recall) {
    case cli::Recall::Off:
      return JT_RECALL_OFF;
    case cli::Recall::Check:
      return JT_RECALL_CHECK;
    case cli::Recall::Blind:
      return JT_RECALL_BLIND;
    case cli::Recall::On:
      break;
  }
  return JT_RECALL_ON;
}

}  // namespace

Status Run::choose_entries(const std::optional<std::string>& refused_late) {
  const auto host = [&] {
    return refused_late ? FunctionsOfHost{.refused = refused_late} : FunctionsOfHost::ask();
  };
  JT_TRY(entries_, session::choose_entries(
                       {.events = events_,
                        .attach = options_.attach,
                        .kernel_stacks = [this](const auto& t) { return kernel_stacks(t); },
                        .host = host,
                        .no_points = []() -> std::optional<std::string> {
                          const Status probed = capture::probe_perf_events();
                          return probed ? std::nullopt : std::optional(probed.error().message);
                        }}));
  mark_entries(entries_, events_);
  if (options_.attach != cli::Attach::Auto) return {};
  std::set<std::string> said;
  for (const EventEntry& entry : entries_.events) {
    if (entry.by_raw()) {
      if (said.insert(entry.why_no_point).second) {
        say(0, "at raw tracepoints, which every system call of the host pays for: " +
                   entry.why_no_point);
      }
    } else if (!entry.why_not.empty() && said.insert(entry.why_not).second) {
      say(1, "at the tracepoint, not by fentry: " + entry.why_not);
    }
  }
  return {};
}

// Both take a CPU for tens of milliseconds, and neither needs the other.
std::pair<Status, Status> Run::load_and_read() {
  Status loaded;
  Status read;
  {
    const std::jthread loading([&] { loaded = load_programs(); });
    read = read_targets();
  }
  return {std::move(loaded), std::move(read)};
}

Status Run::load() {
  progress_.begin("loading the BPF programs, reading mappings and binaries of processes");
  features_ = capture::probe_features();
  for (const std::string& line : features_.fallbacks()) say(1, line);
  JT_CHECK_OK(choose_entries(std::nullopt));
  auto [loaded, read] = load_and_read();
  JT_CHECK_OK(read);
  if (!loaded && options_.attach == cli::Attach::Auto && entries_.any_function()) {
    // A program of nothing was taken there, and ours are not.
    const std::string why = loaded.error().message.substr(0, loaded.error().message.find('\n'));
    capture_.reset();
    JT_CHECK_OK(choose_entries(why));
    loaded = load_programs();
    if (loaded) {
      say(0, fmt::format("at {}tracepoints, for fentry was refused late: {}",
                         entries_.any_raw() ? "raw " : "", why));
    }
  }
  JT_CHECK_OK(loaded);
  const Raised rights({Capability::Bpf});  // Capture::maps_take_rights
  return selection_->apply(*capture_, own_, command_);
}

Status Run::load_programs() {
  const bool fp = options_.cstack == cli::CStack::Fp;
  capture::CaptureConfig config{.cstack = fp ? JT_CSTACK_FP : JT_CSTACK_MIXED,
                                .max_frames = walk_depth(options_),
                                .max_rows = kMaxRows,
                                .stack_ids = fp || any_kernel_stacks(),
                                .interval = static_cast<std::uint32_t>(options_.interval),
                                .by_thread = options_.threads,
                                .count_cost = options_.count_cost,
                                .recall = recall_of(options_.recall),
                                .check_walks = options_.check_walks,
                                .filters = events_.filtered(),
                                .values = events_.shows_values(),
                                .sums = events_.has_sums(),
                                .calls = events_.has_calls(),
                                .timed = events_.has_timed(),
                                .held = events_.has_held() || events_.has_opens(),
                                .raw = events_.has_raw(),
                                .raw_begins = entries_.any_raw_begin(events_),
                                .raw_ends = entries_.any_raw_end(events_),
                                .functions = entries_.functions(),
                                .tracepoints = entries_.any_tracepoint(events_),
                                .mapping_functions = entries_.mappings,
                                .raw_mappings = entries_.raw_mappings,
                                .opens = events_.has_opens(),
                                .lists = lists_events(),
                                .windows = options_.continuous(),
                                .events = static_cast<std::uint32_t>(events_.all.size()),
                                .max_patterns = static_cast<std::uint32_t>(events_.patterns())};
  selection_->configure(config);
  governor_.configure(config);
  memory_.size(config);
  JT_TRY(auto loaded, capture::Capture::load(config, features_));
  capture_ = std::make_unique<capture::Capture>(std::move(loaded));
  return attach_functions(*capture_, entries_, [this](std::uint32_t event) {
    return kernel_stacks(events_.all[event].tracepoint);
  });
}

Status Run::attach() {
  progress_.begin("attaching");
  return attach_all(
      {.options = options_,
       .events = events_,
       .entries = entries_,
       .tracefs = tracefs_ ? &*tracefs_ : nullptr,
       .targets = targets_,
       .capture = *capture_,
       .kernel_stacks = [this](const auto& tracepoint) { return kernel_stacks(tracepoint); },
       .say = [this](const std::string& text) { say(0, text); },
       .progress = [this](const std::string& text) { progress_.update(text); }});
}

// Before there is a second thread: what forks.
Status Run::prepare() {
  // A program that is traced has a manager of its own; what else is started is not to talk to ours.
  if (!options_.traces_command()) notice_.read_environment();
  if (options_.dry_run) {
    JT_CHECK_OK(check_ahead(options_));
  } else {
    JT_TRY(observers_, Observers::start(options_));
  }
  if (!options_.command.empty()) {
    JT_TRY(auto command, Command::start(options_.command));
    command_.emplace(std::move(command));
  }
  const bool agent = options_.jvm_symbols == cli::JvmSymbols::Agent;
  if (agent || options_.jvm_symbols == cli::JvmSymbols::PerfMap) {
    JT_TRY(shared_.attacher, Attacher::start());
  }
  if (agent) {
    JT_TRY(shared_.agent, AgentFile::open());
  }
  progress_.begin("looking up the events");
  JT_CHECK_OK(resolve());
  JT_CHECK_OK(find_targets());
  target_text_ = selection_->text(targets_, command_);
  JT_TRY(outputs_, plan_outputs(options_, selection_->eponym(targets_, command_),
                                std::chrono::system_clock::now(), targets_.processes().several()));
  progress_.end();  // one thread
  if (!options_.dry_run) {
    JT_TRY(writer_, Writer::start(outputs_));
    JT_TRY(uploads_, Uploads::start(options_));
    if (const auto opened = notice_.open(); !opened) say(0, opened.error().message);
  }
  own_ = {::getpid(),    shared_.files.keeper(), shared_.symbol_files.keeper(),
          writer_.pid(), uploads_.pid(),         observers_.pid()};
  if (shared_.attacher) own_.push_back(shared_.attacher->pid());
  std::erase(own_, -1);
  return {};
}

Result<int> Run::operator()() {
  JT_CHECK_OK(prepare());
  JT_CHECK_OK(load());
  JT_CHECK_OK(attach());
  JT_CHECK_OK(memory_.check(capture_->bytes()));
  // From here on the first signal ends the trace; before, it ends jtrace.
  using Hangup = StopSignals::Hangup;
  const StopSignals signals(options_.continuous() ? Hangup::IsTold : Hangup::Ends);
  if (options_.dry_run) {
    capture_->detach();
    print(stdout, plan_text({.options = options_,
                             .events = events_,
                             .features = features_,
                             .entries = entries_,
                             .outputs = outputs_,
                             .target = target_text_,
                             .sampling = governor_.active() ? governor_.options_text() : "",
                             .kernel_stacks = [this](const auto& t) { return kernel_stacks(t); }}));
    return 0;
  }
  Recorder recorder(*capture_, targets_, options_, events_, lists_events());
  JT_CHECK_OK(trace(recorder));
  if (command_) JT_CHECK_OK(command_->status());
  return finish(recorder);
}

std::string format_names() {
  std::string names;
  for (const auto& exporter : exporting::exporters()) {
    if (!names.empty()) names += ", ";
    names += exporter.name;
  }
  return names;
}

Result<int> run(const cli::Options& options, Reread reread) {
  return Run(options, std::move(reread))();
}

}  // namespace jtrace::session
