// SPDX-License-Identifier: Apache-2.0
// "root;frame;leaf 12", and "root;frame;leaf 12 34" as difffolded.pl and our diff write it.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "export/diff.h"
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

// The integer that ends a line, which is then cut off with the blank before it.
std::optional<std::int64_t> take_count(std::string_view& line) {
  const auto blank = line.rfind(' ');
  std::int64_t value = 0;
  if (blank == line.npos || blank == 0) return std::nullopt;
  const char* end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(line.data() + blank + 1, end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  line.remove_suffix(line.size() - blank);
  return value;
}

bool has_two_counts(std::string_view line) {
  return take_count(line).has_value() && take_count(line).has_value();
}

std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_stack(std::string_view line) { return !line.empty() && !line.starts_with('#'); }

// A name may end in a blank and a number, so one line does not tell. In a difference all lines end
// in two counts; where a few do not, those are the ones that are wrong.
bool is_two_columned(std::string_view text) {
  std::size_t two = 0;
  std::size_t all = 0;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (!is_stack(line)) continue;
    ++all;
    two += has_two_counts(line) ? 1 : 0;
  }
  return 2 * two > all;
}

Result<std::vector<std::int64_t>> take_counts(std::string_view& line, bool two) {
  if (line.find(' ') == line.npos || line.starts_with(' ')) {
    return fail(Errc::Usage, two ? "no 'stack base new'" : "no 'stack count'");
  }
  const auto last = take_count(line);
  if (!last) return fail(Errc::Usage, "the count is no integer");
  if (!two) return std::vector{*last};
  const auto base = take_count(line);
  if (!base) return fail(Errc::Usage, "one count, where most lines have two (base and new)");
  if (*base < 0 || *last < 0) return fail(Errc::Usage, "a count of a difference is below 0");
  return difference_values(*base, *last);
}

Status take_line(std::string_view stack, bool two, StackReader& reader) {
  JT_TRY(std::vector<std::int64_t> values, take_counts(stack, two));
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
  return reader.add(std::move(frames), std::move(values), std::move(labels));
}

}  // namespace

Result<profile::Profile> parse_collapsed(std::string_view text) {
  const bool two = is_two_columned(text);
  StackReader reader;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = next_line(text);
    if (!is_stack(line)) continue;
    if (const auto status = take_line(line, two, reader); !status) {
      return fail(Errc::Usage, fmt::format("line {}: {}", number, status.error().message));
    }
  }
  profile::Profile about;
  about.sample_types = {{"events", "count"}};
  if (two) about.sample_types = difference_types("count");
  return std::move(reader).build(std::move(about));
}

}  // namespace jtrace::exporting
