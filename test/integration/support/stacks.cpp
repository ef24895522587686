// SPDX-License-Identifier: Apache-2.0
#include "integration/support/stacks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

namespace jtrace::test {
namespace {

constexpr std::array<std::pair<std::string_view, FrameKind>, 5> kSuffixes{{
    {"_[k]", FrameKind::Kernel},
    {"_[j]", FrameKind::Compiled},
    {"_[1]", FrameKind::C1},
    {"_[i]", FrameKind::Inlined},
    {"_[0]", FrameKind::Interpreted},
}};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Frame parse_frame(std::string_view text) {
  for (const auto& [suffix, kind] : kSuffixes) {
    if (text.ends_with(suffix)) {
      return {std::string(text.substr(0, text.size() - suffix.size())), kind};
    }
  }
  return {std::string(text), FrameKind::Plain};
}

Result<Stack> parse_stack(std::string_view line) {
  const auto bad = [&](const char* why) {
    return fail(Errc::Internal, std::string("collapsed: ") + why + ": " + std::string(line));
  };
  const auto blank = line.rfind(' ');
  if (blank == std::string_view::npos) return bad("no count");
  const auto count = number(line.substr(blank + 1));
  if (!count || *count == 0) return bad("no count above 0");
  Stack stack{{}, *count};
  for (std::string_view frame : split(line.substr(0, blank), ';')) {
    stack.frames.push_back(parse_frame(frame));
    if (stack.frames.back().name.empty()) return bad("frame without a name");
  }
  return stack;
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "  name   1,234", nested lines with two more blanks; the name may have single blanks in it.
Result<Ledger::Line> parse_line(std::string_view line) {
  const std::string_view text = trim(line);
  const auto gap = text.rfind("  ");
  if (gap == std::string_view::npos) {
    return fail(Errc::Internal, "ledger: no count: " + std::string(line));
  }
  Ledger::Line result{std::string(trim(text.substr(0, gap))), line.starts_with("    ") ? 1 : 0, {}};
  std::string count(trim(text.substr(gap)));
  if (count == "not measurable") return result;
  std::erase(count, ',');
  result.count = number(count);
  if (!result.count) return fail(Errc::Internal, "ledger: no number: " + std::string(line));
  return result;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

Result<std::vector<Stack>> parse_collapsed(std::string_view text) {
  std::vector<Stack> stacks;
  std::set<std::string_view> seen;
  if (text.empty()) return stacks;
  if (!text.ends_with('\n')) return fail(Errc::Internal, "collapsed: last line is cut");
  text.remove_suffix(1);
  for (std::string_view line : split(text, '\n')) {
    JT_TRY(Stack stack, parse_stack(line));
    if (!seen.insert(line.substr(0, line.rfind(' '))).second) {
      return fail(Errc::Internal, "collapsed: stack twice: " + std::string(line));
    }
    stacks.push_back(std::move(stack));
  }
  return stacks;
}

std::string to_text(const Stack& stack) {
  std::string text;
  for (const Frame& frame : stack.frames) {
    if (!text.empty()) text += ';';
    text += frame.name;
    for (const auto& [suffix, kind] : kSuffixes) {
      if (kind == frame.kind) text += suffix;
    }
  }
  return text;
}

std::optional<std::uint64_t> Ledger::count(std::string_view name) const {
  const auto line = std::ranges::find(lines, name, &Line::name);
  return line == lines.end() ? std::nullopt : line->count;
}

Result<Ledger> parse_ledger(std::string_view text) {
  Ledger ledger;
  const auto lines = split(text, '\n');
  auto line = std::ranges::find(lines, "ledger");
  if (line == lines.end()) return fail(Errc::Internal, "text: no ledger");
  for (++line; line != lines.end() && line->starts_with("  "); ++line) {
    if (trim(*line) == "ledger does not add up") {
      ledger.balanced = false;
      continue;
    }
    JT_TRY(Ledger::Line parsed, parse_line(*line));
    ledger.lines.push_back(std::move(parsed));
  }
  if (ledger.lines.empty()) return fail(Errc::Internal, "text: the ledger is empty");
  return ledger;
}

}  // namespace jtrace::test
