// SPDX-License-Identifier: Apache-2.0
// The profiles signal of OpenTelemetry: an ExportProfilesServiceRequest, which as bytes is a
// ProfilesData too. Field numbers are those of opentelemetry-proto kVersion; until the signal is
// stable they change from release to release, so the version stands in what is written.
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "export/canonical.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/protobuf_writer.h"
#include "export/source.h"
#include "export/stacks.h"
#include "profile/split.h"

namespace jtrace::exporting {
namespace {

using profile::FrameKind;

constexpr std::string_view kVersion = "opentelemetry-proto 1.11.0, profiles v1development";

// NOLINTBEGIN(readability-identifier-naming)
enum Request : unsigned { kResourceProfiles = 1, kDictionary = 2 };
enum ResourceProfiles : unsigned { kResource = 1, kScopeProfiles = 2 };
enum ScopeProfiles : unsigned { kScope = 1, kProfiles = 2 };
enum Resource : unsigned { kResourceAttributes = 1 };
enum Scope : unsigned { kScopeName = 1, kScopeAttributes = 3 };
enum Dictionary : unsigned {
  kMappings = 1,
  kLocations = 2,
  kFunctions = 3,
  kLinks = 4,
  kStrings = 5,
  kAttributes = 6,
  kStacks = 7,
};
enum Profile : unsigned {
  kSampleType = 1,
  kSamples = 2,
  kTime = 3,
  kDuration = 4,
  kPeriodType = 5,
  kPeriod = 6,
  kProfileId = 7,
  kProfileAttributes = 11,
};
enum Link : unsigned { kTraceId = 1, kSpanId = 2 };
enum ValueType : unsigned { kType = 1, kUnit = 2 };
enum Sample : unsigned { kSampleStack = 1, kSampleAttributes = 2, kSampleValues = 4 };
enum Mapping : unsigned {
  kMappingStart = 1,
  kMappingLimit = 2,
  kMappingOffset = 3,
  kMappingFile = 4,
  kMappingAttributes = 5,
};
enum Stack : unsigned { kStackLocations = 1 };
enum Location : unsigned {
  kLocationMapping = 1,
  kLocationAddress = 2,
  kLocationLines = 3,
  kLocationAttributes = 4,
};
enum Line : unsigned { kLineFunction = 1, kLineNumber = 2 };
enum Function : unsigned { kFunctionName = 1, kFunctionSystemName = 2, kFunctionFile = 3 };
enum KeyValue : unsigned { kKey = 1, kValue = 2 };
enum KeyValueAndUnit : unsigned { kKeyIndex = 1, kValueOfKey = 2, kUnitOfKey = 3 };
enum AnyValue : unsigned { kText = 1, kBool = 2, kInt = 3, kArray = 5 };
enum ArrayValue : unsigned { kElements = 1 };
// NOLINTEND(readability-identifier-naming)

ProtobufWriter any_text(std::string_view text) {
  ProtobufWriter value;
  value.element(kText, text);
  return value;
}

ProtobufWriter any_number(std::int64_t number) {
  ProtobufWriter value;
  value.member(kInt, number);
  return value;
}

ProtobufWriter any_flag(bool flag) {
  ProtobufWriter value;
  value.member(kBool, flag ? 1 : 0);
  return value;
}

ProtobufWriter any_list(const std::vector<std::string>& texts) {
  ProtobufWriter list;
  for (const std::string& text : texts) list.element(kElements, any_text(safe_text(text)));
  ProtobufWriter value;
  value.element(kArray, list);
  return value;
}

ProtobufWriter key_value(std::string_view key, const ProtobufWriter& value) {
  ProtobufWriter pair;
  pair.element(kKey, key);
  pair.element(kValue, value);
  return pair;
}

// A table of the dictionary. Items are known by their bytes, so none is there twice; the one at 0
// is the zero value, which says that nothing is meant.
class Table {
 public:
  explicit Table(std::string zero = {}) { (void)(*this)(zero); }

  std::uint64_t operator()(std::string_view item) {
    const auto [it, fresh] = ids_.try_emplace(std::string(item), all_.size());
    if (fresh) all_.push_back(&it->first);  // a key stays where it is
    return it->second;
  }
  std::uint64_t operator()(const ProtobufWriter& item) { return (*this)(item.bytes()); }

  void put(ProtobufWriter& dictionary, unsigned field) const {
    for (const std::string* item : all_) dictionary.element(field, *item);
  }

