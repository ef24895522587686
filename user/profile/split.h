// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "profile/process.h"
#include "profile/profile.h"

namespace jtrace::profile {

// Whose the sample is; nullopt where its labels do not say.
[[nodiscard]] std::optional<Process> process_of(const Profile& profile, const Sample& sample);

// Parts that are apart where a window is split.
inline constexpr std::size_t kMostApart = 64;

// One profile for each process, with Header::process and without the labels that say the same, the
// largest by the default weight first; no more than `most`, and one behind them that has the rest,
// labels and all. Their samples add up to those of the whole; the ledger of each is that of the
// whole. Events one by one are in none. A profile without processes is its only part.
[[nodiscard]] std::vector<Profile> split_by_process(const Profile& whole, std::size_t most);

}  // namespace jtrace::profile
