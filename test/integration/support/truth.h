// SPDX-License-Identifier: Apache-2.0
// Judges stacks against what a truth program says it did.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "integration/support/stacks.h"
#include "integration/support/thread_entries.h"

namespace jtrace::test {

enum class Chain {
  Java,   // the Java frames of the stack, all of them: nothing missing, nothing added
  Native  // a run of frames from near the leaf; the frame "*" stands for any number of frames
};

// "PATH marker count leaf;...;root [event]" of a truth program; NATIVE where the frames are native
// ones. Several lines may have one marker. The events of a path that may make its call by one of
// several stand with '|' between, as "sys_enter_clone|sys_enter_clone3".
struct TruthPath {
  std::string marker;
  std::uint64_t count = 0;
  std::vector<std::string> frames{};  // leaf first
  bool at_least = false;              // "count+": that many or more
  std::string event{};
  Chain chain = Chain::Java;
};

// Lines that begin with neither "PATH " nor "NATIVE " are none of ours.
[[nodiscard]] Result<std::vector<TruthPath>> parse_truth(std::string_view text);

// '*' stands for any number of characters, anything else for itself.
[[nodiscard]] bool glob(std::string_view pattern, std::string_view text);

struct PathFigures {
  std::string marker;
  std::uint64_t performed = 0;
  std::uint64_t counted = 0;
  std::uint64_t whole = 0;
  std::string example;  // a stack that is not whole, and why
};

struct Verdict {
  std::vector<PathFigures> paths;
  std::vector<Stack> others;  // stacks of no path: what the runtime itself does

  [[nodiscard]] std::uint64_t performed() const;
  [[nodiscard]] std::uint64_t counted() const;
  [[nodiscard]] std::uint64_t whole() const;
  [[nodiscard]] std::uint64_t others_count() const;
  // Per path: performed = counted. Empty where that holds, else what does not.
  [[nodiscard]] std::string miscounts() const;
  [[nodiscard]] std::string table() const;
};

// A stack belongs to the path whose marker is one of its frames; it is whole where its chain is the
// expected one, its root is a thread's entry and nothing in it is marked as missing.
[[nodiscard]] Verdict judge(const std::vector<TruthPath>& truth, const std::vector<Stack>& stacks,
                            Chain chain, const ThreadEntries& entries);

// The same for paths that name their events: of each path, the stacks of its events; others are the
// stacks of no path at all. `events`: as many as were traced, "category:name"; with one alone a
// stack does not name it.
[[nodiscard]] Verdict judge_events(const std::vector<TruthPath>& truth,
                                   const std::vector<Stack>& stacks,
                                   const std::vector<std::string>& events,
                                   const ThreadEntries& entries);

// Why a stack does not reach from its leaf to a thread's entry; empty where it does.
[[nodiscard]] std::string not_whole(const Stack& stack, const ThreadEntries& entries);

// The stacks of one event of several, without the leaf frame that names it.
[[nodiscard]] std::vector<Stack> only_event(const std::vector<Stack>& stacks,
                                            std::string_view event);

}  // namespace jtrace::test
