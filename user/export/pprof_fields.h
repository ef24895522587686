// SPDX-License-Identifier: Apache-2.0
// What the writer and the reader of pprof share: field numbers of profile.proto, and the comments
// that hold a profile's header and ledger.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "profile/profile.h"

namespace jtrace::exporting::pprof {

// Unscoped and used as numbers, so named as constants are.
// NOLINTBEGIN(readability-identifier-naming)
enum Profile : unsigned {
  kSampleType = 1,
  kSample = 2,
  kMapping = 3,
  kLocation = 4,
  kFunction = 5,
  kStringTable = 6,
  kTime = 9,
  kDuration = 10,
  kPeriodType = 11,
  kPeriod = 12,
  kComment = 13,
  kDefaultType = 14,
};
enum ValueType : unsigned { kTypeName = 1, kTypeUnit = 2 };
enum Sample : unsigned { kSampleLocation = 1, kSampleValue = 2, kSampleLabel = 3 };
enum Label : unsigned { kLabelKey = 1, kLabelStr = 2, kLabelNum = 3, kLabelUnit = 4 };
enum Mapping : unsigned {
  kMappingId = 1,
  kMappingStart = 2,
  kMappingLimit = 3,
  kMappingOffset = 4,
  kMappingFile = 5,
  kMappingBuildId = 6,
  kMappingHasFunctions = 7,
};
enum Location : unsigned {
  kLocationId = 1,
  kLocationMapping = 2,
  kLocationAddress = 3,
  kLocationLine = 4,
};
enum Line : unsigned { kLineFunction = 1, kLineNumber = 2 };
enum Function : unsigned {
  kFunctionId = 1,
  kFunctionName = 2,
  kFunctionSystemName = 3,
  kFunctionFile = 4,
};
// NOLINTEND(readability-identifier-naming)

inline constexpr std::string_view kKernelMapping = "[kernel.kallsyms]";
inline constexpr std::string_view kJavaMapping = "[java]";
inline constexpr std::string_view kEventMapping = "[event]";

// The first is kOurs; then "target: java (pid 7)", "ledger: fired = 12" and so on.
inline constexpr std::string_view kOurs = "jtrace profile";
[[nodiscard]] std::vector<std::string> comment_lines(const profile::Profile& profile);

// Takes one of comment_lines() back into the profile; what it does not know is a comment.
void take_comment(std::string_view line, profile::Profile& profile);

}  // namespace jtrace::exporting::pprof
