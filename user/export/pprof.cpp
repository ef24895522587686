// SPDX-License-Identifier: Apache-2.0
// github.com/google/pprof's profile.proto, gzipped. The header and the ledger are comments, which
// `pprof -comments` shows and read_profile() reads back.
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <future>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "export/beside.h"
#include "export/canonical.h"
#include "export/diff.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/gzip.h"
#include "export/pprof_fields.h"
#include "export/protobuf_writer.h"

namespace jtrace::exporting {
namespace {

using profile::FrameKind;

class Strings {
 public:
  Strings() { (void)(*this)(""); }  // string_table[0] must be ""

  std::int64_t operator()(std::string_view text) {
    const auto [it, fresh] = ids_.try_emplace(std::string(text), all_.size());
    if (fresh) all_.emplace_back(text);
    return static_cast<std::int64_t>(it->second);
  }
  [[nodiscard]] const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
  std::unordered_map<std::string, std::size_t> ids_;
};

class Writer {
 public:
  explicit Writer(const profile::Profile& profile)
      : raw_(profile),
        has_room_(beside(is_large(profile), [this] { out_.make_room(most_bytes()); })),
        sorted_(profile),
        profile_(sorted_.tables()),
        texts_(profile_.strings.size(), kNoText) {}

  std::string operator()() {
    has_room_.get();
    put_types();
    put_samples();
    put_locations();
    put_functions();
    put_mappings();
    put_header();
    for (const std::string& text : strings_.all()) out_.element(pprof::kStringTable, text);
    return std::move(out_).take();
  }

 private:
  ProtobufWriter value_type(const profile::ValueType& type) {
    ProtobufWriter message;
    message.number(pprof::kTypeName, text(type.type));
    message.number(pprof::kTypeUnit, text(type.unit));
    return message;
  }

  void put_types() {
    types_ = profile_.sample_types;
    if (types_.empty()) types_.push_back({"events", "count"});
    for (const auto& type : types_) out_.element(pprof::kSampleType, value_type(type));
  }

  // Of the samples: a message that grows copies all that there is.
  [[nodiscard]] std::size_t most_bytes() const {
    const std::size_t kId = std::bit_width(raw_.locations.size() + 1) / 7 + 1;
    constexpr std::size_t kValue = 10;
    constexpr std::size_t kRest = 24;
    std::size_t bytes = 0;
    for (const profile::Sample& sample : raw_.samples) {
      bytes += kRest + kId * sample.locations.size() +
               kValue * (sample.values.size() + 2 * sample.labels.size());
    }
    return bytes;
  }

  // By two, where none has to know which texts the other one met first.
  void put_samples() {
    const bool halved = is_large(raw_) && !sorted_.labelled();
    const std::size_t middle = halved ? sorted_.middle() : sorted_.end();
    bool zero_in_rest = false;
    auto rest = beside(halved, [&] {
      ProtobufWriter out;
      out.reserve(halved ? most_bytes() / 2 : 0);
      zero_in_rest = put_samples(middle, sorted_.end(), out);
      return out;
    });
    zero_used_ = put_samples(0, middle, out_);
    out_.append(rest.get());
    zero_used_ |= zero_in_rest;
  }

  // Whether location 0 is in one of them.
  bool put_samples(std::size_t from, std::size_t to, ProtobufWriter& out) {
    bool has_zero = false;
    const auto id_of = [&](profile::LocationId id) {
      has_zero |= id.value == 0;
      return location_id(id.value);
    };
    // The tools show a sample without frames as nothing at all; it happened, though.
    constexpr std::array<profile::LocationId, 1> kNothing{};
    ProtobufWriter message;
    ProtobufWriter part;
    sorted_.each_sample(from, to, [&](const profile::Sample& sample) {
      message.clear();
      if (sample.locations.empty()) {
        message.packed(pprof::kSampleLocation, kNothing, id_of);
      } else {
        message.packed(pprof::kSampleLocation, sample.locations, id_of);
      }
      message.packed<std::int64_t>(pprof::kSampleValue, sample.values);
      for (const profile::Label& label : sample.labels) {
        part.clear();
        part.number(pprof::kLabelKey, text(label.key));
        part.number(pprof::kLabelStr, text(label.str));
        part.number(pprof::kLabelNum, label.num);
        part.number(pprof::kLabelUnit, text(label.unit));
        message.element(pprof::kSampleLabel, part);
      }
      out.element(pprof::kSample, message);
    });
    return has_zero;
  }

  void put_locations() {
    for (std::uint32_t id = 0; id < profile_.locations.size(); ++id) {
      if (id == 0 && !zero_used_) continue;
      const profile::Location& location = profile_.locations[id];
      ProtobufWriter message;
      message.number(pprof::kLocationId, location_id(id));
      message.number(pprof::kLocationMapping, mapping_of(location));
      message.number(pprof::kLocationAddress, location.address);
      for (const profile::Line& line : location.lines) {
        const auto& function = profile_.functions[line.function.value];
        const std::string system_name = safe_text(profile_.string(function.system_name));
        put_line(message, line_text(profile_, line, false), system_name,
                 profile_.string(function.filename), line.line);
      }
      if (location.lines.empty()) put_line(message, unknown_text(profile_, location), {}, {}, 0);
      out_.element(pprof::kLocation, message);
    }
  }

