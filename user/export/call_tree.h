// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "export/stacks.h"

namespace jtrace::exporting {

// Stacks folded at equal roots, as columns in preorder: a node's callees follow it, one level
// higher. Roots have level 1; level 0 is the whole, which no column holds. Callees are in the order
// of their texts. A node's total is its self value and those of the nodes below it.
struct CallTree {
  std::vector<std::uint32_t> levels;
  std::vector<std::uint32_t> frames;  // indices of Stacks::frames
  std::vector<std::int64_t> self;
  std::vector<std::int64_t> before;  // self values of the base of a difference; else empty
  std::vector<std::uint32_t> ends;   // of each stack, the node that it ends in
};

[[nodiscard]] CallTree make_call_tree(const Stacks& stacks);

}  // namespace jtrace::exporting
