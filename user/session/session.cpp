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
#include "session/attach.h"
#include "session/command.h"
#include "session/confine.h"
#include "session/events.h"
#include "session/name_sources.h"
#include "session/observers.h"
#include "session/output.h"
#include "session/plan.h"
#include "session/progress.h"
#include "session/publisher.h"
#include "session/recorder.h"
#include "session/report.h"
#include "session/selection.h"
#include "session/signals.h"
#include "session/status_line.h"
#include "session/target.h"
#include "session/targets.h"
#include "session/uploads.h"
#include "session/window_clock.h"
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
        progress_({.shows = options.verbosity >= 0 && has_status_terminal()}) {}

  [[nodiscard]] Result<int> operator()();

 private:
  [[nodiscard]] Status prepare();
  [[nodiscard]] Status resolve();
  [[nodiscard]] Status open_targets();
  [[nodiscard]] Status load();
  [[nodiscard]] Status attach();
  [[nodiscard]] Status confine(Recorder& recorder);
  [[nodiscard]] Status trace(Recorder& recorder);
  void wait(Recorder& recorder, steady_clock::time_point begin);
  [[nodiscard]] Status turn_window(Recorder& recorder);
  [[nodiscard]] Report report_of(Recorder& recorder, Window& window, const WindowClock::Span& span);
  [[nodiscard]] Places places();
  void settle(const Published& published);
  void take_published();
  [[nodiscard]] Result<int> finish(Recorder& recorder);
  [[nodiscard]] Status finish_windows(Recorder& recorder);
  [[nodiscard]] Status upload();
  [[nodiscard]] Result<int> verdict() const;
  [[nodiscard]] bool kernel_stacks(const event::Tracepoint& tracepoint) const;
  [[nodiscard]] bool any_kernel_stacks() const;
  [[nodiscard]] bool lists_events() const;
  [[nodiscard]] Observers::Run observed(Recorder& recorder, std::chrono::nanoseconds traced) {
    return {options_, events_, *capture_, recorder, traced, uploads_.report()};
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
  std::string target_text_;  // as they were at the start
  std::vector<Output> outputs_;
  Writer writer_;
  Uploads uploads_;
  Observers observers_;
  capture::KernelFeatures features_;
  std::unique_ptr<capture::Capture> capture_;
  std::optional<steady_clock::time_point> stopped_;  // by a signal
  std::optional<Error> failure_;  // of a turn: the trace ends, the profile is written all the same
  std::optional<WindowClock> clock_;
  WindowClock::Span ended_;             // the window that is ending
  std::optional<Publisher> publisher_;  // of windows
  int quiet_turns_ = 0;                 // since the kernel last sent something
  bool lossless_ = true;
  std::uint64_t fired_ = 0;         // and passed filters
  std::optional<Error> unwritten_;  // the first output that could not be written
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
                                .windows = options_.continuous(),
                                .events = static_cast<std::uint32_t>(events_.all.size()),
                                .max_patterns = static_cast<std::uint32_t>(events_.patterns())};
  selection_->configure(config);
  JT_TRY(auto loaded, capture::Capture::load(config, features_));
  capture_ = std::make_unique<capture::Capture>(std::move(loaded));
  const Raised rights({Capability::Bpf});  // Capture::maps_take_rights
  std::vector<pid_t> own{::getpid(), shared_.files.keeper(), writer_.pid(), uploads_.pid(),
                         observers_.pid()};
  if (shared_.attacher) own.push_back(shared_.attacher->pid());
  std::erase(own, -1);
  return selection_->apply(*capture_, own, command_);
}

