// SPDX-License-Identifier: Apache-2.0
// pprof of any tool. Ids may be any number, tables may come in any order.
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <ranges>
#include <unordered_map>
#include <utility>

#include "export/diff.h"
#include "export/exporter.h"
#include "export/pprof_fields.h"
#include "export/reading.h"

namespace jtrace::exporting {
namespace {

using profile::FrameKind;

std::unexpected<Error> spoiled(std::string what) {
  return fail(Errc::Usage, "not a pprof profile, or damaged: " + std::move(what));
}

struct Field {
  std::uint64_t number = 0;
  bool is_bytes = false;
  std::uint64_t value = 0;
  std::string_view bytes;
};

std::optional<std::uint64_t> take_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// False where the message is damaged.
template <class Each>
bool each_field(std::string_view in, Each each) {
  while (!in.empty()) {
    const auto tag = take_varint(in);
    if (!tag) return false;
    Field field;
    field.number = *tag >> 3U;
    std::size_t length = 0;
    switch (*tag & 7U) {
      case 0: {
        const auto value = take_varint(in);
        if (!value) return false;
        field.value = *value;
        break;
      }
      case 1:
        length = 8;
        break;
      case 2: {
        const auto size = take_varint(in);
        if (!size || *size > in.size()) return false;
        length = *size;
        field.is_bytes = true;
        break;
      }
      case 5:
        length = 4;
        break;
      default:
        return false;
    }
    if (length > in.size()) return false;
    field.bytes = in.substr(0, length);
    in.remove_prefix(length);
    if (!each(field)) return false;
  }
  return true;
}

// Repeated numbers may be packed or not.
template <class Number>
bool take_numbers(const Field& field, std::vector<Number>& out) {
  if (!field.is_bytes) {
    out.push_back(static_cast<Number>(field.value));
    return true;
  }
  for (std::string_view in = field.bytes; !in.empty();) {
    const auto value = take_varint(in);
    if (!value) return false;
    out.push_back(static_cast<Number>(*value));
  }
  return true;
}

// A message whose fields of interest are numbers below 8.
struct Numbers {
  std::array<std::uint64_t, 8> at{};
};
bool take(std::string_view bytes, Numbers& out) {
  return each_field(bytes, [&](const Field& f) {
    if (f.number < out.at.size() && !f.is_bytes) out.at.at(f.number) = f.value;
    return true;
  });
}

class Reader {
 public:
  Result<profile::Profile> operator()(std::string_view message) {
    const bool sound = each_field(message, [&](const Field& field) { return sort(field); });
    if (!sound) return spoiled("fields do not parse");
    if (strings_.empty() || !strings_.front().empty()) return spoiled("no table of strings");
    for (const std::uint64_t id : comments_) {
      ours_ |= string(id) == pprof::kOurs;
    }
    for (const std::uint64_t id : comments_) {
      pprof::take_comment(string(id), about_);
    }
    JT_CHECK_OK(take_tables());
    for (const std::string_view bytes : samples_) JT_CHECK_OK(take_sample(bytes));
    take_header();
    profile::ProfileBuilder builder(std::move(about_.header), std::move(about_.sample_types),
                                    about_.default_type);
    for (std::string& comment : about_.comments) builder.comment(std::move(comment));
    for (profile::Sample& sample : out_) builder.add(std::move(sample));
    return std::move(builder).build(symbols_, std::move(about_.ledger));
  }

 private:
  bool sort(const Field& field) {
    switch (field.number) {
      case pprof::kSampleType:
        types_.push_back(field.bytes);
        break;
      case pprof::kSample:
        samples_.push_back(field.bytes);
        break;
      case pprof::kMapping:
        mappings_.push_back(field.bytes);
        break;
      case pprof::kLocation:
        locations_.push_back(field.bytes);
        break;
      case pprof::kFunction:
        functions_.push_back(field.bytes);
        break;
      case pprof::kStringTable:
        strings_.push_back(field.bytes);
        break;
      case pprof::kTime:
        time_ = field.value;
        break;
      case pprof::kDuration:
        duration_ = field.value;
        break;
      case pprof::kDefaultType:
        default_type_ = field.value;
        break;
      case pprof::kComment:
        return take_numbers(field, comments_);
      default:
        break;
    }
    return true;
  }

  std::string_view string(std::uint64_t id) const {
    return id < strings_.size() ? strings_[id] : std::string_view();
  }
  // A few functions could name one long string each.
  std::string text(std::uint64_t id) {
    name_bytes_ += string(id).size();
    if (name_bytes_ > kMaxNameBytes) return {};
    return ours_ ? plain_text(string(id)) : std::string(string(id));
  }

