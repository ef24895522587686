// SPDX-License-Identifier: Apache-2.0
#include "export/source.h"

#include <charconv>
#include <string_view>

#include "export/exporter.h"

namespace jtrace::exporting {

Source source_of(const profile::Header& header) {
  constexpr std::string_view kPid = " (pid ";
  if (header.target.empty()) return {.service = "unknown_service", .pid = {}};
  const std::string_view text = header.target;
  Source source{.service = safe_text(text), .pid = {}};
  const auto at = text.rfind(kPid);
  if (at == 0 || at == text.npos) return source;
  const std::string_view number = text.substr(at + kPid.size());
  std::int64_t pid = 0;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), pid);
  if (error != std::errc{} || std::string_view(stop, number.data() + number.size()) != ")") {
    return source;
  }
  return {.service = safe_text(text.substr(0, at)), .pid = pid};
}

}  // namespace jtrace::exporting
