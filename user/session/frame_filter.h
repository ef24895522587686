// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "profile/symbol_table.h"

namespace jtrace::session {

// -I and -X: globs over the names of frames, whole names ("*Foo*" finds Foo anywhere). A stack
// stays where some frame matches some -I (or there is none), and no frame matches any -X.
class FrameFilter {
 public:
  FrameFilter(std::vector<std::string> include, std::vector<std::string> exclude)
      : include_(std::move(include)), exclude_(std::move(exclude)) {}

  [[nodiscard]] bool active() const { return !include_.empty() || !exclude_.empty(); }
  [[nodiscard]] bool keeps(const std::vector<profile::LocationId>& locations,
                           const profile::SymbolTable& symbols);

 private:
  struct Match {
    bool included = false;
    bool excluded = false;
  };
  [[nodiscard]] Match match(profile::FunctionId function, const profile::SymbolTable& symbols);

  std::vector<std::string> include_;
  std::vector<std::string> exclude_;
  std::unordered_map<std::uint32_t, Match> known_;  // by function id
};

}  // namespace jtrace::session
