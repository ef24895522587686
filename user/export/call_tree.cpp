// SPDX-License-Identifier: Apache-2.0
#include "export/call_tree.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace jtrace::exporting {

CallTree make_call_tree(const Stacks& stacks) {
  CallTree tree;
  std::span<const std::uint32_t> before;
  for (const Stack& stack : stacks.stacks) {
    // Stacks are sorted, so what a stack shares with the tree is what it shares with the one
    // before, and as no two are equal each adds at least the node that carries its value.
    const auto apart = std::ranges::mismatch(before, stack.frames).in2;
    for (auto frame = apart; frame != stack.frames.end(); ++frame) {
      tree.levels.push_back(static_cast<std::uint32_t>(frame - stack.frames.begin()) + 1);
      tree.frames.push_back(*frame);
      tree.self.push_back(0);
      if (stacks.difference) tree.before.push_back(0);
    }
    tree.self.back() = stack.value;
    tree.ends.push_back(static_cast<std::uint32_t>(tree.self.size() - 1));
    if (stacks.difference) tree.before.back() = stack.before;
    before = stack.frames;
  }
  return tree;
}

}  // namespace jtrace::exporting
