// SPDX-License-Identifier: Apache-2.0
// A profile as the body of a request.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "profile/profile.h"
#include "profile/split.h"
#include "push/destination.h"

namespace jtrace::push {

// OTLP: the format `otlp`, gzipped. Pyroscope and Parca: JSON with the format `pprof` in base64 and
// labels: __name__ (jtrace), service_name, pid, host, event, and those of Header::process; gzipped
// for Pyroscope.
[[nodiscard]] std::string make_body(Backend backend, const profile::Profile& profile);

// Where it is of several processes, which their labels say, a body for each of the largest, and one
// for the rest.
inline constexpr std::size_t kMostBodies = profile::kMostApart;
[[nodiscard]] std::vector<std::string> make_bodies(Backend backend,
                                                   const profile::Profile& profile);

}  // namespace jtrace::push
