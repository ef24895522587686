// SPDX-License-Identifier: Apache-2.0
#include "session/publisher.h"

#include <fmt/format.h>

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
  Writer::Slot slot{.number = done.report.window,
                    .begin = done.report.profile.header.start,
                    .keep = done.report.keep};
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

}  // namespace jtrace::session
