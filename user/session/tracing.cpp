// SPDX-License-Identifier: Apache-2.0
#include "session/run.h"

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
#include <numeric>
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
#include "session/memory.h"
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

// How often the ring buffer is emptied where nothing wakes us, and after it had something: the
// kernel wakes us for a new stack, but not for those right behind it.
constexpr std::chrono::milliseconds kTurn{5}, kBusyTurn{1};
// Windows that wait to be written, beyond which none is ended.
constexpr std::size_t kMostWaiting = 4;
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

}  // namespace

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
    most = kLongest;
    // Where a disk does not keep up it is the publisher that wakes us.
    if (publisher_->waiting() <= kMostWaiting) most = std::min(most, clock_->due() - now);
    if (options_.duration) most = std::min(most, *options_.duration - (now - begin));
    // A burst of what is known wakes nobody, and may have to be stopped.
    constexpr std::chrono::seconds kGoverned{1};
    const auto governor = capture_->governor();
    const std::uint64_t runs = governor.runs[0] + governor.runs[1];
    // Values wake nobody either: their threads and files want to be looked up.
    if (std::exchange(runs_, runs) != runs || events_.shows_values())
      most = std::min<std::chrono::nanoseconds>(most, kGoverned);
    if (notice_.next() != steady_clock::time_point::max()) {
      most = std::min(most, std::max<std::chrono::nanoseconds>(kTurn, notice_.next() - now));
    }
    if (const auto next = observers_.next()) most = std::min(most, *next - now);
    if (const auto next = uploads_.next_look(now)) most = std::min(most, *next - now);
    if (live_) {
      if (const auto next = live_->next(now)) most = std::min(most, *next - now);
    }
    if (has_status_terminal() && options_.verbosity >= 0)
      most = std::min<std::chrono::nanoseconds>(most, kIdle);
  }
  // Who looks wakes us no more often than it is looked at for them, however often they ask.
  const bool may_look = live_ && live_->may_look(now) && !recorder.is_ending();
  std::array<pollfd, 7> wake{
      {{.fd = capture_->wake_fd(), .events = POLLIN, .revents = 0},
       {.fd = StopSignals::wake_fd(), .events = POLLIN, .revents = 0},
       {.fd = publisher_ ? publisher_->wake_fd() : -1, .events = POLLIN, .revents = 0},
       {.fd = live_ ? live_->wake_fd() : -1, .events = POLLIN, .revents = 0},
       {.fd = may_look ? observers_.watch_fd() : -1, .events = POLLIN, .revents = 0},
       {.fd = uploads_.wake_fd(), .events = uploads_.wake_events(now), .revents = 0},
       {.fd = observers_.end_fd(), .events = 0, .revents = 0}}};
  // Rounded up: a turn too early would be one for nothing.
  const auto timeout =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(most, std::chrono::nanoseconds(0)));
  ::poll(wake.data(), wake.size(), static_cast<int>(timeout.count()));
  std::uint64_t signals = 0;
  if (wake[1].revents != 0) (void)!::read(wake[1].fd, &signals, sizeof(signals));
  watched_ = wake[4].revents != 0;
  told_ = wake[5].revents != 0 || wake[6].revents != 0;
}

// Of who sends and who serves, which nobody waits for.
void Run::say_what_others_tell() {
  for (const std::string& line : uploads_.news(steady_clock::now())) say(-1, line);
  if (observers_.has_just_ended()) {
    say(-1,
        "the process that serves is gone: no pages and metrics until jtrace is started again; "
        "the trace goes on");
  }
}

Result<Report> Run::report_of(Recorder& recorder, Window& window, const WindowClock::Span& span) {
  JT_TRY(auto counts, capture_->take(window.number));
  Report report = make_report({.options = options_,
                               .events = events_,
                               .counts = counts,
                               .features = features_,
                               .recorder = recorder,
                               .window = window,
                               .tables = shared_,
                               .governor = governor_,
                               .governed = governed_,
                               .header = make_header(options_, events_, target_text_, span),
                               .wall_ns = wall_ns_});
  report.keep = options_.keep;
  lossless_ = lossless_ && report.lossless;
  fired_ += report.counters.at(JT_COUNTER_FIRED) - report.counters.at(JT_COUNTER_FILTERED);
  observers_.count_window(observed(recorder, steady_clock::now() - began_), window, counts);
  return report;
}

// As report_of(), of the window that goes on, of which nothing is taken.
Result<Report> Run::live_report(Recorder& recorder, steady_clock::time_point now) {
  JT_TRY(auto counts, capture_->peek());
  return make_report({.options = options_,
                      .events = events_,
                      .counts = counts,
                      .features = features_,
                      .recorder = recorder,
                      .window = recorder.window(),
                      .tables = shared_,
                      .governor = governor_,
                      .governed = governor_.figures(*capture_, now),
                      .header = make_header(options_, events_, target_text_, clock_->so_far(now)),
                      .wall_ns = wall_ns_,
                      .goes_on = true});
}

