// SPDX-License-Identifier: Apache-2.0
// The text of frames, for every format that shows any.
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <iterator>

#include "export/exporter.h"
#include "export/formats.h"

namespace jtrace::exporting {
namespace {

using profile::FrameKind;
using profile::UnknownReason;

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  // 0: not valid UTF-8 here
};

// Strict: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || bytes > text.size()) return {};
  char32_t value = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kLeast.at(bytes) || surrogate || value > 0x10ffff) return {};
  return {value, bytes};
}

struct Range {
  char32_t first, last;
};

// Characters that would break lines, reorder text, or be invisible (Unicode 15: Cc, Zl, Zp,
// Bidi_Control, and the Cf and Default_Ignorable ones that fonts draw as nothing).
constexpr std::array<Range, 14> kHidden{{{0x00, 0x1f},
                                         {0x7f, 0x9f},
                                         {0xad, 0xad},
                                         {0x61c, 0x61c},
                                         {0x115f, 0x1160},
                                         {0x180b, 0x180f},
                                         {0x200b, 0x200f},
                                         {0x2028, 0x202e},
                                         {0x2060, 0x206f},
                                         {0x3164, 0x3164},
                                         {0xfe00, 0xfe0f},
                                         {0xfeff, 0xfeff},
                                         {0xfff0, 0xfffb},
                                         {0xe0000, 0xe0fff}}};

bool hidden(char32_t c) {
  for (const Range& range : kHidden) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

// The shown form of the first character of `text`; `used` is what it took.
std::string escaped(std::string_view text, std::size_t& used) {
  const CodePoint c = decode(text);
  used = c.bytes == 0 ? 1 : c.bytes;
  if (c.bytes == 0 || c.value == U';') {
    return fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
  }
  if (c.value == U'\\') return "\\\\";
  if (!hidden(c.value)) return std::string(text.substr(0, used));
  const auto value = static_cast<std::uint32_t>(c.value);
  if (value < 0x80) return fmt::format("\\x{:02x}", value);
  return value > 0xffff ? fmt::format("\\U{:08x}", value) : fmt::format("\\u{:04x}", value);
}

std::string_view suffix_of(FrameKind kind) {
  switch (kind) {
    case FrameKind::Kernel:
      return "_[k]";
    case FrameKind::JavaC2:
    case FrameKind::JavaNative:
      return "_[j]";
    case FrameKind::JavaC1:
      return "_[1]";
    case FrameKind::JavaInlined:
      return "_[i]";
    case FrameKind::JavaInterpreted:
      return "_[0]";
    case FrameKind::Native:
    case FrameKind::JavaStub:
    case FrameKind::Event:
    case FrameKind::Thread:
    case FrameKind::Marker:
    case FrameKind::Unknown:
      return "";
  }
  return "";
}

std::string_view reason_text(UnknownReason reason) {
  switch (reason) {
    case UnknownReason::None:
      return "";
    case UnknownReason::NoSymbols:
      return "no symbols";
    case UnknownReason::FileGone:
      return "file gone";
    case UnknownReason::Unmapped:
      return "not mapped";
    case UnknownReason::ProcessGone:
      return "process gone";
    case UnknownReason::CodeReplaced:
      return "code replaced";
    case UnknownReason::BadMetadata:
      return "bad JVM metadata";
    case UnknownReason::Unverified:
      return "unverified";
    case UnknownReason::NoJvmSymbols:
      return "no JVM symbols";
  }
  return "";
}

bool address_means_something(UnknownReason reason) {
  return reason != UnknownReason::CodeReplaced && reason != UnknownReason::BadMetadata &&
         reason != UnknownReason::NoJvmSymbols && reason != UnknownReason::Unverified;
}

bool is_java(FrameKind kind) {
  return kind == FrameKind::JavaC2 || kind == FrameKind::JavaC1 || kind == FrameKind::JavaInlined ||
         kind == FrameKind::JavaInterpreted;
}

// A function of a target may be called "x_[k]": its last bracket must not pass for ours.
void defuse_suffix(std::string& text) {
  if (text.size() >= 4 && text.ends_with(']') && text.substr(text.size() - 4, 2) == "_[") {
    text.replace(text.size() - 1, 1, "\\x5d");
  }
}

}  // namespace

std::string safe_text(std::string_view name) {
  // Room for the ending, whose number has at most 20 digits.
  constexpr std::size_t kRoom = kMaxFrameText - 32;
  std::string text;
  std::size_t kept = 0;  // length of text that leaves room for the ending
  for (std::size_t at = 0, used = 0; at < name.size(); at += used) {
    if (name[at] == ' ' && (at == 0 || at + 1 == name.size())) {
      used = 1;
      text += "\\x20";
    } else {
      text += escaped(name.substr(at), used);
    }
    if (text.size() <= kRoom) kept = text.size();
    if (text.size() > kMaxFrameText) {
      text.resize(kept);
      text += fmt::format("...[{} bytes]", name.size());
      return text;
    }
  }
  return text;
}

std::string line_text(const profile::Profile& profile, const profile::Line& line, bool suffix,
                      bool lines) {
  std::string text = safe_text(profile.string(profile.functions[line.function.value].name));
  if (text.empty()) text = "[unknown]";
  if (lines && line.line != 0 && is_java(line.kind)) {
    fmt::format_to(std::back_inserter(text), ":{}", line.line);
  }
  if (!suffix) return text;
  const std::string_view end = suffix_of(line.kind);
  if (end.empty()) defuse_suffix(text);
  return text.append(end);
}

std::string unknown_text(const profile::Profile& profile, const profile::Location& location) {
  std::string_view module = profile.string(profile.mappings[location.mapping.value].filename);
  if (const auto slash = module.rfind('/'); slash != std::string_view::npos) {
    module.remove_prefix(slash + 1);
  }
  std::string text;
  if (!module.empty()) {
    text = fmt::format("{}+{:#x}", safe_text(module), location.address);
  } else if (location.address != 0 && address_means_something(location.reason)) {
    text = fmt::format("[unknown] {:#x}", location.address);
  } else {
    text = "[unknown]";
  }
  const std::string_view reason = reason_text(location.reason);
  if (!reason.empty()) fmt::format_to(std::back_inserter(text), " [{}]", reason);
  return text;
}

std::string_view kind_name(FrameKind kind) {
  switch (kind) {
    case FrameKind::Native:
      return "native";
    case FrameKind::Kernel:
      return "kernel";
    case FrameKind::JavaC2:
      return "java";
    case FrameKind::JavaC1:
      return "java-c1";
    case FrameKind::JavaInlined:
      return "java-inlined";
    case FrameKind::JavaInterpreted:
      return "java-interpreted";
    case FrameKind::JavaNative:
      return "java-native";
    case FrameKind::JavaStub:
      return "java-stub";
    case FrameKind::Event:
      return "event";
    case FrameKind::Thread:
      return "thread";
    case FrameKind::Marker:
      return "marker";
    case FrameKind::Unknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace jtrace::exporting
