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
#include <utility>
#include <vector>

#include "base/console.h"
#include "base/counted.h"
#include "base/printable.h"
#include "capture/capture.h"
#include "event/tracepoint.h"
#include "session/command.h"
#include "session/confine.h"
#include "session/events.h"
#include "session/governor.h"
#include "session/name_sources.h"
#include "session/observers.h"
#include "session/output.h"
#include "session/progress.h"
#include "session/recorder.h"
#include "session/report.h"
#include "session/selection.h"
#include "session/signals.h"
#include "session/status_line.h"
#include "session/target.h"
#include "session/targets.h"
#include "session/uploads.h"
#include "session/writer.h"

namespace jtrace::session {
namespace {

using std::chrono::steady_clock;

// Rows of the unwind tables of all binaries in use: libjvm has 0.2 M, a JVM with all its libraries
// 0.4 M. 8 bytes each.
constexpr std::uint32_t kMaxRows = 4U << 20;
// How often the ring buffer is emptied where nothing wakes us, and after it had something: the
// kernel wakes us for a new stack, but not for those right behind it.
constexpr std::chrono::milliseconds kTurn{5}, kBusyTurn{1};
// Ctrl-C reaches the command, too: how long it has to end.
constexpr std::chrono::seconds kFarewell{2};

// On a busy machine our turn may come milliseconds after we were woken, when what we are to name is
// gone: among processes that unload classes all the time, 5 to 10 % of the names. Without
// CAP_SYS_NICE it is as it is.
class Hurry {
 public:
  Hurry() : before_(::getpriority(PRIO_PROCESS, 0)) {
    constexpr int kNice = -15;
    const Raised rights({Capability::SysNice});
    ::setpriority(PRIO_PROCESS, 0, std::min(before_, kNice));
  }
  Hurry(const Hurry&) = delete;
  Hurry& operator=(const Hurry&) = delete;
  ~Hurry() { ::setpriority(PRIO_PROCESS, 0, before_); }

