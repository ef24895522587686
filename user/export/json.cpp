// SPDX-License-Identifier: Apache-2.0
// jtrace's own JSON (docs/formats.md), written row by row.
#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "export/canonical.h"
#include "export/diff.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/histogram.h"
#include "export/totals.h"

namespace jtrace::exporting {
namespace {

std::string list_of(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ",") + json_string(text);
  return "[" + list + "]";
}

class Writer {
 public:
  explicit Writer(const profile::Profile& profile)
      : profile_(profile), frames_of_(profile.locations.size()) {}

  std::string operator()() {
    put_header();
    put_ledger();
    const std::string stacks = stacks_text();  // hands out the frames
    out_ += "\"frames\":[";
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      out_ += (i == 0 ? "\n" : ",\n") + frames_[i];
    }
    return std::move(out_) + "],\n\"stacks\":[" + stacks + "]" + totals() + histograms() + "}\n";
  }

 private:
  void put_header() {
    const profile::Header& header = profile_.header;
    const auto start = std::chrono::nanoseconds(header.start.time_since_epoch()).count();
    fmt::format_to(std::back_inserter(out_),
                   "{{\"jtrace\":1,\n\"header\":{{\"title\":{},\"events\":{},\"target\":{},"
                   "\"host\":{},\"command\":{},\"time_nanos\":{},\"duration_nanos\":{}}},\n",
                   json_string(header.title), list_of(header.events), json_string(header.target),
                   json_string(header.host), json_string(header.command_line), start,
                   header.duration.count());
    fmt::format_to(std::back_inserter(out_), "\"comments\":{},\n\"sample_types\":[",
                   list_of(profile_.comments));
    std::string_view comma;
    for (const auto& type : profile_.sample_types) {
      fmt::format_to(std::back_inserter(out_), "{}{{\"type\":{},\"unit\":{}}}", comma,
                     json_string(type.type), json_string(type.unit));
      comma = ",";
    }
    const auto& types = profile_.sample_types;
    const std::size_t at = profile_.default_type;
    fmt::format_to(std::back_inserter(out_), "],\n\"default_type\":{},\n",
                   json_string(at < types.size() ? types[at].type : ""));
  }

  void put_ledger() {
    fmt::format_to(std::back_inserter(out_), "\"ledger\":{{\"balanced\":{},\"lines\":[",
                   profile_.ledger.balanced);
    std::string_view comma = "\n";
    for (const profile::LedgerLine& line : profile_.ledger.lines) {
      fmt::format_to(std::back_inserter(out_), "{}{{\"name\":{},\"depth\":{},\"count\":{}}}", comma,
                     json_string(line.name), line.depth,
                     line.measurable ? fmt::format("{}", line.count) : "null");
      comma = ",\n";
    }
    out_ += "]},\n";
  }

  std::string stacks_text() {
    std::string out;
    std::string_view comma = "\n";
    for (const profile::Sample& sample : profile_.samples) {
      std::vector<std::size_t> frames;
      for (auto id = sample.locations.rbegin(); id != sample.locations.rend(); ++id) {
        const auto& its = frames_of(*id);
        frames.insert(frames.end(), its.begin(), its.end());
      }
      fmt::format_to(std::back_inserter(out), "{}{{\"frames\":[{}],\"values\":[{}]{}}}", comma,
                     fmt::join(frames, ","), fmt::join(sample.values, ","), labels(sample));
      comma = ",\n";
    }
    return out;
  }

  std::string totals() const {
    std::string out;
    for (const FieldTotals& field : make_totals(profile_)) {
      fmt::format_to(std::back_inserter(out), "{}{{\"field\":{},\"values\":[",
                     out.empty() ? "" : ",\n", json_string(field.field));
      std::string_view comma = "\n";
      for (const ValueTotal& one : field.values) {
        fmt::format_to(std::back_inserter(out), "{}{{\"value\":{},\"sums\":[{}]}}", comma,
                       json_string(one.value), fmt::join(one.sums, ","));
        comma = ",\n";
      }
      out += "]}";
    }
    return out.empty() ? out : ",\n\"totals\":[\n" + out + "]";
  }

