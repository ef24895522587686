// SPDX-License-Identifier: Apache-2.0
// What export/ offers: the formats, and the text of frames that they share.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "profile/profile.h"

namespace jtrace::exporting {

struct WriteOptions {
  bool plain = false;  // --plain: collapsed without suffixes
  bool lines = false;  // --lines: Java frames as pkg/Class.method:LINE, in formats that are text
  bool normalise = false;  // --normalise: of a difference, the base scaled to the total of the new
};

// A format: turns a profile into bytes. Same profile and options, same bytes. One file a format,
// one line in registry.cpp; command line help and golden tests read the registry.
struct Exporter {
  std::string_view name;                       // of -o: "collapsed"
  std::span<const std::string_view> suffixes;  // of -f: ".collapsed", ".folded"
  std::string (*write)(const profile::Profile&, const WriteOptions&);
  bool differences = true;     // whether it can show what diff_profile() makes
  bool one_weight = false;     // keeps the default weight only
  bool single_events = false;  // writes Profile::events, which only a trace has
};

// "weight: latency, ns", for the line that says what was written: of a format that keeps one weight
// and does not name it, where that is not simply the number of events. Else empty.
[[nodiscard]] std::string weight_note(const Exporter& exporter, const profile::Profile& profile);

[[nodiscard]] std::span<const Exporter> exporters();

// By -o's word, or by the file's suffix. Errc::Usage naming what there is.
[[nodiscard]] Result<const Exporter*> exporter_by_name(std::string_view name);
[[nodiscard]] Result<const Exporter*> exporter_by_suffix(std::string_view file);

// Text of a frame as collapsed has it: "java/io/FileInputStream.open0_[j]", "[unknown] ...".
// Root-first order is the caller's business. Never contains ';', newlines or control characters.
//
// Suffixes: `_[k]` kernel, `_[j]` compiled by C2 and native methods (their wrapper is compiled
// code), `_[1]` C1, `_[i]` inlined, `_[0]` interpreted; all other kinds are bare. With `lines` a
// Java frame's source line stands before the suffix: "app/Main.run:42_[i]".
[[nodiscard]] std::string line_text(const profile::Profile& profile, const profile::Line& line,
                                    bool suffix, bool lines = false);

// Text of a location without lines: "libfoo.so+0x1234 [no symbols]" where the module is known,
// else "[unknown] 0x7f00beef [not mapped]"; without the address where it says nothing outside the
// process (the JIT's heap), so that such frames stay one frame.
[[nodiscard]] std::string unknown_text(const profile::Profile& profile,
                                       const profile::Location& location);

// Names come from targets, so they are hostile. What this returns is valid UTF-8 without control
// characters, line breaks, ';', leading or trailing blanks, or characters that reorder or hide text
// (bidi controls, zero-width ones). Reversible for names up to kMaxFrameText: a byte that is not
// shown becomes \xNN, a character \uNNNN (\UNNNNNNNN above U+FFFF), a backslash \\. Longer names
// end in "...[N bytes]", N being their real length.
[[nodiscard]] std::string safe_text(std::string_view name);

// What safe_text() made it from; what is no escape of its stays.
[[nodiscard]] std::string plain_text(std::string_view safe);

inline constexpr std::size_t kMaxFrameText = 1024;

}  // namespace jtrace::exporting
