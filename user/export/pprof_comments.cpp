// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "export/exporter.h"
#include "export/formats.h"
#include "export/pprof_fields.h"

namespace jtrace::exporting::pprof {
namespace {

constexpr std::string_view kNotMeasurable = "not measurable";
constexpr std::string_view kUnbalanced = "ledger does not add up";

profile::LedgerLine ledger_line(std::string_view text) {
  profile::LedgerLine line;
  if (text.starts_with("  ")) line.depth = 1;
  const auto equals = text.rfind(" = ");
  const std::string_view count = text.substr(equals + 3);
  line.name = plain_text(text.substr(2U * static_cast<unsigned>(line.depth),
                                     equals - 2U * static_cast<unsigned>(line.depth)));
  line.measurable = count != kNotMeasurable;
  std::from_chars(count.data(), count.data() + count.size(), line.count);
  return line;
}

}  // namespace

std::vector<std::string> comment_lines(const profile::Profile& profile) {
  const profile::Header& header = profile.header;
  std::vector<std::string> lines{std::string(kOurs)};
  const auto put = [&](std::string_view key, std::string_view text) {
    if (!text.empty()) lines.push_back(fmt::format("{}: {}", key, safe_text(text)));
  };
  put("title", header.title);
  for (const std::string& event : header.events) put("event", event);
  put("target", header.target);
  put("host", header.host);
  put("command", header.command_line);
  for (const profile::LedgerLine& line : profile.ledger.lines) {
    lines.push_back(
        fmt::format("ledger: {}{} = {}", line.depth > 0 ? "  " : "", safe_text(line.name),
                    line.measurable ? fmt::format("{}", line.count) : std::string(kNotMeasurable)));
  }
  if (!profile.ledger.balanced) lines.emplace_back(kUnbalanced);
  for (const std::string& comment : profile.comments) put("note", comment);
  return lines;
}

void take_comment(std::string_view line, profile::Profile& profile) {
  profile::Header& header = profile.header;
  const auto colon = line.find(": ");
  const std::string_view key = line.substr(0, colon);
  const std::string_view rest = colon == line.npos ? "" : line.substr(colon + 2);
  if (line == kOurs) return;
  if (line == kUnbalanced) {
    profile.ledger.balanced = false;
  } else if (key == "title") {
    header.title = plain_text(rest);
  } else if (key == "event") {
    header.events.push_back(plain_text(rest));
  } else if (key == "target") {
    header.target = plain_text(rest);
  } else if (key == "host") {
    header.host = plain_text(rest);
  } else if (key == "command") {
    header.command_line = plain_text(rest);
  } else if (key == "ledger" && rest.rfind(" = ") != rest.npos && rest.rfind(" = ") >= 2) {
    profile.ledger.lines.push_back(ledger_line(rest));
  } else {
    profile.comments.push_back(plain_text(key == "note" ? rest : line));
  }
}

}  // namespace jtrace::exporting::pprof
