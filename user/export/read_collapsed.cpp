// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "export/exporter.h"
#include "export/reading.h"

namespace jtrace::exporting {
namespace {

using profile::FrameKind;

struct Named {
  std::string_view text;
  FrameKind kind;
};

bool is_thread(std::string_view text) {
  return text.starts_with('[') && text.ends_with(']') && text.find(" tid=") != text.npos;
}

Named named(std::string_view text) {
  constexpr std::array<Named, 5> kSuffixes{{{"_[k]", FrameKind::Kernel},
                                            {"_[j]", FrameKind::JavaC2},
                                            {"_[1]", FrameKind::JavaC1},
                                            {"_[i]", FrameKind::JavaInlined},
                                            {"_[0]", FrameKind::JavaInterpreted}}};
  for (const Named& suffix : kSuffixes) {
    if (text.size() > suffix.text.size() && text.ends_with(suffix.text)) {
      return {text.substr(0, text.size() - suffix.text.size()), suffix.kind};
    }
  }
  if (text.starts_with("[unknown]") || text.ends_with(" [no symbols]")) {
    return {text, FrameKind::Unknown};
  }
  if (text.starts_with('[') && text.ends_with(']')) return {text, FrameKind::Marker};
  return {text, FrameKind::Native};
}

Status take_line(std::string_view line, StackReader& reader) {
  const auto blank = line.rfind(' ');
  std::int64_t value = 0;
  if (blank == line.npos || blank == 0) return fail(Errc::Usage, "no 'stack count'");
  const char* end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(line.data() + blank + 1, end, value);
  if (error != std::errc{} || stop != end) return fail(Errc::Usage, "the count is no integer");
  std::string_view stack = line.substr(0, blank);
  std::vector<profile::LocationId> frames;
  std::vector<profile::Label> labels;
  for (bool root = true, more = true; more; root = false) {
    const auto semicolon = stack.find(';');
    more = semicolon != stack.npos;
    const std::string_view text = stack.substr(0, semicolon);
    if (more) stack.remove_prefix(semicolon + 1);
    if (root && is_thread(text)) {
      labels.push_back(reader.label("thread", plain_text(text)));
    } else {
      const Named frame = named(text);
      frames.push_back(reader.frame(plain_text(frame.text), frame.kind));
    }
  }
  return reader.add(std::move(frames), {value}, std::move(labels));
}

}  // namespace

Result<profile::Profile> parse_collapsed(std::string_view text) {
  StackReader reader;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (const auto status = take_line(line, reader); !status) {
      return fail(Errc::Usage, fmt::format("line {}: {}", number, status.error().message));
    }
  }
  profile::Profile about;
  about.sample_types = {{"events", "count"}};
  return std::move(reader).build(std::move(about));
}

}  // namespace jtrace::exporting
