// SPDX-License-Identifier: Apache-2.0
#include "session/observers.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <thread>
#include <utility>

#include "cli/texts.h"
#include "export/exporter.h"
#include "serve/library.h"
#include "serve/token.h"
#include "session/confine.h"
#include "session/ledger.h"
#include "session/memory.h"
#include "session/signals.h"

namespace jtrace::session {
namespace {

constexpr std::chrono::seconds kEvery{1};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  constexpr double kMicro = 1e6;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / kMicro;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// "0.1.0" of "jtrace 0.1.0".
std::string version_number() {
  std::istringstream words(cli::version_text());
  std::string number;
  words >> number >> number;
  return number;
}

std::optional<std::uint64_t> used_of(const Observers::Run& run, std::string_view map) {
  if (map == "targets") return run.capture.targets().targets();
  if (map == "ranges") return run.capture.targets().ranges();
  if (map == "rows") return run.rows;
  return std::nullopt;
}

template <class Map>
void add(Map& to, const Map& counts) {
  for (const auto& [key, count] : counts) to[key] += count;
}

serve::Window window_of(const profile::Header& header) {
  return {.start_ns = std::chrono::nanoseconds(header.start.time_since_epoch()).count(),
          .duration_ns = header.duration.count(),
          .title = exporting::safe_text(header.title),
          .target = exporting::safe_text(header.target)};
}

// All that is wrong of them.
Result<serve::Settings> settings_of(const cli::Options& options) {
  serve::Settings settings;
  Failures wrong;
  if (auto token = serve::read_token(options.serve_token_file)) {
    settings.token = std::move(*token);
  } else {
    wrong.add(token);
  }
  const auto parse = [&wrong](const char* option, const std::string& text, auto& address) {
    if (text.empty()) return;
    if (auto parsed = serve::parse_address(option, text)) {
      address = std::move(*parsed);
    } else {
      wrong.add(parsed);
    }
  };
  parse("--metrics", options.metrics, settings.metrics);
  parse("--serve", options.serve, settings.pages);
  JT_CHECK_OK(wrong.status());
  JT_CHECK_OK(serve::check_reach(settings));
  return settings;
}

}  // namespace

Result<Observers> Observers::start(const cli::Options& options) {
  JT_TRY(serve::Settings settings, settings_of(options));
  Observers observers;
  if (settings.metrics || settings.pages) {
    JT_TRY(auto server, serve::Server::start(std::move(settings), confine_serving));
    observers.server_ = std::make_unique<serve::Server>(std::move(server));
  }
  return observers;
}

Status Observers::check(const cli::Options& options) {
  JT_TRY(const serve::Settings settings, settings_of(options));
  Failures wrong;
  const auto look = [&](const char* option, const std::optional<serve::Address>& address) {
    if (address) wrong.add(serve::look_at_address(option, *address));
  };
  look("--serve", settings.pages);
  if (settings.metrics != settings.pages) look("--metrics", settings.metrics);
  if (settings.metrics || settings.pages) wrong.add(serve::load_library());
  return wrong.status();
}

std::pair<std::string, std::string> Observers::plan(const cli::Options& options) {
  const auto text = [](const char* option, const std::string& address) {
    const auto parsed = serve::parse_address(option, address);
    if (!parsed) return address;
    const auto use = serve::look_at_address(option, *parsed);
    const bool used = use && *use == serve::Use::Taken;
    return parsed->text + (used ? ", in use now: by the service of this configuration, or it could "
                                  "not be listened on"
                                : "");
  };
  return {text("--serve", options.serve), text("--metrics", options.metrics)};
}

std::vector<std::string> Observers::remarks() const {
  std::vector<std::string> remarks;
  if (!server_) return remarks;
  if (!server_->pages_url().empty()) remarks.push_back("serving " + server_->pages_url());
  if (!server_->metrics_url().empty()) remarks.push_back("metrics at " + server_->metrics_url());
  return remarks;
}

MetricsInput Observers::figures(const Run& run) {
  const auto& events = run.events.all;
  MetricsInput input{.version = version_number(),
                     .counters = run.capture.counters(),
                     .frames = frames_,
                     .missed_by_recursion = missed_by_recursion_,
                     .traced_seconds = std::chrono::duration<double>(run.traced).count(),
                     .sampling_ratio = 1 / static_cast<double>(run.options.interval),
                     .cpu_seconds = cpu_seconds(),
                     .resident_bytes = resident().all,
                     .distinct_stacks = run.recorder.window().samples.stacks(),
                     .windows = windows_,
                     .uploads = run.uploads ? std::optional(run.uploads->counters) : std::nullopt,
                     .served = server_->counters()};
  for (const auto& map : run.capture.maps()) {
    // The others are of one entry: not in use.
    if (map.most > 1) input.maps.push_back({map.name, map.bytes, map.most, used_of(run, map.name)});
  }
  if (run.governor.active()) {
    const auto governed = run.governor.figures(run.capture, Clock::now());
    input.sampling_ratio /= governed.ratio;
    input.bpf_seconds = governed.total_bpf_seconds;
    input.overhead_stopped = run.governor.stopped();
  }
  for (std::uint32_t i = 0; i < events.size(); ++i) {
    MetricsInput::Event& event = input.events.emplace_back();
    event.name = events[i].tracepoint.display();
    event.counters = run.capture.counters_of(i);
    if (i < statuses_.size()) event.statuses = statuses_[i];
  }
  unread_.settle(input);
  return input;
}

void Observers::publish_metrics(const Run& run, Clock::time_point now) {
  if (!server_ || *gone_) return;
  next_ = now + kEvery;
  server_->publish_metrics(metrics_text(figures(run)));
}

void Observers::count_window(const Run& run, const Window& window,
                             const capture::WindowCounts& counts) {
  if (!server_) return;
  ++windows_;
  if (run.misses_measurable) {
    missed_by_recursion_ = missed_by_recursion_.value_or(0) + counts.missed_by_recursion;
  }
  const SampleStore& samples = window.samples;
  if (!frames_) frames_.emplace();
  add(frames_->by_kind, samples.frames().by_kind);
  add(frames_->unnamed, samples.frames().unnamed);
  statuses_.resize(run.events.all.size());
  for (std::uint32_t i = 0; i < statuses_.size(); ++i) {
    const auto its = statuses_.size() == 1 ? samples.statuses() : samples.statuses_of(i);
    std::ranges::transform(statuses_[i], its, statuses_[i].begin(), std::plus());
    if (counts.unread == 0) continue;
    unread_.add(
        i, missing_events(statuses_.size() == 1 ? counts.counters : counts.by_event.at(i), its));
  }
  publish_metrics(run, Clock::now());
}

std::string Observers::page_of(const profile::Profile& profile) const {
  if (!has_pages()) return {};
  const auto json = exporting::exporter_by_name("json");
  return json ? (*json)->write(profile, {}) : std::string();
}

void Observers::publish_window(const profile::Header& header, const std::string& json) {
  if (has_pages() && !json.empty()) server_->publish_window(window_of(header), json);
}

void Observers::publish_live(const profile::Header& header, const std::string& json) {
  if (has_pages() && !json.empty()) server_->publish_live(window_of(header), json);
}

void Observers::linger(const std::function<void()>& meanwhile) {
  constexpr std::chrono::milliseconds kLook{100};
  while (!StopSignals::requested() && !lost()) {
    std::this_thread::sleep_for(kLook);
    meanwhile();
  }
}

}  // namespace jtrace::session