  Status take_tables() {
    for (const std::string_view bytes : types_) {
      Numbers n;
      if (!take(bytes, n)) return spoiled("sample type");
      about_.sample_types.push_back({text(n.at[pprof::kTypeName]), text(n.at[pprof::kTypeUnit])});
    }
    if (about_.sample_types.empty() || about_.sample_types.size() > 64) {
      return spoiled("sample types");
    }
    // Without one, the first: pprof takes the last.
    const auto types = std::views::transform(about_.sample_types, &profile::ValueType::type);
    const auto at = std::ranges::find(types, text(default_type_));
    if (at != types.end()) about_.default_type = static_cast<std::size_t>(at - types.begin());
    for (const std::string_view bytes : mappings_) {
      Numbers n;
      if (!take(bytes, n)) return spoiled("mapping");
      const profile::Mapping mapping{n.at[pprof::kMappingStart], n.at[pprof::kMappingLimit],
                                     n.at[pprof::kMappingOffset],
                                     symbols_.string(text(n.at[pprof::kMappingFile])),
                                     symbols_.string(text(n.at[pprof::kMappingBuildId]))};
      const std::string_view file = string(n.at[pprof::kMappingFile]);
      const FrameKind kind = file == pprof::kEventMapping            ? FrameKind::Event
                             : file == pprof::kJavaMapping           ? FrameKind::JavaC2
                             : file.starts_with("[kernel.kallsyms]") ? FrameKind::Kernel
                                                                     : FrameKind::Native;
      // Ours stands for the kind alone.
      const bool real = kind == FrameKind::Native;
      mapping_ids_[n.at[pprof::kMappingId]] = {
          real ? symbols_.mapping(mapping) : profile::MappingId{}, kind};
    }
    for (const std::string_view bytes : functions_) {
      Numbers n;
      if (!take(bytes, n)) return spoiled("function");
      const std::string name = text(n.at[pprof::kFunctionName]);
      const std::string system_name = text(n.at[pprof::kFunctionSystemName]);
      function_ids_[n.at[pprof::kFunctionId]] =
          symbols_.function(name, system_name == name ? std::string() : system_name,
                            text(n.at[pprof::kFunctionFile]));
    }
    for (const std::string_view bytes : locations_) JT_CHECK_OK(take_location(bytes));
    if (name_bytes_ > kMaxNameBytes) return spoiled("more names than jtrace reads");
    return {};
  }

  Status take_location(std::string_view bytes) {
    Numbers own;
    profile::Location location;
    const bool sound = each_field(bytes, [&](const Field& field) {
      if (field.number != pprof::kLocationLine || !field.is_bytes) return true;
      Numbers n;
      if (!take(field.bytes, n)) return false;
      const auto line = std::min<std::uint64_t>(n.at[pprof::kLineNumber], INT32_MAX);
      location.lines.push_back({.function = function_ids_[n.at[pprof::kLineFunction]],
                                .kind = FrameKind::Native,
                                .line = static_cast<std::uint32_t>(line)});
      return true;
    });
    if (!sound || !take(bytes, own)) return spoiled("location");
    const auto [mapping, kind] = mapping_ids_[own.at[pprof::kLocationMapping]];
    location.mapping = mapping;
    location.address = own.at[pprof::kLocationAddress];
    for (profile::Line& line : location.lines) line.kind = kind;
    if (kind == FrameKind::JavaC2) {
      for (std::size_t i = 0; i + 1 < location.lines.size(); ++i) {
        location.lines[i].kind = FrameKind::JavaInlined;
      }
    }
    location_ids_[own.at[pprof::kLocationId]] = {symbols_.location(location),
                                                 location.lines.size()};
    return {};
  }

  Status take_sample(std::string_view bytes) {
    profile::Sample sample;
    std::vector<std::uint64_t> locations;
    const bool sound = each_field(bytes, [&](const Field& field) {
      if (field.number == pprof::kSampleLocation) return take_numbers(field, locations);
      if (field.number == pprof::kSampleValue) return take_numbers(field, sample.values);
      if (field.number != pprof::kSampleLabel || !field.is_bytes) return true;
      Numbers n;
      if (!take(field.bytes, n)) return false;
      const auto str = n.at[pprof::kLabelStr];
      if (string(n.at[pprof::kLabelKey]) == kPprofBase) return true;  // the values say it
      sample.labels.push_back({symbols_.string(text(n.at[pprof::kLabelKey])),
                               symbols_.string(text(str)),
                               str != 0 ? 0 : static_cast<std::int64_t>(n.at[pprof::kLabelNum]),
                               symbols_.string(str != 0 ? "" : text(n.at[pprof::kLabelUnit]))});
      return true;
    });
    if (!sound) return spoiled("sample");
    for (const std::uint64_t id : locations) {
      const auto it = location_ids_.find(id);
      if (it == location_ids_.end()) return spoiled("a sample names no location");
      frames_ += std::max<std::size_t>(it->second.second, 1);
      if (frames_ > kMaxFrames) return fail(Errc::Usage, "more frames than jtrace reads");
      sample.locations.push_back(it->second.first);
    }
    if (sample.values.size() != about_.sample_types.size()) return spoiled("values of a sample");
    if (name_bytes_ > kMaxNameBytes) return spoiled("more names than jtrace reads");
    out_.push_back(std::move(sample));
    return {};
  }

  void take_header() {
    about_.header.start = std::chrono::system_clock::time_point(
        std::chrono::nanoseconds(static_cast<std::int64_t>(time_)));
    about_.header.duration = std::chrono::nanoseconds(static_cast<std::int64_t>(duration_));
  }

  std::vector<std::string_view> types_, samples_, mappings_, locations_, functions_, strings_;
  std::vector<std::uint64_t> comments_;
  std::uint64_t time_ = 0;
  std::uint64_t duration_ = 0;
  std::uint64_t default_type_ = 0;
  bool ours_ = false;
  std::size_t frames_ = 0;
  std::size_t name_bytes_ = 0;
  profile::Profile about_;
  profile::SymbolTable symbols_;
  std::vector<profile::Sample> out_;
  std::unordered_map<std::uint64_t, std::pair<profile::MappingId, FrameKind>> mapping_ids_;
  std::unordered_map<std::uint64_t, profile::FunctionId> function_ids_;
  std::unordered_map<std::uint64_t, std::pair<profile::LocationId, std::size_t>> location_ids_;
};

}  // namespace

Result<profile::Profile> parse_pprof(std::string_view message) { return Reader()(message); }

}  // namespace jtrace::exporting