  std::string histograms() const {
    std::string out;
    for (const Histogram& histogram : make_histograms(profile_)) {
      fmt::format_to(std::back_inserter(out),
                     "{}{{\"event\":{},\"label\":{},\"unit\":{},\"count\":{},\"buckets\":[",
                     out.empty() ? "" : ",\n", json_string(histogram.event),
                     json_string(histogram.label), json_string(histogram.unit), histogram.count);
      std::string_view comma = "\n";
      for (const Bucket& bucket : histogram.buckets) {
        std::string hottest;
        for (const HotStack& stack : bucket.hottest) {
          fmt::format_to(std::back_inserter(hottest), "{}{{\"stack\":{},\"count\":{}}}",
                         hottest.empty() ? "" : ",", stack.sample, stack.count);
        }
        fmt::format_to(
            std::back_inserter(out), "{}{{\"from\":{},\"to\":{},\"count\":{},\"hottest\":[{}]}}",
            comma, bucket_begin(bucket.bucket), bucket_end(bucket.bucket), bucket.count, hottest);
        comma = ",\n";
      }
      out += "]}";
    }
    return out.empty() ? out : ",\n\"histograms\":[\n" + out + "]";
  }

  std::string labels(const profile::Sample& sample) const {
    std::string out;
    for (const profile::Label& label : sample.labels) {
      fmt::format_to(std::back_inserter(out), "{}{}:{}", out.empty() ? "" : ",",
                     json_string(profile_.string(label.key)), label_value(label));
    }
    return out.empty() ? out : ",\"labels\":{" + out + "}";
  }

  std::string label_value(const profile::Label& label) const {
    if (!label.is_number()) return json_string(profile_.string(label.str));
    if (label.unit.value == 0) return fmt::format("{}", label.num);
    return fmt::format("{{\"num\":{},\"unit\":{}}}", label.num,
                       json_string(profile_.string(label.unit)));
  }

  // Once for all stacks that hold it: names are text that is made safe first.
  const std::vector<std::size_t>& frames_of(profile::LocationId id) {
    std::vector<std::size_t>& known = frames_of_[id.value];
    if (known.empty()) put_frames(profile_.locations[id.value], known);
    return known;
  }

  void put_frames(const profile::Location& location, std::vector<std::size_t>& frames) {
    const auto module = profile_.string(profile_.mappings[location.mapping.value].filename);
    std::string place = module.empty() ? "" : ",\"module\":" + json_string(module);
    if (location.address != 0) place += fmt::format(",\"address\":\"{:#x}\"", location.address);
    if (location.lines.empty()) {
      // unknown_text() is safe already, as line_text() is.
      frames.push_back(id_of(fmt::format("{{\"name\":\"{}\",\"kind\":\"unknown\"{}}}",
                                         json_escaped(unknown_text(profile_, location)), place)));
    }
    for (auto line = location.lines.rbegin(); line != location.lines.rend(); ++line) {
      const profile::Function& function = profile_.functions[line->function.value];
      std::string more = place;
      const auto put = [&](std::string_view key, profile::StringId text) {
        if (text.value == 0) return;
        fmt::format_to(std::back_inserter(more), ",\"{}\":{}", key,
                       json_string(profile_.string(text)));
      };
      put("system_name", function.system_name);
      put("file", function.filename);
      if (line->line != 0) more += fmt::format(",\"line\":{}", line->line);
      if (line->bci >= 0) more += fmt::format(",\"bci\":{}", line->bci);
      frames.push_back(id_of(fmt::format("{{\"name\":\"{}\",\"kind\":\"{}\"{}}}",
                                         json_escaped(line_text(profile_, *line, false)),
                                         kind_name(line->kind), more)));
    }
  }

  std::size_t id_of(std::string frame) {
    const auto [it, fresh] = ids_.try_emplace(frame, frames_.size());
    if (fresh) frames_.push_back(std::move(frame));
    return it->second;
  }

  const profile::Profile& profile_;
  std::string out_;
  std::vector<std::string> frames_;
  std::vector<std::vector<std::size_t>> frames_of_;  // by location
  std::unordered_map<std::string, std::size_t> ids_;
};

}  // namespace

std::string write_json(const profile::Profile& profile, const WriteOptions& options) {
  profile::Profile sorted = canonical(profile);
  if (options.normalise) normalise_samples(sorted);
  return Writer(sorted)();
}

}  // namespace jtrace::exporting
