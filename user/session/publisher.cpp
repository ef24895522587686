// SPDX-License-Identifier: Apache-2.0
#include "session/publisher.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "base/counted.h"
#include "push/body.h"
#include "session/ledger.h"

namespace jtrace::session {

std::string window_line(const Published& published) {
  const Report& report = published.report;
  const std::uint64_t lost = lost_events(report.counters);
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
  const Writer::Slot slot{.number = done.report.window, .begin = profile.header.start};
  for (std::size_t i = 0; i < places.outputs.size(); ++i) {
    const Output& output = places.outputs[i];
    if (places.begin) places.begin("writing " + output.path);
    auto written = places.writer.write(places.outputs, i, slot,
                                       output.exporter->write(profile, output.options));
    if (!written) {
      done.failures.push_back(std::move(written).error());
      continue;
    }
    if (output.path != "-") {
      const std::string weight = exporting::weight_note(*output.exporter, profile);
      done.said.push_back("wrote " + written->path + (weight.empty() ? "" : " (" + weight + ")"));
    }
    if (!written->trouble.empty()) done.said.push_back(std::move(written->trouble));
    done.files.push_back(output);
    done.files.back().path = std::move(written->path);
  }
  done.bodies = places.uploads.bodies_of(profile);
  if (done.bodies.size() > push::kMostBodies) {
    done.said.push_back(fmt::format(
        "sent apart: the {} processes that have most; the others together", push::kMostBodies));
  }
  done.page = places.observers.page_of(profile);
  return done;
}

}  // namespace jtrace::session