  void put_line(ProtobufWriter& location, const std::string& name, std::string_view system_name,
                std::string_view file, std::uint32_t number) {
    const std::array<std::int64_t, 3> key{
        strings_(name), strings_(system_name.empty() ? name : system_name), text(file)};
    const auto [it, fresh] = function_ids_.try_emplace(
        fmt::format("{} {} {}", key[0], key[1], key[2]), functions_.size() + 1);
    if (fresh) functions_.push_back(key);
    ProtobufWriter line;
    line.number(pprof::kLineFunction, it->second);
    line.number(pprof::kLineNumber, std::uint64_t{number});
    location.element(pprof::kLocationLine, line);
  }

  void put_functions() {
    for (std::size_t i = 0; i < functions_.size(); ++i) {
      ProtobufWriter message;
      message.number(pprof::kFunctionId, i + 1);
      message.number(pprof::kFunctionName, functions_[i][0]);
      message.number(pprof::kFunctionSystemName, functions_[i][1]);
      message.number(pprof::kFunctionFile, functions_[i][2]);
      out_.element(pprof::kFunction, message);
    }
  }

  // Code outside of files stands in mappings of its own, as `perf` has it for the kernel: tools
  // tell frames apart by them, and so does read_profile().
  std::uint64_t mapping_of(const profile::Location& location) {
    if (location.mapping.value != 0) return location.mapping.value;
    if (location.lines.empty()) return 0;
    switch (location.lines.back().kind) {
      case FrameKind::Kernel:
        return extra_mapping(pprof::kKernelMapping);
      case FrameKind::Event:
        return extra_mapping(pprof::kEventMapping);
      case FrameKind::JavaC2:
      case FrameKind::JavaC1:
      case FrameKind::JavaInlined:
      case FrameKind::JavaInterpreted:
      case FrameKind::JavaNative:
      case FrameKind::JavaStub:
        return extra_mapping(pprof::kJavaMapping);
      default:
        return 0;
    }
  }

  std::uint64_t extra_mapping(std::string_view name) {
    std::size_t at = 0;
    while (at < extra_.size() && extra_[at] != name) ++at;
    if (at == extra_.size()) extra_.push_back(name);
    return std::max<std::size_t>(profile_.mappings.size(), 1) + at;
  }

  void put_mappings() {
    std::uint64_t id = 1;
    const auto put = [&](const profile::Mapping& mapping, std::string_view name) {
      ProtobufWriter message;
      message.number(pprof::kMappingId, id++);
      message.number(pprof::kMappingStart, mapping.start);
      message.number(pprof::kMappingLimit, mapping.limit);
      message.number(pprof::kMappingOffset, mapping.offset);
      message.number(pprof::kMappingFile, text(name));
      message.number(pprof::kMappingBuildId, text(mapping.build_id));
      // The tools must not look for symbols on the machine that shows the profile.
      message.number(pprof::kMappingHasFunctions, std::uint64_t{1});
      out_.element(pprof::kMapping, message);
    };
    for (std::size_t i = 1; i < profile_.mappings.size(); ++i) {
      put(profile_.mappings[i], profile_.string(profile_.mappings[i].filename));
    }
    for (const std::string_view name : extra_) put({}, name);
  }

  void put_header() {
    using std::chrono::nanoseconds;
    const profile::Header& header = profile_.header;
    out_.number(
        pprof::kTime,
        std::int64_t{
            std::chrono::duration_cast<nanoseconds>(header.start.time_since_epoch()).count()});
    out_.number(pprof::kDuration, std::int64_t{header.duration.count()});
    out_.element(pprof::kPeriodType, value_type(types_.front()));
    out_.number(pprof::kPeriod, std::uint64_t{1});
    std::vector<std::int64_t> comments;
    for (const std::string& line : pprof::comment_lines(profile_)) {
      comments.push_back(strings_(line));
    }
    out_.packed<std::int64_t>(pprof::kComment, comments);
    // Their default is the last type.
    const std::size_t at = profile_.default_type < types_.size() ? profile_.default_type : 0;
    out_.number(pprof::kDefaultType, text(types_[at].type));
  }

  static std::uint64_t location_id(std::uint32_t id) { return std::uint64_t{id} + 1; }
  std::int64_t text(std::string_view raw) { return strings_(safe_text(raw)); }
  std::int64_t text(profile::StringId id) {
    std::int64_t& known = texts_[id.value];
    if (known == kNoText) known = text(profile_.string(id));
    return known;
  }

  static constexpr std::int64_t kNoText = -1;
  const profile::Profile& raw_;
  ProtobufWriter out_;
  std::future<void> has_room_;  // for the samples: memory is got while they are sorted
  Canonical sorted_;
  const profile::Profile& profile_;  // the tables of it
  std::vector<std::int64_t> texts_;  // of each of its strings the one that is written
  Strings strings_;
  std::vector<profile::ValueType> types_;
  std::vector<std::array<std::int64_t, 3>> functions_;  // name, system name, file
  std::unordered_map<std::string, std::uint64_t> function_ids_;
  std::vector<std::string_view> extra_;
  bool zero_used_ = false;
};

}  // namespace

std::string pprof_message(const profile::Profile& profile, const WriteOptions& options) {
  if (!is_difference(profile)) return Writer(profile)();
  profile::Profile sorted = canonical(profile);
  if (options.normalise) normalise_samples(sorted);
  return Writer(base_apart(sorted))();
}

std::string write_pprof(const profile::Profile& profile, const WriteOptions& options) {
  return gzip(pprof_message(profile, options));
}

}  // namespace jtrace::exporting
