// SPDX-License-Identifier: Apache-2.0
// A difference: the stacks of two profiles, base and new, side by side in one profile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "profile/profile.h"

namespace jtrace::exporting {

// Values of a sample of a difference, in the order of its sample types. The delta is first, so
// that tools which show one value show it.
inline constexpr std::size_t kBase = 1;
inline constexpr std::size_t kNew = 2;
[[nodiscard]] std::vector<profile::ValueType> difference_types(std::string_view unit);
[[nodiscard]] std::vector<std::int64_t> difference_values(std::int64_t base, std::int64_t next);

[[nodiscard]] bool is_difference(const profile::Profile& profile);

struct Side {
  const profile::Profile& profile;  // one that is a difference itself counts by its new side
  std::string name;                 // of its file
};

// Of the default weight of each, which must be the same one: Errc::Usage names both. Header and
// ledger are those of the new side; what the two are is said in comments that begin "base: " and
// "new: ", which every format keeps.
[[nodiscard]] Result<profile::Profile> diff_profile(const Side& base, const Side& next);

// Integers to integers whose sum is `to` where theirs is `from`. What rounding leaves over goes to
// the value after: any run of values keeps its share.
class BaseScale {
 public:
  BaseScale(std::int64_t from, std::int64_t to)
      : factor_(from > 0 ? static_cast<double>(to) / static_cast<double>(from) : 1) {}
  [[nodiscard]] std::int64_t operator()(std::int64_t value);

 private:
  double factor_;
  double given_ = 0;
  double due_ = 0;
};

// Scales the base of a difference to the total of its new side; leaves other profiles alone.
void normalise_samples(profile::Profile& difference);

// The base of each sample as a sample of its own, labelled as `pprof -diff_base` labels it: pprof
// then shows changes as shares of the base's total.
inline constexpr std::string_view kPprofBase = "pprof::base";
[[nodiscard]] profile::Profile base_apart(const profile::Profile& difference);

}  // namespace jtrace::exporting
