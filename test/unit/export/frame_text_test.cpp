// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "export/exporter.h"
#include "profile/symbol_table.h"

namespace jtrace::exporting {
namespace {

using profile::FrameKind;
using profile::UnknownReason;

struct Case {
  std::string_view in;
  std::string_view out;
};

TEST(SafeText, EscapesWhatCannotBeShown) {
  const std::vector<Case> cases{
      {"java/lang/Thread.run", "java/lang/Thread.run"},
      {"operator<(A const&, B&&)", "operator<(A const&, B&&)"},
      {"a;b", "a\\x3bb"},
      {"a\nb\r\tc", "a\\x0ab\\x0d\\x09c"},
      {"\x1b[31m", "\\x1b[31m"},
      {"\x7f", "\\x7f"},
      {"back\\slash", "back\\\\slash"},
      {"\u202eabc", "\\u202eabc"},
      {"\u2066\u2069\u061c\u200f", "\\u2066\\u2069\\u061c\\u200f"},
      {"a\u200bb\ufeff", "a\\u200bb\\ufeff"},
      {"\u0085\u009b", "\\u0085\\u009b"},
      {"\u2028\u2029", "\\u2028\\u2029"},
      {"\U000e0041", "\\U000e0041"},
      {"caf\u00e9 \u65e5\u672c \U0001f600", "caf\u00e9 \u65e5\u672c \U0001f600"},
      {" a b ", "\\x20a b\\x20"},
      {" ", "\\x20"},
      {"", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(safe_text(c.in), c.out);
  EXPECT_EQ(safe_text(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(SafeText, EscapesBytesThatAreNotUtf8) {
  const std::vector<Case> cases{
      {"\xff", "\\xff"},
      {"\x80", "\\x80"},
      {"\xc0\xaf", "\\xc0\\xaf"},                    // overlong '/'
      {"\xc1\xbf", "\\xc1\\xbf"},                    //
      {"\xe0\x80\x80", "\\xe0\\x80\\x80"},           // overlong NUL
      {"\xf0\x80\x80\x80", "\\xf0\\x80\\x80\\x80"},  //
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // U+110000
      {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},  //
      {"\xe2\x82", "\\xe2\\x82"},                    // cut at the end
      {"\xe2\x82z", "\\xe2\\x82z"},                  // cut by a letter
      {"\xf0\x9f\x98", "\\xf0\\x9f\\x98"},           //
      {"\xf4\x8f\xbf\xbd", "\xf4\x8f\xbf\xbd"},      // highest that is text
  };
  for (const Case& c : cases) EXPECT_EQ(safe_text(c.in), c.out);
}

TEST(SafeText, LongNamesAreCutAtACharacterAndSayTheirLength) {
  EXPECT_EQ(safe_text(std::string(kMaxFrameText, 'x')), std::string(kMaxFrameText, 'x'));
  const std::string cut = safe_text(std::string(1 << 20, 'x'));
  EXPECT_LE(cut.size(), kMaxFrameText);
  EXPECT_TRUE(cut.ends_with("xxx...[1048576 bytes]")) << cut.substr(cut.size() - 40);

  std::string wide;
  for (int i = 0; i < 1000; ++i) wide += "\u65e5";
  const std::string cut_wide = safe_text(wide);
  EXPECT_LE(cut_wide.size(), kMaxFrameText);
  EXPECT_EQ(cut_wide.find('\\'), std::string::npos);
  EXPECT_TRUE(cut_wide.ends_with("\u65e5...[3000 bytes]"));

  const std::string escapes = safe_text(std::string(2000, ';'));
  EXPECT_LE(escapes.size(), kMaxFrameText);
  EXPECT_TRUE(escapes.ends_with("\\x3b...[2000 bytes]")) << escapes;
}

// What a reader of the escapes gets back.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char form = text[++i];
    if (form == '\\') {
      out += form;
      continue;
    }
    const std::size_t digits = form == 'x' ? 2 : form == 'u' ? 4 : 8;
    const auto value = std::stoul(std::string(text.substr(i + 1, digits)), nullptr, 16);
    i += digits;
    const auto put = [&](unsigned long byte) { out += static_cast<char>(byte); };
    if (form == 'x') {
      put(value);
    } else if (value < 0x800) {
      put(0xc0 | value >> 6);
      put(0x80 | (value & 0x3f));
    } else if (value < 0x10000) {
      put(0xe0 | value >> 12);
      put(0x80 | (value >> 6 & 0x3f));
      put(0x80 | (value & 0x3f));
    } else {
      put(0xf0 | value >> 18);
      put(0x80 | (value >> 12 & 0x3f));
      put(0x80 | (value >> 6 & 0x3f));
      put(0x80 | (value & 0x3f));
    }
  }
  return out;
}

TEST(SafeText, AnyBytesGiveTextThatReadsBack) {
  std::mt19937 random(5);
  const std::vector<std::string> pieces{"a",      ";",        "\\",     " ",          "\n",
                                        "\xff",   "\xe2\x82", "\u202e", "\U000e0041", "\u65e5",
                                        "\u0085", "\xf0\x9f", "\x80",   "x3b",        "\u2029"};
  for (int round = 0; round < 20'000; ++round) {
    std::string name;
    for (std::size_t n = random() % 12; n > 0; --n) {
      name += random() % 2 == 0 ? pieces[random() % pieces.size()]
                                : std::string(1, static_cast<char>(random()));
    }
    const std::string text = safe_text(name);
    ASSERT_EQ(unescaped(text), name) << text;
    ASSERT_NO_THROW((void)nlohmann::json(text).dump()) << "not UTF-8";
    for (const char c : text) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != ';');
    ASSERT_FALSE(text.starts_with(' ') || text.ends_with(' ')) << text;
    ASSERT_EQ(text.find("\u202e"), std::string::npos);
  }
}

class FrameText : public testing::Test {
 protected:
  std::string line(FrameKind kind, std::string_view name, bool suffix = true) {
    const profile::Line line{.function = symbols_.function(name), .kind = kind};
    return line_text(profile(), line, suffix);
  }
  std::string unknown(std::string_view module, std::uint64_t address, UnknownReason reason) {
    profile::Mapping mapping;
    mapping.filename = symbols_.string(module);
    const profile::Location location{
        .mapping = symbols_.mapping(mapping), .address = address, .reason = reason, .lines = {}};
    return unknown_text(profile(), location);
  }

 private:
  profile::Profile profile() {
    profile::Profile profile;
    profile.strings = symbols_.strings();
    profile.functions = symbols_.functions();
    profile.mappings = symbols_.mappings();
    return profile;
  }
  profile::SymbolTable symbols_;
};

TEST_F(FrameText, SuffixSaysTheKind) {
  EXPECT_EQ(line(FrameKind::Kernel, "do_sys_openat2"), "do_sys_openat2_[k]");
  EXPECT_EQ(line(FrameKind::JavaC2, "a/B.c"), "a/B.c_[j]");
  EXPECT_EQ(line(FrameKind::JavaNative, "a/B.c"), "a/B.c_[j]");
  EXPECT_EQ(line(FrameKind::JavaC1, "a/B.c"), "a/B.c_[1]");
  EXPECT_EQ(line(FrameKind::JavaInlined, "a/B.c"), "a/B.c_[i]");
  EXPECT_EQ(line(FrameKind::JavaInterpreted, "a/B.c"), "a/B.c_[0]");
  for (const FrameKind kind : {FrameKind::Native, FrameKind::JavaStub, FrameKind::Event,
                               FrameKind::Thread, FrameKind::Marker, FrameKind::Unknown}) {
    EXPECT_EQ(line(kind, "main"), "main");
  }
  EXPECT_EQ(line(FrameKind::Kernel, "x", false), "x");
}

TEST_F(FrameText, NameCannotPassForASuffix) {
  EXPECT_EQ(line(FrameKind::Native, "evil_[k]"), "evil_[k\\x5d");
  EXPECT_EQ(line(FrameKind::Native, "[truncated]"), "[truncated]");
  EXPECT_EQ(line(FrameKind::Native, "operator[]"), "operator[]");
  EXPECT_EQ(line(FrameKind::Native, "f [clone .cold]"), "f [clone .cold]");
}

TEST_F(FrameText, EmptyNameIsUnknown) { EXPECT_EQ(line(FrameKind::Native, ""), "[unknown]"); }

TEST_F(FrameText, UnknownKeepsModuleAddressAndReason) {
  EXPECT_EQ(unknown("/usr/lib/libfoo.so", 0x1234, UnknownReason::NoSymbols),
            "libfoo.so+0x1234 [no symbols]");
  EXPECT_EQ(unknown("[vdso]", 0x10, UnknownReason::FileGone), "[vdso]+0x10 [file gone]");
  EXPECT_EQ(unknown("", 0x1234, UnknownReason::Unmapped), "[unknown] 0x1234 [not mapped]");
  EXPECT_EQ(unknown("", 0x1234, UnknownReason::ProcessGone), "[unknown] 0x1234 [process gone]");
  EXPECT_EQ(unknown("", 0x1234, UnknownReason::CodeReplaced), "[unknown] [code replaced]");
  EXPECT_EQ(unknown("", 0x1234, UnknownReason::BadMetadata), "[unknown] [bad JVM metadata]");
  EXPECT_EQ(unknown("", 0x1234, UnknownReason::NoJvmSymbols), "[unknown] [no JVM symbols]");
  EXPECT_EQ(unknown("", 0, UnknownReason::None), "[unknown]");
  EXPECT_EQ(unknown("/tmp/a;b\n.so", 1, UnknownReason::None), "a\\x3bb\\x0a.so+0x1");
}

}  // namespace
}  // namespace jtrace::exporting
