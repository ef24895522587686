// SPDX-License-Identifier: Apache-2.0
// Whose profile it is, in the words of backends that keep the profiles of many.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "profile/profile.h"

namespace jtrace::exporting {

struct Source {
  std::string service;              // "java"; "unknown_service" where there is no target
  std::optional<std::int64_t> pid;  // where it is one process
};

// Of the target "java (pid 7)", "java -jar app.jar (pid 7), with what is started by it", "all
// processes" and the like.
[[nodiscard]] Source source_of(const profile::Header& header);

}  // namespace jtrace::exporting
