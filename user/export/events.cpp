// SPDX-License-Identifier: Apache-2.0
// Newline-delimited JSON: one line an event, in the order of their times; the run in the first
// line, the ledger in the last (docs/formats.md).
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "export/exporter.h"
#include "export/formats.h"

namespace jtrace::exporting {
namespace {

std::string stamp(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::chrono::nanoseconds rest = time - seconds;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), rest.count());
}

// A file of more is cut: it is made in memory, where a stack of 2 048 frames takes 100 kB a line.
constexpr std::size_t kMostBytes = 512U << 20, kMostKept = 64U << 20;

class Lines {
 public:
  Lines(const profile::Profile& profile, const WriteOptions& options)
      : profile_(profile), options_(options), texts_(profile.samples.size()) {}

  std::string operator()() {
    put_header();
    for (const profile::SingleEvent& event : profile_.events) {
      if (out_.size() >= kMostBytes) break;
      put_event(event);
      ++put_;
    }
    put_ledger();
    return std::move(out_);
  }

 private:
  template <class... T>
  void put(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<T>(values)...);
  }

  void put_header() {
    const profile::Header& header = profile_.header;
    put("{{\"jtrace\":1,\"title\":{},\"target\":{},\"host\":{},\"start\":\"{}\",\"units\":{{",
        json_string(header.title), json_string(header.target), json_string(header.host),
        stamp(header.start));
    std::string_view comma;
    for (const auto& type : profile_.sample_types) {
      put("{}{}:{}", comma, json_string(type.type), json_string(type.unit));
      comma = ",";
    }
    put("}}}}\n");
  }

  void put_event(const profile::SingleEvent& event) {
    put("{{\"time\":\"{}\",\"pid\":{},\"tid\":{},\"weights\":{{", stamp(event.time), event.pid,
        event.tid);
    std::string_view comma;
    for (std::size_t i = 0; i < event.values.size() && i < profile_.sample_types.size(); ++i) {
      put("{}{}:{}", comma, json_string(profile_.sample_types[i].type), event.values[i]);
      comma = ",";
    }
    out_ += "}" + text_of(event.sample);
  }

  // What all events of a sample have. Of the first ones it is kept.
  std::string text_of(std::size_t index) {
    if (!texts_.at(index).empty()) return texts_.at(index);
    std::string text = make_text(index);
    if (kept_ < kMostKept) {
      kept_ += text.size();
      texts_.at(index) = text;
    }
    return text;
  }

  std::string make_text(std::size_t index) const {
    const profile::Sample& sample = profile_.samples[index];
    std::string event = profile_.header.events.size() == 1 ? profile_.header.events.front() : "";
    std::string thread, values;
    for (const profile::Label& label : sample.labels) {
      const auto key = profile_.string(label.key);
      if (label.is_number()) continue;  // a size class; the event has the very number
      if (key == profile::kEventLabel) {
        event = profile_.string(label.str);
      } else if (key == profile::kThreadLabel) {
        thread = fmt::format(",\"thread\":{}", json_string(profile_.string(label.str)));
      } else {
        values += fmt::format("{}{}:{}", values.empty() ? "" : ",", json_string(key),
                              json_string(profile_.string(label.str)));
      }
    }
    std::string text = fmt::format(",\"event\":{}{}", json_string(event), thread);
    if (!values.empty()) text += ",\"values\":{" + values + "}";
    text += ",\"stack\":[" + frames_of(sample) + "]}\n";
    return text;
  }

  // Root first, as in collapsed text; without the event's own, which are `event` and `values`.
  [[nodiscard]] std::string frames_of(const profile::Sample& sample) const {
    std::string frames;
    const auto add = [&](const std::string& safe) {
      frames += (frames.empty() ? "\"" : ",\"") + json_escaped(safe) + "\"";
    };
    for (auto id = sample.locations.rbegin(); id != sample.locations.rend(); ++id) {
      const profile::Location& location = profile_.locations[id->value];
      if (location.lines.empty()) add(unknown_text(profile_, location));
      for (auto line = location.lines.rbegin(); line != location.lines.rend(); ++line) {
        if (line->kind == profile::FrameKind::Event) continue;
        add(line_text(profile_, *line, !options_.plain, options_.lines));
      }
    }
    return frames;
  }

  void put_ledger() {
    const auto left_out = profile_.events.size() - put_;
    put("{{\"balanced\":{},\"events_left_out\":{},\"ledger\":[", profile_.ledger.balanced,
        left_out);
    std::string_view comma;
    for (const profile::LedgerLine& line : profile_.ledger.lines) {
      put("{}{{\"name\":{},\"depth\":{},\"count\":{}}}", comma, json_string(line.name), line.depth,
          line.measurable ? fmt::format("{}", line.count) : "null");
      comma = ",";
    }
    out_ += "]}\n";
  }

  const profile::Profile& profile_;
  const WriteOptions& options_;
  std::string out_;
  std::vector<std::string> texts_;  // by sample
  std::size_t kept_ = 0;            // bytes of them
  std::size_t put_ = 0;             // events
};

}  // namespace

std::string write_events(const profile::Profile& profile, const WriteOptions& options) {
  return Lines(profile, options)();
}

}  // namespace jtrace::exporting
