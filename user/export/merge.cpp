// SPDX-License-Identifier: Apache-2.0
#include "export/merge.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "export/importer.h"
#include "profile/profile_builder.h"

namespace jtrace::exporting {
namespace {

std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  return a > kMost - b ? kMost : a + b;
}

// Lines of depth 1 with equal names are told apart by the line that they are part of; one that a
// window lacks, since it was 0 there, is put behind its neighbour.
class Ledgers {
 public:
  void add(const profile::Ledger& ledger) {
    balanced_ = balanced_ && ledger.balanced;
    std::string part_of;
    std::size_t next = 0;
    for (const profile::LedgerLine& line : ledger.lines) {
      if (line.depth == 0) part_of = line.name;
      const auto known = std::ranges::find_if(entries_, [&](const Entry& one) {
        return one.part_of == part_of && one.line.name == line.name && one.line.depth == line.depth;
      });
      if (known == entries_.end()) {
        const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(next);
        entries_.insert(at, Entry{part_of, line});
        ++next;
        continue;
      }
      known->line.count = saturating_sum(known->line.count, line.count);
      known->line.measurable = known->line.measurable && line.measurable;
      next = static_cast<std::size_t>(known - entries_.begin()) + 1;
    }
  }
  [[nodiscard]] profile::Ledger take() && {
    profile::Ledger sum;
    sum.balanced = balanced_;
    for (Entry& entry : entries_) sum.lines.push_back(std::move(entry.line));
    return sum;
  }

 private:
  struct Entry {
    std::string part_of;
    profile::LedgerLine line;
  };
  std::vector<Entry> entries_;
  bool balanced_ = true;
};

void add_new(std::vector<std::string>& to, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (std::ranges::find(to, text) == to.end()) to.push_back(text);
  }
}

profile::Header header_of(std::span<const profile::Profile> windows) {
  profile::Header header = windows.front().header;
  auto end = header.start + header.duration;
  for (const profile::Profile& window : windows.subspan(1)) {
    const profile::Header& one = window.header;
    header.start = std::min(header.start, one.start);
    end = std::max(end, one.start + one.duration);
    add_new(header.events, one.events);
    if (one.target != header.target) header.target = "several processes";
  }
  header.duration = end - header.start;
  return header;
}

}  // namespace

Result<profile::Profile> merge_profiles(std::span<const profile::Profile> windows) {
  if (windows.empty()) return fail(Errc::Usage, "there is no window in that range");
  const profile::Profile& first = windows.front();
  profile::SymbolTable symbols;
  profile::ProfileBuilder builder(header_of(windows), first.sample_types, first.default_type);
  Ledgers ledgers;
  std::vector<std::string> comments;
  for (const profile::Profile& window : windows) {
    if (window.sample_types != first.sample_types) {
      return fail(Errc::Usage, "windows of that range have different weights");
    }
    Importer importer(window, symbols);
    for (const profile::Sample& sample : window.samples) {
      profile::Sample copy = importer.sample(sample);
      copy.values = sample.values;
      builder.add(std::move(copy));
    }
    ledgers.add(window.ledger);
    add_new(comments, window.comments);
  }
  for (std::string& comment : comments) builder.comment(std::move(comment));
  return std::move(builder).build(symbols, std::move(ledgers).take());
}

}  // namespace jtrace::exporting