// Shows the window that goes on to who looks at it.
void Run::turn_live(Recorder& recorder) {
  if (!live_) return;
  const auto now = steady_clock::now();
  if (const auto page = live_->take(now); page && page->window == recorder.window().number) {
    observers_.publish_live(page->header, page->json);
  }
  if (!std::exchange(watched_, false) || recorder.is_ending() || !observers_.watched()) return;
  if (!memory_.has_room_for(met_bytes(recorder))) return live_->put_off(now);
  const auto before = thread_time();
  auto report = live_report(recorder, now);
  if (!report) return live_->put_off(now);
  live_->give(std::move(*report), thread_time() - before, now);
}

// Ends a window when its time has come, or somebody asks for it, and publishes it when the last of
// it has come.
Status Run::turn_window(Recorder& recorder) {
  take_published();
  if (recorder.is_ending()) {
    if (!recorder.has_ended()) return {};
    auto window = recorder.take_window();
    publishing_.push_back(window->samples.bytes());
    JT_TRY(Report report, report_of(recorder, *window, ended_));
    recorder.forget_window(*window);
    window.reset();
    publisher_->give(std::move(report));
    renew_names(recorder);
    return {};
  }
  const auto now = steady_clock::now();
  // Where a disk does not keep up, windows get longer.
  if (publisher_->waiting() > kMostWaiting) return {};
  const bool asked = StopSignals::hung_up();
  if (!asked && !clock_->is_due(now)) return {};
  if (asked) notice_.reloading();
  recorder.begin_window();
  const auto cut = steady_clock::now();
  ended_ = clock_->cut(cut, std::chrono::system_clock::now());
  governed_ = governor_.figures(*capture_, cut);
  governor_.begin_window(*capture_, cut);
  refuses_ = false;
  if (!asked) return {};
  reload();
  uploads_.look_at_token();
  notice_.ready(what_);
  return {};
}

// Weeks of classes that come and go leave names that no window has any more.
void Run::renew_names(Recorder& recorder) {
  constexpr std::size_t kMany = 100'000;
  const bool close = memory_.is_close();
  const bool renewed = (close || recorder.symbols().locations().size() >= kMany) &&
                       recorder.renew_names(shared_.late_names);
  if (close || renewed) MemoryLimit::give_back();
}

// Windows that wait to be rendered will take what this one will.
std::uint64_t Run::met_bytes(const Recorder& recorder) const {
  return std::accumulate(publishing_.begin(), publishing_.end(), recorder.met_bytes());
}

void Run::say_what_is_left_out() {
  for (const std::string& path : shared_.native.take_left_out()) {
    say(0, fmt::format("{}: its symbols find no room in {} MiB; its functions are unnamed",
                       exporting::safe_text(path), shared_.native.max_bytes() >> 20));
  }
}

void Run::mind_memory(Recorder& recorder) {
  say_what_is_left_out();
  if (refuses_ || !memory_.reached(steady_clock::now(), met_bytes(recorder))) return;
  refuses_ = true;
  capture_->refuse_new_stacks();
  say(0, fmt::format("--max-memory {}M is reached: new stacks of this window are lost, and counted",
                     options_.max_memory >> 20));
}

