// SPDX-License-Identifier: Apache-2.0
// A profile as the body of a request.
#pragma once

#include <string>

#include "profile/profile.h"
#include "push/destination.h"

namespace jtrace::push {

// OTLP: the format `otlp`, gzipped. Pyroscope and Parca: JSON with the format `pprof` in base64 and
// labels: __name__ (jtrace), service_name, pid, host, event; gzipped for Pyroscope.
[[nodiscard]] std::string make_body(Backend backend, const profile::Profile& profile);

}  // namespace jtrace::push
