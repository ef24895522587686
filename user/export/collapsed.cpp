// SPDX-License-Identifier: Apache-2.0
// Collapsed ("folded") text: root;frame;leaf count. Nothing but stacks: the tools that read it know
// no comments, so the ledger of a collapsed run is what jtrace prints on standard error.
#include <fmt/format.h>

#include <iterator>
#include <map>

#include "export/exporter.h"
#include "export/formats.h"
#include "export/stacks.h"
#include "profile/saturate.h"

namespace jtrace::exporting {

std::string collapsed_text(const profile::Profile& profile, bool suffixes) {
  const Stacks stacks = make_stacks(profile, suffixes ? Suffixes::Yes : Suffixes::No);
  // Frames of two kinds can have one text, so what make_stacks kept apart may be equal here.
  std::map<std::string, std::int64_t> lines;
  for (const Stack& stack : stacks.stacks) {
    std::string line;
    for (const std::uint32_t frame : stack.frames) {
      if (!line.empty()) line += ';';
      line += stacks.frames[frame].text;
    }
    std::int64_t& value = lines[std::move(line)];
    value = profile::saturating_add(value, stack.value);
  }
  std::string out;
  for (const auto& [line, value] : lines) {
    fmt::format_to(std::back_inserter(out), "{} {}\n", line, value);
  }
  return out;
}

std::string write_collapsed(const profile::Profile& profile) {
  return collapsed_text(profile, true);
}

}  // namespace jtrace::exporting
