// SPDX-License-Identifier: Apache-2.0
#include "export/merge.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "export/importer.h"

namespace jtrace::exporting {
namespace {

std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  return a > kMost - b ? kMost : a + b;
}

void add_new(std::vector<std::string>& to, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (std::ranges::find(to, text) == to.end()) to.push_back(text);
  }
}

}  // namespace

Status Merger::add(const profile::Profile& window) {
  if (!builder_) {
    types_ = window.sample_types;
    header_ = window.header;
    builder_.emplace(header_, types_, window.default_type);
  }
  if (window.sample_types != types_) {
    return fail(Errc::Usage, "windows of that range have different weights");
  }
  Importer importer(window, symbols_);
  for (const profile::Sample& sample : window.samples) {
    profile::Sample copy = importer.sample(sample);
    copy.values = sample.values;
    builder_->add(std::move(copy));
  }
  add_header(window.header);
  add_ledger(window.ledger);
  add_new(comments_, window.comments);
  return {};
}

void Merger::add_header(const profile::Header& header) {
  const auto end = std::max(header_.start + header_.duration, header.start + header.duration);
  header_.start = std::min(header_.start, header.start);
  header_.duration = end - header_.start;
  add_new(header_.events, header.events);
  if (header.target != header_.target) header_.target = "several processes";
}

// A line that the windows before did not have, since it was 0 there, gets behind its neighbour.
void Merger::add_ledger(const profile::Ledger& ledger) {
  balanced_ = balanced_ && ledger.balanced;
  std::string part_of;
  std::size_t next = 0;
  for (const profile::LedgerLine& line : ledger.lines) {
    if (line.depth == 0) part_of = line.name;
    const auto known = std::ranges::find_if(ledger_, [&](const Entry& one) {
      return one.part_of == part_of && one.line.name == line.name && one.line.depth == line.depth;
    });
    if (known == ledger_.end()) {
      ledger_.insert(ledger_.begin() + static_cast<std::ptrdiff_t>(next), Entry{part_of, line});
      ++next;
      continue;
    }
    known->line.count = saturating_sum(known->line.count, line.count);
    known->line.measurable = known->line.measurable && line.measurable;
    next = static_cast<std::size_t>(known - ledger_.begin()) + 1;
  }
}

Result<profile::Profile> Merger::take() && {
  if (!builder_) return fail(Errc::Usage, "there is no window in that range");
  for (std::string& comment : comments_) builder_->comment(std::move(comment));
  profile::Ledger ledger{.lines = {}, .balanced = balanced_};
  for (Entry& entry : ledger_) ledger.lines.push_back(std::move(entry.line));
  profile::Profile merged = std::move(*builder_).build(symbols_, std::move(ledger));
  merged.header = std::move(header_);
  return merged;
}

}  // namespace jtrace::exporting
