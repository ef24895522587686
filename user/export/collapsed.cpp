// SPDX-License-Identifier: Apache-2.0
// Collapsed ("folded") text: root;frame;leaf count; of a difference root;frame;leaf base new, as
// the differential flame graph tools have it. Nothing but stacks: the tools that read it know no
// comments, so the ledger of a collapsed run is what jtrace prints on standard error.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "export/exporter.h"
#include "export/formats.h"
#include "export/stacks.h"

namespace jtrace::exporting {

namespace {

// The lines of a profile, each with what it shares with the one before copied from there: stacks
// are sorted, so that is most of it.
class LinesWriter {
 public:
  explicit LinesWriter(const Stacks& stacks) : stacks_(stacks) { out_.reserve(most()); }

  std::string operator()() {
    for (const Stack& stack : stacks_.stacks) {
      put_frames(stack.frames);
      if (stacks_.difference) fmt::format_to(std::back_inserter(out_), "{} ", stack.before);
      fmt::format_to(std::back_inserter(out_), "{}\n", stack.value);
    }
    return std::move(out_);
  }

 private:
  // Bytes of the lines: a string that grows copies all that there is, and holds it twice meanwhile.
  [[nodiscard]] std::size_t most() const {
    constexpr std::size_t kNumber = 21;
    std::size_t bytes = 0;
    for (const Stack& stack : stacks_.stacks) {
      for (const std::uint32_t frame : stack.frames) bytes += stacks_.frames[frame].text.size() + 1;
      bytes += stacks_.difference ? 2 * kNumber : kNumber;
    }
    return bytes;
  }

  void put_frames(std::span<const std::uint32_t> frames) {
    const auto apart = std::ranges::mismatch(before_, frames).in2 - frames.begin();
    ends_.resize(static_cast<std::size_t>(apart));
    const std::size_t begin = out_.size();
    if (apart > 0) {
      out_.append(out_, line_, ends_.back());
      out_.back() = ';';
    }
    line_ = begin;
    for (const std::uint32_t frame : frames.subspan(static_cast<std::size_t>(apart))) {
      out_ += stacks_.frames[frame].text;
      out_ += ';';
      ends_.push_back(out_.size() - line_);
    }
    before_ = frames;
    out_.back() = ' ';
  }

  const Stacks& stacks_;
  std::string out_;
  std::span<const std::uint32_t> before_;
  std::size_t line_ = 0;           // where the line before begins
  std::vector<std::size_t> ends_;  // and each of its frames ends in it
};

}  // namespace

std::string write_collapsed(const profile::Profile& profile, const WriteOptions& options) {
  Stacks stacks = make_stacks(profile, options.plain ? Suffixes::No : Suffixes::Yes,
                              options.lines ? Lines::Yes : Lines::No);
  merge_kinds(stacks);
  if (options.normalise) normalise(stacks);
  return LinesWriter(stacks)();
}

}  // namespace jtrace::exporting