 private:
  std::unordered_map<std::string, std::uint64_t> ids_;
  std::vector<const std::string*> all_;
};

// "worker" and 13 of "[worker tid=13]".
std::pair<std::string_view, std::optional<std::int64_t>> thread_parts(std::string_view text) {
  constexpr std::string_view kTid = " tid=";
  const auto at = text.rfind(kTid);
  if (!text.starts_with('[') || !text.ends_with(']') || at == text.npos) return {text, {}};
  const std::string_view number = text.substr(at + kTid.size());
  std::int64_t tid = 0;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), tid);
  if (error != std::errc{} || stop + 1 != number.data() + number.size()) return {text, {}};
  return {text.substr(1, at - 1), tid};
}

// The name that OpenTelemetry's conventions have for a label of a process.
std::string_view process_attribute(std::string_view label) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames{
      {{"pid", "process.pid"},
       {"start", "process.creation.time"},
       {"comm", "process.executable.name"},
       {"main", "jtrace.process.main"},
       {"container", "container.id"},
       {"cgroup", "process.linux.cgroup"},
       {"pod", "k8s.pod.uid"}}};
  const auto* const found =
      std::ranges::find(kNames, label, &std::pair<std::string_view, std::string_view>::first);
  return found == kNames.end() ? label : found->second;
}

// The word of OpenTelemetry's conventions for what runs a frame; they have none for the rest.
std::string_view frame_type(FrameKind kind) {
  switch (kind) {
    case FrameKind::Native:
      return "native";
    case FrameKind::Kernel:
      return "kernel";
    case FrameKind::JavaC2:
    case FrameKind::JavaC1:
    case FrameKind::JavaInlined:
    case FrameKind::JavaInterpreted:
    case FrameKind::JavaNative:
    case FrameKind::JavaStub:
      return "jvm";
    case FrameKind::Event:
    case FrameKind::Thread:
    case FrameKind::Marker:
    case FrameKind::Unknown:
      return {};
  }
  return {};
}

class Writer {
 public:
  explicit Writer(const profile::Profile& profile) : profile_(profile), links_(no_link()) {}

  std::string operator()() {
    std::vector<ProtobufWriter> all = profiles();
    const ProtobufWriter source = resource();
    const ProtobufWriter tables = dictionary();
    ProtobufWriter scopes;
    scopes.element(kScope, scope());
    for (ProtobufWriter& one : all) {
      one.element(kProfileId, identity(one, source, tables));
      scopes.element(kProfiles, one);
    }
    ProtobufWriter resources;
    resources.element(kResource, source);
    resources.element(kScopeProfiles, scopes);
    ProtobufWriter request;
    request.element(kResourceProfiles, resources);
    request.element(kDictionary, tables);
    return request.bytes();
  }

 private:
  // Readers may insist on ids of full length.
  static std::string no_link() {
    constexpr std::size_t kTraceBytes = 16;
    constexpr std::size_t kSpanBytes = 8;
    ProtobufWriter link;
    link.element(kTraceId, std::string(kTraceBytes, '\0'));
    link.element(kSpanId, std::string(kSpanBytes, '\0'));
    return link.bytes();
  }

  static ProtobufWriter scope() {
    ProtobufWriter message;
    message.element(kScopeName, "jtrace");
    message.element(kScopeAttributes, key_value("jtrace.otlp.version", any_text(kVersion)));
    return message;
  }

  [[nodiscard]] ProtobufWriter resource() const {
    ProtobufWriter message;
    const auto put = [&](std::string_view key, const ProtobufWriter& value) {
      message.element(kResourceAttributes, key_value(key, value));
    };
    const Source source = source_of(profile_.header);
    put("service.name", any_text(source.service));
    if (source.pid) put("process.pid", any_number(*source.pid));
    if (const auto& process = profile_.header.process) {
      for (const auto& [key, text] : profile::kProcessTexts) {
        const std::string& value = (*process).*text;
        if (!value.empty()) put(process_attribute(key), any_text(safe_text(value)));
      }
    }
    if (!profile_.header.host.empty()) put("host.name", any_text(safe_text(profile_.header.host)));
    return message;
  }

