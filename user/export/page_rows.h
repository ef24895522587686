// SPDX-License-Identifier: Apache-2.0
// What a page needs to draw another weight and to leave events out by their labels: rows, each of
// the events that end in one node and have equal labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "export/call_tree.h"
#include "export/stacks.h"
#include "profile/profile.h"

namespace jtrace::exporting {

struct PageRow {
  std::uint32_t node = 0;
  std::vector<std::int32_t> at;      // per facet an index of its values, per size a bucket; or -1
  std::vector<std::int64_t> values;  // per sample type
};

struct Facet {
  std::string name;
  std::vector<std::string> values;  // as they are shown
};

struct Size {
  std::string name;
  std::string unit;
};

struct PageRows {
  // Of a profile with one weight and no labels the tree has all there is.
  bool needed = false;
  // Labels that are text, or numbers without a unit, and do not have one value everywhere.
  std::vector<Facet> facets;
  std::vector<Size> sizes;    // labels that are numbers with a unit
  std::vector<PageRow> rows;  // by node, each one's in the order of `at`
};

inline constexpr std::size_t kMaxFacets = 16;
inline constexpr std::size_t kMaxSizes = 4;

[[nodiscard]] PageRows make_page_rows(const profile::Profile& profile, const Stacks& stacks,
                                      const CallTree& tree);

}  // namespace jtrace::exporting