Status Run::attach() {
  progress_.begin("attaching");
  return attach_all(
      {.options = options_,
       .events = events_,
       .tracefs = tracefs_ ? &*tracefs_ : nullptr,
       .targets = targets_,
       .capture = *capture_,
       .kernel_stacks = [this](const auto& tracepoint) { return kernel_stacks(tracepoint); },
       .say = [this](const std::string& text) { say(0, text); },
       .progress = [this](const std::string& text) { progress_.update(text); }});
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

// Until there is something to do. The kernel wakes us for what is new, and not for what comes right
// behind it; where nothing is new there is nothing to wake for.
void Run::wait(Recorder& recorder, steady_clock::time_point begin) {
  constexpr int kQuiet = 2;
  constexpr std::chrono::milliseconds kIdle{50}, kLongest{60'000};
  const auto now = steady_clock::now();
  std::chrono::nanoseconds most = kIdle;
  if (quiet_turns_ == 0) {
    most = kBusyTurn;
  } else if (quiet_turns_ <= kQuiet || recorder.has_pending()) {
    most = kTurn;
  } else if (options_.continuous() && !command_) {
    most = std::min<std::chrono::nanoseconds>(kLongest, clock_->due() - now);
    if (options_.duration) most = std::min(most, *options_.duration - (now - begin));
    if (const auto next = observers_.next()) most = std::min(most, *next - now);
    if (has_status_terminal() && options_.verbosity >= 0)
      most = std::min<std::chrono::nanoseconds>(most, kIdle);
  }
  std::array<pollfd, 3> wake{
      {{.fd = capture_->wake_fd(), .events = POLLIN, .revents = 0},
       {.fd = StopSignals::wake_fd(), .events = POLLIN, .revents = 0},
       {.fd = publisher_ ? publisher_->wake_fd() : -1, .events = POLLIN, .revents = 0}}};
  // Rounded up: a turn too early would be one for nothing.
  const auto timeout =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(most, std::chrono::nanoseconds(0)));
  ::poll(wake.data(), wake.size(), static_cast<int>(timeout.count()));
  std::uint64_t signals = 0;
  if (wake[1].revents != 0) (void)!::read(wake[1].fd, &signals, sizeof(signals));
}

Report Run::report_of(Recorder& recorder, Window& window, const WindowClock::Span& span) {
  const auto counts = capture_->take(window.number);
  Report report = make_report({.options = options_,
                               .events = events_,
                               .counts = counts,
                               .features = features_,
                               .recorder = recorder,
                               .window = window,
                               .tables = shared_,
                               .header = make_header(options_, events_, target_text_, span),
                               .wall_ns = wall_ns_});
  lossless_ = lossless_ && report.lossless;
  fired_ += report.counters.at(JT_COUNTER_FIRED) - report.counters.at(JT_COUNTER_FILTERED);
  observers_.count_window(observed(recorder, span.length), window);
  return report;
}

// Ends a window when its time has come, or somebody asks for it, and publishes it when the last of
// it has come.
Status Run::turn_window(Recorder& recorder) {
  constexpr std::size_t kMostWaiting = 4;
  take_published();
  if (recorder.is_ending()) {
    if (!recorder.has_ended()) return {};
    const auto window = recorder.take_window();
    Report report = report_of(recorder, *window, ended_);
    recorder.forget_window(*window);
    publisher_->give(std::move(report));
    return {};
  }
  const auto now = steady_clock::now();
  const bool asked = StopSignals::hung_up();
  // Where a disk does not keep up, windows get longer.
  if ((!asked && !clock_->is_due(now)) || publisher_->waiting() > kMostWaiting) return {};
  recorder.begin_window();
  ended_ = clock_->cut(steady_clock::now(), std::chrono::system_clock::now());
  return {};
}

Status Run::trace(Recorder& recorder) {
  progress_.end();  // its thread has rights of its own
  const Hurry hurry;
  JT_CHECK_OK(confine(recorder));
  if (options_.continuous()) publisher_.emplace(places());
  capture_->resume();
  if (command_) command_->release();
  const auto start = std::chrono::system_clock::now();
  const auto begin = steady_clock::now();
  clock_.emplace(options_.window, begin, start);
  wall_ns_ = nanoseconds_since_epoch(start) - begin.time_since_epoch().count();
  // For scripts: printed whatever -q says.
  say(-1, fmt::format("tracing {} of {}; stop with Ctrl-C",
                      events_.all.size() == 1 ? events_.all.front().tracepoint.display()
                                              : fmt::format("{} events", events_.all.size()),
                      target_text_));
  for (const std::string& remark : observers_.remarks()) say(0, remark);
  StatusLine status(options_.verbosity >= 0);
  std::uint64_t taken = 0;
  while (true) {
    wait(recorder, begin);
    // What was captured until then is still worth its profile.
    Status turned = recorder.turn();
    if (turned && options_.continuous()) turned = turn_window(recorder);
    if (!turned) {
      failure_ = std::move(turned).error();
      break;
    }
    quiet_turns_ =
        std::exchange(taken, recorder.records()) != recorder.records() ? 0 : quiet_turns_ + 1;
    if (const auto now = steady_clock::now(); status.due(now)) {
      status.show(now, now - begin, capture_->counters(), recorder.window().samples.stacks());
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
  progress_.begin("naming the last stacks");
  return finish_windows(recorder);
}

// The one that is ending, and the last one.
Status Run::finish_windows(Recorder& recorder) {
  const auto last = clock_->cut(steady_clock::now(), std::chrono::system_clock::now());
  while (recorder.is_ending()) {
    JT_CHECK_OK(recorder.turn());
    JT_CHECK_OK(turn_window(recorder));
  }
  ended_ = last;
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
    JT_TRY(writer_, Writer::start(outputs_, options_.keep));
    JT_TRY(uploads_, Uploads::start(options_));
  }
  return {};
}

Places Run::places() {
  return {.outputs = outputs_,
          .writer = writer_,
          .uploads = uploads_,
          .observers = observers_,
          .begin = options_.continuous()
                       ? std::function<void(const std::string&)>()
                       : [this](const std::string& what) { progress_.begin(what); }};
}

// What is said of a window, and what goes on to others.
void Run::settle(const Published& published) {
  for (const Error& failure : published.failures) {
    if (unwritten_ || options_.continuous()) say(-1, failure.message + "; " + failure.hint);
    if (!unwritten_) unwritten_ = failure;
  }
  observers_.publish_window(published.report.profile.header, published.page);
  uploads_.post(published.bodies);
  if (options_.json) {
    const int indent = options_.continuous() ? -1 : 2;  // a line for each window
    print(stdout, summary_json(published.report, published.files, indent) + "\n");
  }
}

void Run::take_published() {
  while (auto published = publisher_->take()) {
    settle(*published);
    say(0, window_line(*published));
  }
}

Status Run::upload() {
  auto sent = uploads_.finish();
  if (!sent) return std::unexpected(std::move(sent).error());
  if (!sent->empty()) say(0, *sent);
  return {};
}

// What the exit status says of it all.
Result<int> Run::verdict() const {
  if (failure_) return std::unexpected(*failure_);
  if (unwritten_) return std::unexpected(*unwritten_);
  if (options_.strict && !lossless_) {
    return fail(Errc::Lossy,
                "events were lost or stacks are incomplete, see the ledger (--strict)");
  }
  if (options_.expect_events && fired_ == 0) {
    return fail(Errc::NoEvents, "no events (--expect-events)");
  }
  return command_ ? command_->status() : 0;
}

Result<int> Run::finish(Recorder& recorder) {
  say_what_targets_lack();
  say_what_could_not_be_read();
  progress_.begin("adding up the stacks");
  Report report = report_of(recorder, recorder.window(), ended_);
  if (publisher_) {
    publisher_->give(std::move(report));
    while (auto published = publisher_->take_last()) {
      settle(*published);
      say(0, window_line(*published));
    }
    publisher_.reset();
  } else {
    const Published published = publish(std::move(report), places());
    for (const std::string& line : published.said) say(0, line);
    progress_.end();
    settle(published);
    if (options_.verbosity >= 0) {
      JT_TRY(const auto* text, exporting::exporter_by_name("text"));
      print(stderr, text->write(published.report.profile, {}));
    }
    for (const std::string& remark : published.report.remarks) say(0, remark);
  }
  progress_.end();
  if (auto sent = upload(); !sent) {
    if (unwritten_) say(0, sent.error().message + "; " + sent.error().hint);
    if (!unwritten_) unwritten_ = std::move(sent).error();
  }
  progress_.begin("detaching");
  capture_->detach();
  for (Target* target : targets_.current()) target->release_names();
  progress_.end();
  if (observers_.lost()) say(0, "the process that serves is gone; the trace went on without it");
  if (observers_.lingers() && !StopSignals::requested()) {
    say(0, "the trace is over; its pages stay until Ctrl-C");
    observers_.linger();
  }
  return verdict();
}

Result<int> Run::operator()() {
  JT_CHECK_OK(prepare());
  JT_CHECK_OK(load());
  JT_CHECK_OK(attach());
  // From here on the first signal ends the trace; before, it ends jtrace.
  using Hangup = StopSignals::Hangup;
  const StopSignals signals(options_.continuous() ? Hangup::IsTold : Hangup::Ends);
  if (options_.dry_run) {
    capture_->detach();
    print(stdout, plan_text({.options = options_,
                             .events = events_,
                             .features = features_,
                             .outputs = outputs_,
                             .target = target_text_,
                             .kernel_stacks = [this](const auto& t) { return kernel_stacks(t); }}));
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
