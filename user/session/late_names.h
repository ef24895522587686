// SPDX-License-Identifier: Apache-2.0
// Names of generated code that come later than their stacks.
#pragma once

#include <cstdint>
#include <map>

#include "profile/symbol_table.h"

namespace jtrace::session {

// Of all targets of a run.
class LateNames {
 public:
  // Stands for a frame until its name comes; `unknown`, where that never happens. That itself where
  // too many wait already.
  [[nodiscard]] profile::LocationId wait(std::uint64_t address, profile::LocationId unknown,
                                         profile::SymbolTable& symbols);
  void settle(profile::LocationId waiting, profile::LocationId named) { later_[waiting] = named; }
  // Where none waits any more, and no id of the table it was given is in use.
  void forget() { later_.clear(); }
  // What stands for a location now.
  [[nodiscard]] profile::LocationId settled(profile::LocationId location) const;

 private:
  std::map<profile::LocationId, profile::LocationId> later_;
};

}  // namespace jtrace::session
