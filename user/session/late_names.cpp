// SPDX-License-Identifier: Apache-2.0
#include "session/late_names.h"

#include <cstddef>

namespace jtrace::session {

using profile::LocationId;

namespace {

// Frames of all targets that wait for a name, for a run.
constexpr std::size_t kMaxWaiting = 100'000;

}  // namespace

LocationId LateNames::wait(std::uint64_t address, LocationId unknown,
                           profile::SymbolTable& symbols) {
  if (later_.size() >= kMaxWaiting) return unknown;
  // The number makes it a location of its own: another method may have the address before or after.
  const auto number = static_cast<std::uint32_t>(later_.size()) + 1;
  const LocationId id = symbols.location({.mapping = {},
                                          .address = address,
                                          .reason = profile::UnknownReason::NoJvmSymbols,
                                          .lines = {{.function = {}, .line = number}}});
  later_.emplace(id, unknown);
  return id;
}

LocationId LateNames::settled(LocationId location) const {
  const auto it = later_.find(location);
  return it == later_.end() ? location : it->second;
}

}  // namespace jtrace::session
