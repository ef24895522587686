// SPDX-License-Identifier: Apache-2.0
// A profile's samples as stacks of frames with text: the form that collapsed, text and the page
// are written from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "profile/profile.h"

namespace jtrace::exporting {

struct Frame {
  std::string text;  // line_text or unknown_text
  profile::FrameKind kind = profile::FrameKind::Unknown;
  friend auto operator<=>(const Frame&, const Frame&) = default;
};

struct Stack {
  std::span<std::uint32_t> frames;  // root first, indices of Stacks::frames, never empty
  std::int64_t value = 0;           // of the weight that is drawn; of a difference, new
  std::int64_t before = 0;          // of a difference, base; else 0
  std::int64_t events = 0;          // how many there were, where the profile says that
};

// Stacks are in the order of their frames, frames in the order of their texts, and equal stacks are
// one, so the same data has the same bytes whatever the order of the samples was.
struct Stacks {
  Stacks() = default;
  Stacks(Stacks&&) = default;
  Stacks& operator=(Stacks&&) = default;
  Stacks(const Stacks&) = delete;  // its stacks lie in its `ids`
  Stacks& operator=(const Stacks&) = delete;

  std::vector<Frame> frames;
  std::vector<std::uint32_t> ids;
  std::vector<Stack> stacks;
  std::vector<std::size_t> of_sample;  // of each sample its stack, or kNoStack
  profile::ValueType type;             // of `value`
  std::int64_t total = 0;
  std::int64_t total_before = 0;
  std::int64_t total_events = 0;  // of all samples, those that are left out here, too
  bool difference = false;
};

inline constexpr std::size_t kNoStack = SIZE_MAX;

// Where the number of events stands among the values of a sample: the type "events", or kNoColumn.
inline constexpr std::size_t kNoColumn = SIZE_MAX;
[[nodiscard]] std::size_t events_column(const profile::Profile& profile);

enum class Suffixes { No, Yes };
enum class Lines { No, Yes };  // source lines of Java frames

// Locations with several lines are expanded. Two labels become frames, others do not: "thread" is a
// root frame, "event" a leaf frame where the profile has more than one event (it comes before the
// `field=value` frames of kind Event that end the stack already). A sample without any frame is
// "[unknown]". The profile's default weight is drawn; samples that have none of it above 0 have no
// width and are left out, with Keep::Weighed those only that have nothing above 0.
enum class Keep { Drawn, Weighed };
[[nodiscard]] Stacks make_stacks(const profile::Profile& profile, Suffixes suffixes,
                                 Lines lines = Lines::No, Keep keep = Keep::Drawn);

// What each stack has of the sample type `column`, 0 where that is less.
[[nodiscard]] std::vector<std::int64_t> weights_of(const Stacks& stacks,
                                                   const profile::Profile& profile,
                                                   std::size_t column);

// For formats that show text alone: frames of equal text become one (of the least kind), and so do
// the stacks that are equal then. `Java` does so for Java methods only: how far the JIT had got
// with a method is no difference between two runs of a program.
enum class Kinds { All, Java };
void merge_kinds(Stacks& stacks, Kinds which = Kinds::All);

// Scales what was before to the total of now: every stack to the integer that keeps the sum of it
// and all before it exact, so subtrees keep their share though each stack is rounded.
void normalise(Stacks& stacks);

}  // namespace jtrace::exporting
