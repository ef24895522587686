// SPDX-License-Identifier: Apache-2.0
// What can be done by a second thread where a profile is so large that it takes long to write.
#pragma once

#include <cstddef>
#include <future>
#include <utility>

#include "profile/profile.h"

namespace jtrace::exporting {

[[nodiscard]] inline bool is_large(const profile::Profile& profile) {
  constexpr std::size_t kMany = 100'000;  // a thread takes what some 100 of them take
  return profile.samples.size() >= kMany;
}

// Does `work` beside what follows, or when it is asked for: where it is not worth a thread, or
// there is none to be had.
template <class Work>
[[nodiscard]] auto beside(bool worth_it, Work work) {
  return std::async(worth_it ? std::launch::async | std::launch::deferred : std::launch::deferred,
                    std::move(work));
}

}  // namespace jtrace::exporting