  // One a weight, the one that was asked for first: tools show the first.
  std::vector<ProtobufWriter> profiles() {
    std::vector<profile::ValueType> types = profile_.sample_types;
    if (types.empty()) types.push_back({"events", "count"});
    const std::size_t first = profile_.default_type < types.size() ? profile_.default_type : 0;
    std::vector<ProtobufWriter> all{one_profile(types, first)};
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (i != first) all.push_back(one_profile(types, i));
    }
    return all;
  }

  ProtobufWriter one_profile(const std::vector<profile::ValueType>& types, std::size_t column) {
    using std::chrono::nanoseconds;
    const profile::Header& header = profile_.header;
    ProtobufWriter message;
    message.element(kSampleType, value_type(types[column]));
    for (const profile::Sample& sample : profile_.samples) put_sample(message, sample, column);
    message.fixed64(
        kTime,
        static_cast<std::uint64_t>(
            std::chrono::duration_cast<nanoseconds>(header.start.time_since_epoch()).count()));
    message.number(kDuration, std::int64_t{header.duration.count()});
    message.element(kPeriodType, value_type(types.front()));
    message.number(kPeriod, std::uint64_t{1});
    message.packed<std::uint64_t>(kProfileAttributes, about());
    return message;
  }

  // So that a receiver can tell one that came twice: a retry after an answer that was lost.
  static std::string identity(const ProtobufWriter& profile, const ProtobufWriter& source,
                              const ProtobufWriter& tables) {
    const std::string& bytes = profile.bytes();
    const auto seed = XXH3_64bits(source.bytes().data(), source.bytes().size()) ^
                      XXH3_64bits(tables.bytes().data(), tables.bytes().size());
    XXH128_canonical_t id;
    XXH128_canonicalFromHash(&id, XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed));
    return {reinterpret_cast<const char*>(id.digest), sizeof id.digest};
  }

  void put_sample(ProtobufWriter& message, const profile::Sample& sample, std::size_t column) {
    const std::int64_t value = column < sample.values.size() ? sample.values[column] : 0;
    if (value == 0) return;
    ProtobufWriter part;
    part.number(kSampleStack, stack(sample));
    part.packed<std::uint64_t>(kSampleAttributes, labels(sample));
    part.packed<std::int64_t>(kSampleValues, std::array{value});
    message.element(kSamples, part);
  }

  std::uint64_t stack(const profile::Sample& sample) {
    std::vector<std::uint64_t> ids;
    for (const auto id : sample.locations) ids.push_back(location(id.value));
    // Index 0 says that there is no stack; it happened somewhere, though.
    if (ids.empty()) ids.push_back(location(0));
    ProtobufWriter message;
    message.packed<std::uint64_t>(kStackLocations, ids);
    return stacks_(message);
  }

  std::uint64_t location(std::uint32_t id) {
    const auto [it, fresh] = location_ids_.try_emplace(id, 0);
    if (fresh) it->second = locations_(made_location(profile_.locations[id]));
    return it->second;
  }

  ProtobufWriter made_location(const profile::Location& location) {
    ProtobufWriter message;
    message.number(kLocationMapping, mapping(location.mapping.value));
    message.number(kLocationAddress, location.address);
    FrameKind kind = FrameKind::Unknown;
    for (const profile::Line& line : location.lines) {
      const auto& function = profile_.functions[line.function.value];
      kind = line.kind;  // the last one is the frame's, the others are inlined into it
      put_line(message, line_text(profile_, line, false), profile_.string(function.system_name),
               profile_.string(function.filename), line.line);
    }
    if (location.lines.empty()) put_line(message, unknown_text(profile_, location), {}, {}, 0);
    std::vector<std::uint64_t> about;
    const std::string_view type = frame_type(kind);
    if (!type.empty()) about.push_back(attribute("profile.frame.type", any_text(type)));
    about.push_back(attribute("jtrace.frame.kind", any_text(kind_name(kind))));
    message.packed<std::uint64_t>(kLocationAttributes, about);
    return message;
  }

  void put_line(ProtobufWriter& location, std::string_view name, std::string_view system_name,
                std::string_view file, std::uint32_t number) {
    ProtobufWriter function;
    function.number(kFunctionName, strings_(name));
    function.number(kFunctionSystemName, text(system_name));
    function.number(kFunctionFile, text(file));
    ProtobufWriter line;
    line.number(kLineFunction, functions_(function));
    line.number(kLineNumber, std::uint64_t{number});
    location.element(kLocationLines, line);
  }

  std::uint64_t mapping(std::uint32_t id) {
    if (id == 0) return 0;
    const profile::Mapping& mapping = profile_.mappings[id];
    ProtobufWriter message;
    message.number(kMappingStart, mapping.start);
    message.number(kMappingLimit, mapping.limit);
    message.number(kMappingOffset, mapping.offset);
    message.number(kMappingFile, text(profile_.string(mapping.filename)));
    if (mapping.build_id.value != 0) {
      const std::array about{attribute("process.executable.build_id.gnu",
                                       any_text(safe_text(profile_.string(mapping.build_id))))};
      message.packed<std::uint64_t>(kMappingAttributes, about);
    }
    return mappings_(message);
  }

  // Fields keep their names; threads and processes have those of the conventions.
  std::vector<std::uint64_t> labels(const profile::Sample& sample) {
    std::vector<std::uint64_t> ids;
    const bool has_process = profile::process_of(profile_, sample).has_value();
    for (const profile::Label& label : sample.labels) {
      std::string_view key = profile_.string(label.key);
      if (has_process) key = process_attribute(key);
      if (label.is_number()) {
        ids.push_back(attribute(key, any_number(label.num), profile_.string(label.unit)));
      } else if (key == profile::kThreadLabel) {
        const auto [name, tid] = thread_parts(profile_.string(label.str));
        ids.push_back(attribute("thread.name", any_text(safe_text(name))));
        if (tid) ids.push_back(attribute("thread.id", any_number(*tid)));
      } else {
        ids.push_back(attribute(key, any_text(safe_text(profile_.string(label.str)))));
      }
    }
    return ids;
  }

  // Header, notes and ledger: "jtrace.ledger.kept.partial: depth" is part of "jtrace.ledger.kept".
  std::vector<std::uint64_t> about() {
    const profile::Header& header = profile_.header;
    std::vector<std::uint64_t> ids;
    const auto put = [&](std::string_view key, const ProtobufWriter& value) {
      ids.push_back(attribute(key, value));
    };
    if (!header.title.empty()) put("jtrace.title", any_text(safe_text(header.title)));
    if (!header.events.empty()) put("jtrace.events", any_list(header.events));
    if (!header.target.empty()) put("jtrace.target", any_text(safe_text(header.target)));
    if (!header.command_line.empty()) {
      put("jtrace.command", any_text(safe_text(header.command_line)));
    }
    if (!profile_.comments.empty()) put("jtrace.notes", any_list(profile_.comments));
    put("jtrace.ledger.balanced", any_flag(profile_.ledger.balanced));
    std::string parent;
    std::set<std::string> used{"jtrace.ledger.balanced"};
    for (const profile::LedgerLine& line : profile_.ledger.lines) {
      std::string key = (line.depth == 0 ? "jtrace.ledger" : parent) + "." + line.name;
      if (line.depth == 0) parent = key;
      while (!used.insert(key).second) key += '\'';  // a key may be there once
      put(key, line.measurable ? any_number(static_cast<std::int64_t>(line.count))
                               : any_text("not measurable"));
    }
    return ids;
  }

  std::uint64_t attribute(std::string_view key, const ProtobufWriter& value,
                          std::string_view unit = {}) {
    ProtobufWriter message;
    message.number(kKeyIndex, text(key));
    message.element(kValueOfKey, value);
    message.number(kUnitOfKey, strings_(ucum(unit)));
    return attributes_(message);
  }

  // Units of attributes are those of UCUM.
  static std::string ucum(std::string_view unit) {
    if (unit == "nanoseconds") return "ns";
    if (unit == "bytes") return "By";
    if (unit == "count") return "1";
    return safe_text(unit);
  }

  ProtobufWriter value_type(const profile::ValueType& type) {
    ProtobufWriter message;
    message.number(kType, text(type.type));
    message.number(kUnit, text(type.unit));
    return message;
  }

  std::uint64_t text(std::string_view raw) { return strings_(safe_text(raw)); }

  [[nodiscard]] ProtobufWriter dictionary() const {
    ProtobufWriter message;
    mappings_.put(message, kMappings);
    locations_.put(message, kLocations);
    functions_.put(message, kFunctions);
    links_.put(message, kLinks);
    strings_.put(message, kStrings);
    attributes_.put(message, kAttributes);
    stacks_.put(message, kStacks);
    return message;
  }

  const profile::Profile& profile_;
  Table mappings_, locations_, functions_, links_, strings_, attributes_, stacks_;
  std::unordered_map<std::uint32_t, std::uint64_t> location_ids_;
};

}  // namespace

std::string write_otlp(const profile::Profile& profile, const WriteOptions& /*options*/) {
  return Writer(canonical(profile))();
}

}  // namespace jtrace::exporting
