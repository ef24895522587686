// SPDX-License-Identifier: Apache-2.0
// Collapsed ("folded") text: root;frame;leaf count; of a difference root;frame;leaf base new, as
// the differential flame graph tools have it. Nothing but stacks: the tools that read it know no
// comments, so the ledger of a collapsed run is what jtrace prints on standard error.
#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>

#include "export/exporter.h"
#include "export/formats.h"
#include "export/stacks.h"

namespace jtrace::exporting {

std::string write_collapsed(const profile::Profile& profile, const WriteOptions& options) {
  Stacks stacks = make_stacks(profile, options.plain ? Suffixes::No : Suffixes::Yes,
                              options.lines ? Lines::Yes : Lines::No);
  merge_kinds(stacks);
  if (options.normalise) normalise(stacks);
  std::string out;
  for (const Stack& stack : stacks.stacks) {
    for (const std::uint32_t frame : stack.frames) {
      out += stacks.frames[frame].text;
      out += ';';
    }
    out.back() = ' ';
    if (stacks.difference) fmt::format_to(std::back_inserter(out), "{} ", stack.before);
    fmt::format_to(std::back_inserter(out), "{}\n", stack.value);
  }
  return out;
}

}  // namespace jtrace::exporting
