// SPDX-License-Identifier: Apache-2.0
#include "export/histogram.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "export/diff.h"
#include "export/stacks.h"
#include "profile/saturate.h"

namespace jtrace::exporting {
namespace {

// The samples of one bucket, as one entry a stack.
class BucketCounter {
 public:
  void add(const profile::Profile& profile, std::size_t sample, std::int64_t count) {
    count_ = profile::saturating_add(count_, count);
    auto& stack = stacks_[&profile.samples[sample].locations];
    if (stack.count == 0) stack.sample = sample;
    stack.count = profile::saturating_add(stack.count, count);
  }

  [[nodiscard]] Bucket bucket(unsigned number) const {
    Bucket out{.bucket = number, .count = count_, .hottest = {}};
    for (const auto& [locations, stack] : stacks_) out.hottest.push_back(stack);
    std::ranges::sort(out.hottest, [](const HotStack& a, const HotStack& b) {
      return a.count != b.count ? a.count > b.count : a.sample < b.sample;
    });
    out.hottest.resize(std::min(out.hottest.size(), kHotStacks));
    return out;
  }

 private:
  struct ByContents {
    bool operator()(const std::vector<profile::LocationId>* a,
                    const std::vector<profile::LocationId>* b) const {
      return *a < *b;
    }
  };
  std::int64_t count_ = 0;
  std::map<const std::vector<profile::LocationId>*, HotStack, ByContents> stacks_;
};

std::string_view event_of(const profile::Profile& profile, const profile::Sample& sample) {
  for (const profile::Label& label : sample.labels) {
    if (profile.string(label.key) == profile::kEventLabel) return profile.string(label.str);
  }
  // Where there is one event only, samples do not say it.
  return profile.header.events.size() == 1 ? profile.header.events.front() : std::string_view();
}

}  // namespace

unsigned bucket_of(std::int64_t number) {
  if (number <= 0) return 0;
  return static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(number)));
}

std::int64_t bucket_begin(unsigned bucket) {
  return bucket == 0 ? 0 : std::int64_t{1} << (bucket - 1);
}

std::uint64_t bucket_end(unsigned bucket) { return std::uint64_t{1} << bucket; }

std::vector<Histogram> make_histograms(const profile::Profile& profile) {
  if (is_difference(profile)) return {};
  const std::size_t events = events_column(profile);
  const std::size_t column = events == kNoColumn ? profile.default_type : events;
  using Key = std::tuple<std::string_view, std::string_view, std::string_view>;
  std::map<Key, std::map<unsigned, BucketCounter>> found;
  for (std::size_t at = 0; at < profile.samples.size(); ++at) {
    const profile::Sample& sample = profile.samples[at];
    if (column >= sample.values.size() || sample.values[column] <= 0) continue;
    for (const profile::Label& label : sample.labels) {
      if (!label.is_number() || label.unit.value == 0) continue;
      const Key key{event_of(profile, sample), profile.string(label.key),
                    profile.string(label.unit)};
      found[key][bucket_of(label.num)].add(profile, at, sample.values[column]);
    }
  }
  std::vector<Histogram> all;
  for (const auto& [key, buckets] : found) {
    const auto& [event, label, unit] = key;
    Histogram& out = all.emplace_back(std::string(event), std::string(label), std::string(unit));
    for (const auto& [number, counter] : buckets) {
      out.buckets.push_back(counter.bucket(number));
      out.count = profile::saturating_add(out.count, out.buckets.back().count);
    }
  }
  return all;
}

}  // namespace jtrace::exporting
