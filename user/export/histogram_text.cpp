// SPDX-License-Identifier: Apache-2.0
// Histograms as bars of characters, each bucket with the stack that most of its events came from.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "base/counted.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/histogram.h"

namespace jtrace::exporting {
namespace {

constexpr std::size_t kHistograms = 20;
constexpr unsigned kGap = 3;  // empty buckets that are shown; more of them are one line
constexpr int kBar = 24;
constexpr std::size_t kLeafFrames = 4;
constexpr std::size_t kFrameText = 60;  // of one frame in a line that shows several

bool begins(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80; }

// The end of a long name says more than its beginning.
std::string short_text(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t from = text.size() - most;
  while (from < text.size() && !begins(text[from])) ++from;
  return "..." + text.substr(from);
}

// The frames at the leaf, callee first: "read < app/Disk.load_[i] < app/Store.get_[j]".
std::string leaf_text(const profile::Profile& profile, const profile::Sample& sample, bool lines) {
  std::vector<std::string> frames;
  for (const profile::LocationId id : sample.locations) {
    const profile::Location& location = profile.locations[id.value];
    if (location.lines.empty()) frames.push_back(unknown_text(profile, location));
    for (const profile::Line& line : location.lines) {
      frames.push_back(line_text(profile, line, true, lines));
    }
    if (frames.size() > kLeafFrames) break;
  }
  if (frames.empty()) frames.emplace_back("[unknown]");
  std::string out;
  for (std::size_t i = 0; i < std::min(frames.size(), kLeafFrames); ++i) {
    out += (i == 0 ? "" : " < ") + short_text(frames[i], kFrameText);
  }
  return out + (frames.size() > kLeafFrames ? " < ..." : "");
}

// A bar of eighths would be finer, but fonts of terminals differ about them. What is 0.0 % has
// none.
std::string bar(std::int64_t count, std::int64_t most, double share) {
  std::string out;
  if (share < 0.05) return out;
  const double part = static_cast<double>(count) / static_cast<double>(most);
  out.assign(static_cast<std::size_t>(std::max(1L, std::lround(part * kBar))), '#');
  return out;
}

struct Row {
  std::string from, to, count, share, bar, stack;
};

std::vector<Row> rows_of(const profile::Profile& profile, const Histogram& histogram, bool lines) {
  std::int64_t most = 0;
  for (const Bucket& bucket : histogram.buckets) most = std::max(most, bucket.count);
  std::vector<Row> rows;
  auto bucket = histogram.buckets.begin();
  for (unsigned at = histogram.buckets.front().bucket; bucket != histogram.buckets.end(); ++at) {
    Row row;
    if (bucket->bucket > at + kGap) {
      row.from = "...";
      at = bucket->bucket - 1;
    } else {
      const bool any = bucket->bucket == at;
      const auto end =
          static_cast<std::int64_t>(std::min<std::uint64_t>(bucket_end(at), INT64_MAX));
      row.from = value_text(bucket_begin(at), histogram.unit);
      if (at > 1) row.to = "- " + value_text(end, histogram.unit);
      row.count = count_text(any ? bucket->count : std::int64_t{0});
      if (any) {
        const double share =
            100.0 * static_cast<double>(bucket->count) / static_cast<double>(histogram.count);
        row.share = fmt::format("{:.1f} %", share);
        row.bar = bar(bucket->count, most, share);
        row.stack = leaf_text(profile, profile.samples[bucket->hottest.front().sample], lines);
        ++bucket;
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void put_histogram(std::string& out, const profile::Profile& profile, const Histogram& histogram,
                   bool lines) {
  fmt::format_to(std::back_inserter(out), "\n{}{}{}, {}\n", safe_text(histogram.label),
                 histogram.event.empty() ? "" : " of ", safe_text(histogram.event),
                 events_text(histogram.count));
  const std::vector<Row> rows = rows_of(profile, histogram, lines);
  Row widest;
  const std::array parts{&Row::from, &Row::to, &Row::count, &Row::share, &Row::bar};
  for (const Row& row : rows) {
    for (const auto part : parts) {
      if (columns(row.*part) > columns(widest.*part)) widest.*part = row.*part;
    }
  }
  for (const Row& row : rows) {
    std::string line;
    for (const auto part : parts) {
      const std::string blanks(columns(widest.*part) - columns(row.*part), ' ');
      const bool left = part == &Row::to || part == &Row::bar;
      line += std::string(part == &Row::to ? 1 : 2, ' ');
      line += left ? row.*part + blanks : blanks + row.*part;
    }
    line += "  " + row.stack;
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
}

}  // namespace

std::string histogram_text(const profile::Profile& profile, bool lines) {
  std::string out;
  const std::vector<Histogram> all = make_histograms(profile);
  for (std::size_t i = 0; i < std::min(all.size(), kHistograms); ++i) {
    put_histogram(out, profile, all[i], lines);
  }
  if (all.size() > kHistograms) {
    fmt::format_to(std::back_inserter(out), "\nin json only: {}\n",
                   counted(all.size() - kHistograms, "more histogram"));
  }
  return out;
}

}  // namespace jtrace::exporting
