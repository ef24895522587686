// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace jtrace::capture {

// Collects what libbpf says while it lives (this thread), so that an error can carry its last words
// and nothing is printed behind the caller's back.
class LogCapture {
 public:
  LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  ~LogCapture();

  // "\n" and the last lines, or nothing.
  [[nodiscard]] std::string tail() const;
};

}  // namespace jtrace::capture