Status Run::trace(Recorder& recorder) {
  progress_.end();  // its thread has rights of its own
  const Hurry hurry;
  JT_CHECK_OK(confine(recorder));
  if (options_.continuous()) {
    publisher_.emplace([to = places()](Report report) { return publish(std::move(report), to); });
  }
  if (observers_.has_pages()) {
    live_.emplace(governor_.live_share(),
                  [this](const profile::Profile& profile) { return observers_.page_of(profile); });
  }
  governor_.start(*capture_, {own_.begin() + 1, own_.end()}, steady_clock::now());
  if (options_.max_memory != 0) recorder.watch_by([this, &recorder] { mind_memory(recorder); });
  capture_->resume();
  if (command_) command_->release();
  const auto start = std::chrono::system_clock::now();
  const auto begin = steady_clock::now();
  began_ = begin;
  clock_.emplace(options_.window, begin, start);
  wall_ns_ = nanoseconds_since_epoch(start) - begin.time_since_epoch().count();
  // For scripts: printed whatever -q says.
  const std::string what =
      fmt::format("tracing {} of {}",
                  events_.all.size() == 1 ? events_.all.front().tracepoint.display()
                                          : fmt::format("{} events", events_.all.size()),
                  target_text_);
  say(-1, what + "; stop with Ctrl-C");
  notice_.ready(what);
  what_ = what;
  for (const std::string& remark : observers_.remarks()) say(0, remark);
  StatusLine status(true);
  std::uint64_t taken = 0;
  while (true) {
    wait(recorder, begin);
    // What was captured until then is still worth its profile.
    Status turned = recorder.turn();
    if (turned && options_.continuous()) turned = turn_window(recorder);
    if (turned) turn_live(recorder);
    if (std::exchange(told_, false)) say_what_others_tell();
    if (!turned) {
      failure_ = std::move(turned).error();
      break;
    }
    quiet_turns_ =
        std::exchange(taken, recorder.records()) != recorder.records() ? 0 : quiet_turns_ + 1;
    if (options_.verbosity < 0) {
      status.clear();
    } else if (const auto now = steady_clock::now(); status.due(now)) {
      status.show(now, now - begin, capture_->counters(), recorder.window().samples.stacks(),
                  governor_.figures(*capture_, now).ratio);
    }
    if (auto held = governor_.turn(*capture_, steady_clock::now()); !held) {
      failure_ = std::move(held).error();
      break;
    }
    if (const auto now = steady_clock::now(); observers_.due(now)) {
      observers_.publish_metrics(observed(recorder, now - begin), now);
    }
    notice_.turn(steady_clock::now());
    if (is_over(recorder, begin)) break;
  }
  // Its pages stay after a trace that ends by itself.
  if (!lingers() || StopSignals::requested()) notice_.stopping("writing the profile");
  live_.reset();
  duration_ = steady_clock::now() - begin;
  capture_->pause();
  if (auto counted = capture_->count_open_files(); !counted && !failure_) {
    failure_ = std::move(counted).error();  // the rest is still worth its profile
  }
  status.clear();
  if (governor_.stopped()) capture_->detach();
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
  governed_ = governor_.figures(*capture_, steady_clock::now());
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

void Run::say_what_could_not_be_read() {
  shared_.native.wait();
  say_what_is_left_out();
  std::set<std::string> said;
  std::size_t more = 0;
  for (const auto* reader : {&shared_.files, &shared_.symbol_files}) {
    more += reader->more_troubles();
    for (const auto& [path, reason] : reader->troubles()) {
      if (!said.insert(path).second) continue;
      say(0,
          fmt::format("{}: not read: {}; stacks through it may be partial, its functions unnamed",
                      exporting::safe_text(path), reason));
    }
  }
  if (more != 0) say(0, fmt::format("not read either: {}", counted(more, "more file")));
}

Places Run::places() {
  return {.outputs = outputs_,
          .writer = writer_,
          .uploads = uploads_,
          .observers = observers_,
          .begin = options_.continuous()
                       ? std::function<void(const std::string&)>()
                       : [this](const std::string& what) { progress_.begin(what); },
          .of_windows = options_.continuous()};
}

// What is said of a window, and what goes on to others.
void Run::settle(const Published& published) {
  for (const Error& failure : published.failures) {
    if (unwritten_ || options_.continuous()) say(-1, failure.message + "; " + failure.hint);
    if (!unwritten_) unwritten_ = failure;
  }
  observers_.publish_window(published.report.profile.header, published.page);
  uploads_.post(published.bodies);
  say_what_others_tell();
  if (options_.json) {
    const int indent = options_.continuous() ? -1 : 2;  // a line for each window
    print(stdout, summary_json(published.report, published.files, indent) + "\n");
  }
}

void Run::take_published() {
  while (auto published = publisher_->take()) {
    publishing_.pop_front();
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
  JT_TRY(Report report, report_of(recorder, recorder.window(), ended_));
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
  say_what_others_tell();
  if (lingers() && !StopSignals::requested()) linger(recorder);
  return verdict();
}

// A service that the governor stopped is not begun anew, to be stopped again: that would take what
// it was not to take. Its metrics tell of it.
void Run::linger(Recorder& recorder) {
  observers_.publish_metrics(observed(recorder, duration_), steady_clock::now());
  if (failure_) say(-1, failure_->message + "; " + failure_->hint);
  const std::string what = observers_.has_pages() ? "pages" : "metrics";
  say(0, fmt::format("the trace is over; its {} stay until Ctrl-C", what));
  notice_.status(failure_ ? failure_->message
                          : fmt::format("the trace is over; its {} stay", what));
  observers_.linger([this] {
    notice_.turn(steady_clock::now());
    if (StopSignals::hung_up()) say(-1, "nothing is read again: the trace is over until a restart");
  });
  notice_.stopping("done");
}

}  // namespace jtrace::session
