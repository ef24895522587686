// SPDX-License-Identifier: Apache-2.0
#include "export/reader.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "export/exporter.h"
#include "export/gzip.h"
#include "export/reading.h"

namespace jtrace::exporting {

profile::LocationId StackReader::frame(std::string_view name, profile::FrameKind kind,
                                       std::uint32_t line) {
  profile::Location location;
  location.lines.push_back({.function = symbols_.function(name), .kind = kind, .line = line});
  return symbols_.location(location);
}

Status StackReader::add(std::vector<profile::LocationId> root_first,
                        std::vector<std::int64_t> values, std::vector<profile::Label> labels) {
  frames_ += root_first.size();
  if (frames_ > kMaxFrames) return fail(Errc::Usage, "more frames than jtrace reads");
  std::ranges::reverse(root_first);
  samples_.push_back({std::move(root_first), std::move(values), std::move(labels)});
  return {};
}

profile::Profile StackReader::build(profile::Profile about) && {
  profile::ProfileBuilder builder(std::move(about.header), std::move(about.sample_types),
                                  about.default_type);
  for (std::string& comment : about.comments) builder.comment(std::move(comment));
  for (profile::Sample& sample : samples_) builder.add(std::move(sample));
  return std::move(builder).build(symbols_, std::move(about.ledger));
}

Result<profile::Profile> parse_profile(std::string_view bytes) {
  if (is_gzip(bytes)) {
    JT_TRY(const std::string unpacked, gunzip(bytes, kMaxFile));
    // Once: what is packed twice is not worth the question how often to go on.
    if (is_gzip(unpacked)) return fail(Errc::Usage, "gzip inside of gzip");
    return parse_profile(unpacked);
  }
  const std::string_view head = bytes.substr(0, 4096);
  // Control characters are in every pprof message (its tags), and in no text that we read.
  if (head.find_first_of(std::string_view("\0\1\2\3\4\5\6\7\b\x10\x12\x1a", 12)) != head.npos) {
    return parse_pprof(bytes);
  }
  if (head.starts_with("<!")) return parse_page(bytes);
  if (head.starts_with('{')) return parse_json(bytes);
  return parse_collapsed(bytes);
}

Result<profile::Profile> read_profile(const std::string& path) {
  JT_TRY(const std::string bytes, read_file(path, kMaxFile));
  auto profile = parse_profile(bytes);
  if (profile) return profile;
  Error error = std::move(profile).error();
  error.message = "read " + safe_text(path) + ": " + error.message;
  if (error.hint.empty()) error.hint = "jtrace reads its html, collapsed, pprof and json";
  return std::unexpected(std::move(error));
}

}  // namespace jtrace::exporting