 private:
  int before_;
};

std::int64_t nanoseconds_since_epoch(std::chrono::system_clock::time_point time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

class Run {
 public:
  explicit Run(const cli::Options& options)
      : options_(options),
        shared_(kMaxRows),
        targets_(shared_, options),
        governor_(options),
        progress_({.shows = options.verbosity >= 0 && has_status_terminal()}) {}

  [[nodiscard]] Result<int> operator()();

 private:
  [[nodiscard]] Status prepare();
  [[nodiscard]] Status resolve();
  [[nodiscard]] Status open_targets();
  [[nodiscard]] Status load();
  [[nodiscard]] Status attach();
  [[nodiscard]] Status attach(const Event& event, std::uint32_t number);
  [[nodiscard]] Status attach_lifecycle();
  [[nodiscard]] Status confine(Recorder& recorder);
  [[nodiscard]] Status trace(Recorder& recorder);
  [[nodiscard]] profile::Header header() const;
  [[nodiscard]] Result<int> write(const Report& report);
  [[nodiscard]] Result<int> finish(Recorder& recorder);
  [[nodiscard]] Status print_plan() const;
  [[nodiscard]] bool kernel_stacks(const event::Tracepoint& tracepoint) const;
  [[nodiscard]] bool any_kernel_stacks() const;
  [[nodiscard]] bool lists_events() const;
  [[nodiscard]] Observers::Run observed(Recorder& recorder, std::chrono::nanoseconds traced) const {
    return {options_, events_, *capture_, recorder, governor_, traced};
  }
  [[nodiscard]] bool is_over(Recorder& recorder, steady_clock::time_point begin);
  void say_what_targets_lack() const;
  void say_what_could_not_be_read() const;
  void say(int level, const std::string& text) const;

  const cli::Options& options_;
  SharedTables shared_;
  Result<event::Tracefs> tracefs_ = fail(Errc::Internal, "tracefs was not opened");
  Events events_;
  std::optional<Selection> selection_;
  std::optional<Command> command_;
  Targets targets_;
  Governor governor_;
  Governor::Figures governed_;  // of the trace
  std::vector<pid_t> own_;      // our processes, this one first
  std::string target_text_;     // as they were at the start
  std::vector<Output> outputs_;
  Writer writer_;
  Uploads uploads_;
  Observers observers_;
  capture::KernelFeatures features_;
  std::unique_ptr<capture::Capture> capture_;
  std::optional<steady_clock::time_point> stopped_;  // by a signal
  std::optional<Error> failure_;  // of a turn: the trace ends, the profile is written all the same
  std::chrono::system_clock::time_point start_;
  steady_clock::duration duration_{};
  std::int64_t wall_ns_ = 0;   // ReportInput::wall_ns
  mutable Progress progress_;  // hidden by say(), which changes nothing else
};

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

Status Run::open_targets() {
  if (!process::in_initial_pid_namespace()) {
    return fail(Errc::Environment, "jtrace runs in a pid namespace of its own",
                "run it on the host, or the container with --pid=host: BPF sees the host's process "
                "numbers (doctor: pid-namespace)");
  }
  JT_TRY(selection_, Selection::find(options_));
  for (const pid_t pid : selection_->pids()) {
    progress_.begin(fmt::format("reading the mappings and binaries of process {}", pid));
    JT_TRY(Target* const target, targets_.open(pid));
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

Status Run::load() {
  progress_.begin("loading the BPF programs");
  features_ = capture::probe_features();
  for (const std::string& line : features_.fallbacks()) say(1, line);
  const bool fp = options_.cstack == cli::CStack::Fp;
  capture::CaptureConfig config{.cstack = fp ? JT_CSTACK_FP : JT_CSTACK_MIXED,
                                .max_frames = walk_depth(options_),
                                .max_rows = kMaxRows,
                                .stack_ids = fp || any_kernel_stacks(),
                                .interval = static_cast<std::uint32_t>(options_.interval),
                                .by_thread = options_.threads,
                                .count_cost = options_.count_cost,
                                .check_walks = options_.check_walks,
                                .filters = events_.filtered(),
                                .values = events_.shows_values(),
                                .sums = events_.has_sums(),
                                .calls = events_.has_calls(),
                                .timed = events_.has_timed(),
                                .held = events_.has_held() || events_.has_opens(),
                                .raw = events_.has_raw(),
                                .opens = events_.has_opens(),
                                .lists = lists_events(),
                                .events = static_cast<std::uint32_t>(events_.all.size()),
                                .max_patterns = static_cast<std::uint32_t>(events_.patterns())};
  selection_->configure(config);
  governor_.configure(config);
  JT_TRY(auto loaded, capture::Capture::load(config, features_));
  capture_ = std::make_unique<capture::Capture>(std::move(loaded));
  const Raised rights({Capability::Bpf});  // Capture::maps_take_rights
  own_ = {::getpid(), shared_.files.keeper(), writer_.pid(), uploads_.pid(), observers_.pid()};
  if (shared_.attacher) own_.push_back(shared_.attacher->pid());
  std::erase(own_, -1);
  return selection_->apply(*capture_, own_, command_);
}

Status Run::attach_lifecycle() {
  if (!tracefs_) {
    say(0,
        "no tracefs: code mapped while tracing is found by no notice; stacks in it stay partial");
    return capture_->attach_lifecycle({});
  }
  std::vector<std::uint32_t> ids;
  for (const auto& [category, name] : capture::Capture::lifecycle_tracepoints()) {
    JT_TRY(const auto found, tracefs_->resolve(event::TracepointName{category, name}));
    ids.push_back(found.front().id);
  }
  return capture_->attach_lifecycle(ids);
}

Status Run::attach(const Event& event, std::uint32_t number) {
  if (events_.has_specs()) {
    JT_CHECK_OK(capture_->set_event(number, event.program.spec, event.program.patterns));
  }
  const bool kernel = kernel_stacks(event.tracepoint);
  if (event.tracepoint.is_raw()) {
    return capture_->attach_raw_event(event.tracepoint.name, number, kernel);
  }
  JT_CHECK_OK(capture_->attach_event(event.counted.id, number, kernel));
  if (event.call_begin) JT_CHECK_OK(capture_->attach_call_begin(event.call_begin->id, number));
  if (event.held_end) JT_CHECK_OK(capture_->attach_held_end(event.held_end->id, number));
  return {};
}

Status Run::attach() {
  progress_.begin("attaching");
  const Raised rights({Capability::Bpf});  // Capture::maps_take_rights
  if (options_.follow || options_.selects()) JT_CHECK_OK(targets_.open_log());
  const auto targets = targets_.current();
  for (Target* target : targets) JT_CHECK_OK(target->refresh(capture_.get()));
  JT_CHECK_OK(attach_lifecycle());
  // Again: what was mapped before the notices came is in the ranges now.
  for (Target* target : targets) JT_CHECK_OK(target->refresh(capture_.get()));
  capture_->pause();
  for (std::uint32_t i = 0; i < events_.all.size(); ++i) {
    progress_.update(fmt::format("attaching event {} of {}", i + 1, events_.all.size()));
    JT_CHECK_OK(attach(events_.all[i], i));
  }
  return {};
}

bool Run::is_over(Recorder& recorder, steady_clock::time_point begin) {
  const auto now = steady_clock::now();
  const bool alive = targets_.watch(*capture_);
  if (command_ && command_->ended()) return true;
  if (StopSignals::requested() && !stopped_) stopped_ = now;
  if (stopped_ && (!options_.traces_command() || now - *stopped_ >= kFarewell)) return true;
  if (options_.duration && now - begin >= *options_.duration) return true;
  if (alive || !selection_->ends_with_targets()) return false;
  // Of its last child we may not have been told yet.
  return !recorder.turn() || !targets_.watch(*capture_);
}

// What it takes to load and attach goes, before the targets' records come.
Status Run::confine(Recorder& recorder) {
  if (any_kernel_stacks()) recorder.open_kernel_symbols();
  tracefs_ = fail(Errc::Internal, "tracefs was closed");
  capture_->settle();
  CapabilitySet kept = rights_are_lent() ? CapabilitySet() : kReadTargets;
  if (capture_->maps_take_rights()) kept = kept | CapabilitySet{Capability::Bpf};
  return confine_tracing(kept);
}

Status Run::trace(Recorder& recorder) {
  progress_.end();  // its thread has rights of its own
  const Hurry hurry;
  JT_CHECK_OK(confine(recorder));
  governor_.start(*capture_, {own_.begin() + 1, own_.end()}, steady_clock::now());
  capture_->resume();
  if (command_) command_->release();
  start_ = std::chrono::system_clock::now();
  const auto begin = steady_clock::now();
  wall_ns_ = nanoseconds_since_epoch(start_) - begin.time_since_epoch().count();
  // For scripts: printed whatever -q says.
  say(-1, fmt::format("tracing {} of {}; stop with Ctrl-C",
                      events_.all.size() == 1 ? events_.all.front().tracepoint.display()
                                              : fmt::format("{} events", events_.all.size()),
                      target_text_));
  for (const std::string& remark : observers_.remarks()) say(0, remark);
  StatusLine status(options_.verbosity >= 0);
  std::uint64_t taken = 0;
  bool busy = true;
  while (true) {
    pollfd wake{.fd = capture_->wake_fd(), .events = POLLIN, .revents = 0};
    ::poll(&wake, 1, static_cast<int>((busy ? kBusyTurn : kTurn).count()));
    // What was captured until then is still worth its profile.
    if (auto turned = recorder.turn(); !turned) {
      failure_ = std::move(turned).error();
      break;
    }
    busy = std::exchange(taken, recorder.records()) != recorder.records();
    if (const auto now = steady_clock::now(); status.due(now)) {
      status.show(now, now - begin, capture_->counters(), recorder.samples().stacks(),
                  governor_.figures(*capture_, now).ratio);
    }
    if (auto held = governor_.turn(*capture_, steady_clock::now()); !held) {
      failure_ = std::move(held).error();
      break;
    }
    if (const auto now = steady_clock::now(); observers_.due(now)) {
      observers_.publish_metrics(observed(recorder, now - begin), now);
    }
    if (is_over(recorder, begin)) break;
  }
  duration_ = steady_clock::now() - begin;
  capture_->pause();
  if (auto counted = capture_->count_open_files(); !counted && !failure_) {
    failure_ = std::move(counted).error();  // the rest is still worth its profile
  }
  status.clear();
  if (governor_.stopped()) capture_->detach();
  governed_ = governor_.figures(*capture_, begin + duration_);
  progress_.begin("naming the last stacks");
  return recorder.finish();
}

void Run::say_what_targets_lack() const {
  for (const auto& [level, text] : targets_.remarks()) say(level, text);
  const auto [opened, jvms, missed, most] = targets_.figures();
  say(1, fmt::format("{}, {} of them, {} at a time", counted(opened, "process", "processes"),
                     counted(jvms, "JVM"), most));
  if (!options_.traces_command()) return;
  const auto pid = static_cast<std::uint32_t>(command_->pid());
  if (!command_->has_ended()) {
    say(0, fmt::format("{} (pid {}) goes on, untraced", command_->name(), pid));
  }
  const auto others = std::ranges::count_if(targets_.current(), [&](const Target* target) {
    return static_cast<std::uint32_t>(target->info().key.tgid) != pid;
  });
  if (others != 0) {
    say(0, fmt::format("{} that {} started, untraced from here on",
                       counted(static_cast<std::uint64_t>(others), "process", "processes"),
                       command_->name()));
  }
}

void Run::say_what_could_not_be_read() const {
  for (const auto& [path, reason] : shared_.files.troubles()) {
    say(0, fmt::format("{}: not read: {}; stacks through it may be partial, its functions unnamed",
                       exporting::safe_text(path), reason));
  }
  if (const auto more = shared_.files.more_troubles(); more != 0) {
    say(0, fmt::format("not read either: {}", counted(more, "more file")));
  }
}

profile::Header Run::header() const {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  profile::Header header{.title = {},
                         .events = {},
                         .target = target_text_,
                         .host = host.data(),
                         .command_line = options_.command_line,
                         .start = start_,
                         .duration = duration_};
  for (const Event& event : events_.all) header.events.push_back(event.tracepoint.display());
  // A preset or a glob may stand for fifty.
  constexpr std::size_t kFew = 3;
  const auto add = [&](const std::string& name) {
    header.title += (header.title.empty() ? "" : ", ") + name;
  };
  if (header.events.size() <= kFew) {
    std::ranges::for_each(header.events, add);
  } else {
    for (const auto& request : options_.events) add(request.text);
  }
  return header;
}

Result<int> Run::write(const Report& report) {
  // Where one cannot be written, the others and the summary are still worth having.
  Status written;
  std::vector<Output> files;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Output& output = outputs_[i];
    progress_.begin("writing " + output.path);
    auto status =
        writer_.write(outputs_, i, output.exporter->write(report.profile, output.options));
    if (status && output.path != "-") {
      const std::string weight = exporting::weight_note(*output.exporter, report.profile);
      say(0, "wrote " + output.path + (weight.empty() ? "" : " (" + weight + ")"));
    }
    if (status) {
      files.push_back(output);
      continue;
    }
    if (written) {
      written = std::move(status);
    } else {
      say(0, status.error().message + "; " + status.error().hint);
    }
  }
  if (auto sent = uploads_.send(report.profile); !sent) {
    if (written) {
      written = std::unexpected(std::move(sent).error());
    } else {
      say(0, sent.error().message + "; " + sent.error().hint);
    }
  } else if (!sent->empty()) {
    say(0, *sent);
  }
  progress_.end();
  if (options_.json) print(stdout, summary_json(report, files) + "\n");
  if (options_.verbosity >= 0) {
    JT_TRY(const auto* text, exporting::exporter_by_name("text"));
    const std::string summary = text->write(report.profile, {});
    print(stderr, summary);
  }
  for (const std::string& remark : report.remarks) say(0, remark);
  JT_CHECK_OK(written);
  if (options_.strict && !report.lossless) {
    return fail(Errc::Lossy,
                "events were lost or stacks are incomplete, see the ledger (--strict)");
  }
  if (options_.expect_events &&
      report.counters.at(JT_COUNTER_FIRED) == report.counters.at(JT_COUNTER_FILTERED)) {
    return fail(Errc::NoEvents, "no events (--expect-events)");
  }
  return 0;
}

Status Run::print_plan() const {
  std::string plan;
  const auto line = [&]<class... T>(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(plan), format, std::forward<T>(values)...);
  };
  line("target   {}\n", printable(target_text_));
  for (const Event& event : events_.all) {
    const auto& tracepoint = event.tracepoint;
    line("event    {} ({}), kernel stacks {}\n", tracepoint.display(),
         tracepoint.is_raw() ? "raw tracepoint" : fmt::format("tracepoint {}", tracepoint.id),
         kernel_stacks(tracepoint) ? "yes" : "no");
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
  }
  line("attach   perf tracepoint, {}\n",
       features_.attach_cookie ? "told apart by cookie" : "one event per run");
  line("walk     {}\n", options_.cstack == cli::CStack::Fp ? "frame pointers, by the kernel"
                        : features_.bpf_loop ? "call frame information and HotSpot, bpf_loop"
                                             : "call frame information and HotSpot, tail calls");
  if (governor_.active()) line("sample   {}\n", governor_.options_text());
  for (const auto& fallback : features_.fallbacks()) line("fallback {}\n", fallback);
  for (const Output& output : outputs_) {
    line("output   {} ({})\n", printable(output.path), output.exporter->name);
  }
  print(stdout, plan);
  return {};
}

// Before there is a second thread: what forks.
Status Run::prepare() {
  JT_TRY(observers_, Observers::start(options_));
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
  JT_CHECK_OK(open_targets());
  target_text_ = selection_->text(targets_, command_);
  JT_TRY(outputs_, plan_outputs(options_, selection_->eponym(targets_, command_),
                                std::chrono::system_clock::now()));
  progress_.end();  // one thread
  if (!options_.dry_run) {
    JT_TRY(writer_, Writer::start(outputs_));
    JT_TRY(uploads_, Uploads::start(options_));
  }
  return {};
}

Result<int> Run::finish(Recorder& recorder) {
  say_what_targets_lack();
  say_what_could_not_be_read();
  progress_.begin("adding up the stacks");
  const Report report = make_report({.options = options_,
                                     .events = events_,
                                     .capture = *capture_,
                                     .features = features_,
                                     .recorder = recorder,
                                     .tables = shared_,
                                     .governor = governor_,
                                     .governed = governed_,
                                     .header = header(),
                                     .wall_ns = wall_ns_});
  observers_.publish_window(observed(recorder, duration_), report.profile);
  auto status = write(report);
  progress_.begin("detaching");
  capture_->detach();
  for (Target* target : targets_.current()) target->release_names();
  progress_.end();
  if (observers_.lost()) say(0, "the process that serves is gone; the trace went on without it");
  if (observers_.lingers() && !StopSignals::requested()) {
    say(0, "the trace is over; its pages stay until Ctrl-C");
    observers_.linger();
  }
  if (failure_) return std::unexpected(*failure_);
  if (status && *status == 0 && command_) return command_->status();
  return status;
}

Result<int> Run::operator()() {
  JT_CHECK_OK(prepare());
  JT_CHECK_OK(load());
  JT_CHECK_OK(attach());
  // From here on the first signal ends the trace; before, it ends jtrace.
  const StopSignals signals;
  if (options_.dry_run) {
    capture_->detach();
    JT_CHECK_OK(print_plan());
    return 0;
  }
  Recorder recorder(*capture_, targets_, options_, events_, lists_events());
  JT_CHECK_OK(trace(recorder));
  if (command_) JT_CHECK_OK(command_->status());
  return finish(recorder);
}

}  // namespace

std::string format_names() {
  std::string names;
  for (const auto& exporter : exporting::exporters()) {
    if (!names.empty()) names += ", ";
    names += exporter.name;
  }
  return names;
}

Result<int> run(const cli::Options& options) { return Run(options)(); }

}  // namespace jtrace::session
