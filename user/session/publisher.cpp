// SPDX-License-Identifier: Apache-2.0
#include "session/publisher.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "base/counted.h"
#include "export/source.h"
#include "profile/split.h"
#include "session/ledger.h"

namespace jtrace::session {

namespace {

// One of many in which none of several processes did anything: nobody's, and so no profile of
// anybody at the backend.
bool is_nobodys(const Report& report, const Places& places) {
  const profile::Profile& profile = report.profile;
  return places.of_windows && report.lossless && profile.samples.empty() &&
         !exporting::source_of(profile.header).pid;
}

// To where the output's file of the window goes, or those of the parts.
void write(const Output& output, std::size_t index, std::span<const profile::Profile> parts,
           const Places& places, Published& done) {
  Writer::Slot slot{.number = done.report.window, .begin = done.report.profile.header.start};
  std::vector<std::string> paths;
  std::string trouble;
  if (places.begin) places.begin("writing " + output.path);
  for (const profile::Profile& part : parts) {
    slot.process = part.header.process ? part.header.process->pid : 0;
    slot.last = &part == &parts.back();
    auto written = places.writer.write(places.outputs, index, slot,
                                       output.exporter->write(part, output.options));
    if (!written) {  // the next one would find the same
      done.failures.push_back(std::move(written).error());
      break;
    }
    trouble = std::move(written->trouble);
    done.files.push_back(output);
    done.files.back().path = written->path;
    paths.push_back(std::move(written->path));
  }
  if (!paths.empty() && output.path != "-") {
    const std::string weight = exporting::weight_note(*output.exporter, parts.front());
    std::string text = "wrote " + paths.front();
    if (paths.size() > 1) text += fmt::format(" and {}", counted(paths.size() - 1, "other"));
    done.said.push_back(text + (weight.empty() ? "" : " (" + weight + ")"));
  }
  if (!trouble.empty()) done.said.push_back(std::move(trouble));
}

}  // namespace

std::string window_line(const Published& published) {
  const Report& report = published.report;
  const std::uint64_t lost = lost_events(report.counters) + report.unread;
  std::string text = fmt::format("window {}: {}", report.window,
                                 counted(report.counters.at(JT_COUNTER_FIRED), "event"));
  if (lost != 0) text += fmt::format(", {} lost", lost);
  if (report.partial != 0) text += fmt::format(", {} partial", report.partial);
  for (const std::string& said : published.said) text += "; " + said;
  return text;
}

Published publish(Report report, const Places& places) {
  Published done{.report = std::move(report)};
  const profile::Profile& profile = done.report.profile;
  std::vector<profile::Profile> parts;
  for (std::size_t i = 0; i < places.outputs.size(); ++i) {
    const Output& output = places.outputs[i];
    if (output.by_process && parts.empty()) {
      parts = profile::split_by_process(profile, profile::kMostApart);
    }
    write(output, i, output.by_process ? std::span(parts) : std::span(&profile, 1), places, done);
  }
  // What an earlier window left there may be all that could not be read.
  if (done.report.unread != 0) {
    done.said.push_back(
        errno_text("not all of the table of stacks could be read", done.report.why_unread));
  }
  if (!is_nobodys(done.report, places)) done.bodies = places.uploads.bodies_of(profile);
  if (std::max(done.bodies.size(), parts.size()) > profile::kMostApart) {
    done.said.push_back(fmt::format("apart: the {} processes that have most; the others together",
                                    profile::kMostApart));
  }
  done.page = places.observers.page_of(profile);
  return done;
}

Publisher::Publisher(Places places)
    : places_(std::move(places)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Publisher::~Publisher() {
  thread_.request_stop();
  thread_.join();
}

void Publisher::give(Report report) {
  {
    const std::scoped_lock lock(mutex_);
    given_.push_back(std::move(report));
  }
  changed_.notify_all();
}

std::size_t Publisher::waiting() const {
  const std::scoped_lock lock(mutex_);
  return given_.size() + (busy_ ? 1 : 0);
}

std::optional<Published> Publisher::take() {
  const std::scoped_lock lock(mutex_);
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof(count));
  if (done_.empty()) return std::nullopt;
  Published first = std::move(done_.front());
  done_.pop_front();
  return first;
}

std::optional<Published> Publisher::take_last() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !done_.empty() || (given_.empty() && !busy_); });
  }
  return take();
}

void Publisher::run(const std::stop_token& stop) {
  // Who traces is in a hurry (Hurry), and a thread has that of its maker: this one is not.
  ::setpriority(PRIO_PROCESS, 0, 0);
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !given_.empty(); })) {
    Report report = std::move(given_.front());
    given_.pop_front();
    busy_ = true;
    lock.unlock();
    Published done = publish(std::move(report), places_);
    lock.lock();
    done_.push_back(std::move(done));
    busy_ = false;
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof(one));
    changed_.notify_all();
  }
}

}  // namespace jtrace::session
