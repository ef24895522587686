// SPDX-License-Identifier: Apache-2.0
// Where profiles go: --push URL.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace::push {

enum class Backend {
  Otlp,       // OpenTelemetry's profiles over HTTP
  Pyroscope,  // its push API, by the Connect protocol
  Parca,      // WriteRaw, through its HTTP gateway
};

struct Destination {
  Backend backend = Backend::Otlp;
  std::string url;    // as libcurl takes it, without credentials
  std::string shown;  // for messages: without the query
};

// `otlp+http://HOST:PORT`, `pyroscope+https://...`, `parca+http://...`, each with the backend's own
// path where the URL has none; or http and https with a path that tells which one it is.
// Credentials are refused: whatever is on a command line, `ps` shows.
[[nodiscard]] Result<Destination> parse_destination(const std::string& url);

// "otlp": of the scheme, and of the folder where windows wait for it.
[[nodiscard]] std::string_view name_of(Backend backend);

// What goes into the header Authorization: the words of the file, else those of JTRACE_PUSH_TOKEN;
// empty where there is neither. "Bearer" is put before what names no scheme of its own. The
// variable is taken out of the environment, which programs that are started would inherit.
[[nodiscard]] Result<std::string> read_authorization(const std::string& file);
// The same of a file alone, also where there are threads.
[[nodiscard]] Result<std::string> file_authorization(const std::string& file);

}  // namespace jtrace::push
