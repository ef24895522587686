// SPDX-License-Identifier: Apache-2.0
// truth.NameChurn, and what its stacks must look like: a name that is wrong contradicts the others
// of its stack, or its serial number was not opened that often.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "integration/support/jdks.h"
#include "integration/support/stacks.h"

namespace jtrace::test {

struct ChurnRun {
  std::vector<std::string> flags;  // of the JVM
  int classes = 2000;
  int threads = 2;
  int every = 20;  // classes between two collections
  // Goes on for so long with the last of them loaded.
  std::chrono::milliseconds linger{0};
};
[[nodiscard]] std::vector<std::string> name_churn(const Jdk& jdk, const ChurnRun& run);

// Frames are counted as often as their stack.
struct ChurnVerdict {
  std::uint64_t opens = 0;     // performed by generated classes
  std::uint64_t chains = 0;    // stacks with a generated method, or what may be one
  std::uint64_t named = 0;     // frames of generated methods with their name
  std::uint64_t compiled = 0;  // of them: of compiled code
  std::map<std::string, std::uint64_t> unnamed;  // by what stands for a name
  std::uint64_t wrong = 0;                       // stacks
  std::vector<std::string> examples;             // of wrong ones, at most ten

  [[nodiscard]] std::uint64_t frames() const;
  [[nodiscard]] double share(std::uint64_t part) const;  // of frames(), in percent
  [[nodiscard]] std::string text() const;
  ChurnVerdict& operator+=(const ChurnVerdict& other);
};

[[nodiscard]] Result<ChurnVerdict> judge_churn(const std::string& target_output,
                                               const std::vector<Stack>& stacks);

}  // namespace jtrace::test
