// SPDX-License-Identifier: Apache-2.0
// For formats that keep a profile's tables: the same data in the same order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "export/sequence_order.h"
#include "profile/profile.h"

namespace jtrace::exporting {

// The profile with what its samples use only, every table in the order of its contents (entry 0
// stays the zero value) and equal samples as one. Ids are handed out in the order in which frames
// were seen, which is no property of the data.
[[nodiscard]] profile::Profile canonical(const profile::Profile& profile);

// The same without a copy of the samples, which are most of a profile.
class Canonical {
 public:
  explicit Canonical(const profile::Profile& profile);

  // All but the samples.
  [[nodiscard]] const profile::Profile& tables() const { return tables_; }
  [[nodiscard]] profile::Profile take_tables() && { return std::move(tables_); }

  // Calls `each(sample)` for every one of the canonical samples; it is gone afterwards.
  template <class Each>
  void each_sample(Each each) const {
    each_sample(0, end(), each);
  }
  // The same of a part. Parts begin and end at 0, middle() and end(), and several threads can have
  // one each.
  template <class Each>
  void each_sample(std::size_t from, std::size_t to, Each each) const {
    profile::Sample sample;
    while (from < to) {
      from = next_sample(from, sample);
      each(sample);
    }
  }
  [[nodiscard]] std::size_t end() const { return order_.indices.size(); }
  [[nodiscard]] std::size_t middle() const {
    std::size_t at = end() / 2;
    while (at < end() && order_.again[at]) ++at;
    return at;
  }
  // Samples have labels, some at least.
  [[nodiscard]] bool labelled() const { return labelled_; }

 private:
  struct Stacks;

  std::vector<char> flatten();
  std::vector<char> flatten(std::size_t from, std::size_t to);
  void sort_samples();
  void sort_labels(std::size_t from, std::size_t to);
  [[nodiscard]] std::vector<profile::Label> labels_of(std::uint32_t index) const;
  std::size_t next_sample(std::size_t at, profile::Sample& sample) const;

  const profile::Profile& in_;
  std::size_t width_;  // values of a sample
  bool labelled_ = false;
  profile::Profile tables_;
  std::vector<std::uint32_t> strings_;          // of each string of in_ its place in tables_
  std::vector<std::uint32_t> places_;           // and of each location
  std::unique_ptr<std::uint32_t[]> locations_;  // of one sample after the other
  std::vector<std::size_t> begins_;             // where a sample's begin, and end
  std::vector<std::int64_t> values_;
  SequenceOrder order_;  // of the samples, by stack and labels
};

}  // namespace jtrace::exporting
