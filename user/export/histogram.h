// SPDX-License-Identifier: Apache-2.0
// How large the events were: one histogram for each event and each label that is a number with a
// unit ("latency", "bytes"), in powers of two, and which stacks the events of a bucket came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "profile/profile.h"

namespace jtrace::exporting {

// Buckets are 0 (nothing, or less), 1, 2 to 4, 4 to 8, ...: how many bits the number has.
inline constexpr unsigned kBuckets = 64;
[[nodiscard]] unsigned bucket_of(std::int64_t number);
[[nodiscard]] std::int64_t bucket_begin(unsigned bucket);
[[nodiscard]] std::uint64_t bucket_end(unsigned bucket);  // the first number beyond it

struct HotStack {
  std::size_t sample = 0;  // the first of the profile's samples that have this stack
  std::int64_t count = 0;
};

struct Bucket {
  unsigned bucket = 0;
  std::int64_t count = 0;         // events
  std::vector<HotStack> hottest;  // kHotStacks of them at most
};

struct Histogram {
  std::string event;  // empty where nothing says it
  std::string label;
  std::string unit;
  std::int64_t count = 0;
  std::vector<Bucket> buckets;  // those that have events, in order
};

inline constexpr std::size_t kHotStacks = 3;

// In the order of events and labels. Of a difference there are none.
[[nodiscard]] std::vector<Histogram> make_histograms(const profile::Profile& profile);

}  // namespace jtrace::exporting
