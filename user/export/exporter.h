// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "profile/profile.h"

namespace jtrace::exporting {

// A format: turns a profile into bytes. Same profile, same bytes. One file a format, one line in
// registry.cpp; command line help and golden tests read the registry.
struct Exporter {
  std::string_view name;                       // of -o: "collapsed"
  std::span<const std::string_view> suffixes;  // of -f: ".collapsed", ".folded"
  std::string (*write)(const profile::Profile&);
};

[[nodiscard]] std::span<const Exporter> exporters();

// By -o's word, or by the file's suffix. Errc::Usage naming what there is.
[[nodiscard]] Result<const Exporter*> exporter_by_name(std::string_view name);
[[nodiscard]] Result<const Exporter*> exporter_by_suffix(std::string_view file);

// Text of a frame as collapsed has it: "java/io/FileInputStream.open0_[j]", "[unknown] ...".
// Root-first order is the caller's business. Never contains ';', newlines or control characters.
[[nodiscard]] std::string line_text(const profile::Profile& profile, const profile::Line& line,
                                    bool suffix);
[[nodiscard]] std::string unknown_text(const profile::Profile& profile,
                                       const profile::Location& location);

}  // namespace jtrace::exporting
