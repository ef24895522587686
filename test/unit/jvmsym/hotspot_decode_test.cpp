// SPDX-License-Identifier: Apache-2.0
// The codings of HotSpot's debug information, and the choice among its layouts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jvmsym/hotspot/java_name.h"
#include "jvmsym/hotspot/jdk_quirks.h"
#include "jvmsym/hotspot/line_table.h"
#include "jvmsym/hotspot/unsigned5.h"
#include "jvmsym/hotspot/vm_structs.h"
#include "unit/jvmsym/fake_jvm.h"

namespace jtrace::test {
namespace {

using jvmsym::hotspot::jdk_quirks;
using jvmsym::hotspot::Layout;
using jvmsym::hotspot::LineTable;
using jvmsym::hotspot::normalise_name;
using jvmsym::hotspot::Unsigned5Reader;
using jvmsym::hotspot::VmStructs;

TEST(Unsigned5, KnownBytesUntilJdk19) {
  const auto bytes = bytes_of({0, 191, 192, 0, 192, 1, 255, 191, 255, 255, 255, 255, 2});
  Unsigned5Reader reader(bytes, 0, false);
  EXPECT_EQ(reader.number(), 0U);
  EXPECT_EQ(reader.number(), 191U);
  EXPECT_EQ(reader.number(), 192U);
  EXPECT_EQ(reader.number(), 192U + 64);
  EXPECT_EQ(reader.number(), 255U + 191 * 64);
  EXPECT_EQ(reader.number(), 255U + 255 * 64 + 255 * 4096 + 255 * 262144 + 2 * 16777216);
  EXPECT_EQ(reader.number(), std::nullopt);
}

TEST(Unsigned5, KnownBytesSinceJdk20) {
  const auto bytes = bytes_of({1, 191, 192, 1, 193, 2, 0, 5});
  Unsigned5Reader reader(bytes, 0, true);
  EXPECT_EQ(reader.number(), 0U);
  EXPECT_EQ(reader.number(), 190U);
  EXPECT_EQ(reader.number(), 191U);
  EXPECT_EQ(reader.number(), 192U + 64);
  EXPECT_EQ(reader.number(), std::nullopt) << "a byte that the coding excludes";
}

TEST(Unsigned5, WhatIsWrittenIsRead) {
  for (const bool excludes_zero : {false, true}) {
    for (std::uint64_t value = 0; value <= 0xffffffff; value = value * 3 / 2 + 1) {
      const auto number = static_cast<std::uint32_t>(value);
      const auto bytes = unsigned5({number}, excludes_zero);
      Unsigned5Reader reader(bytes, 0, excludes_zero);
      ASSERT_EQ(reader.number(), number) << excludes_zero;
    }
  }
}

TEST(Unsigned5, SignedAndCut) {
  const auto bytes = bytes_of({0, 1, 2, 3, 200});
  Unsigned5Reader reader(bytes, 0, false);
  EXPECT_EQ(reader.signed_number(), 0);
  EXPECT_EQ(reader.signed_number(), -1);
  EXPECT_EQ(reader.signed_number(), 1);
  EXPECT_EQ(reader.signed_number(), -2);
  EXPECT_EQ(reader.number(), std::nullopt) << "cut in the middle of a number";
  EXPECT_EQ(Unsigned5Reader(bytes, 1000, false).number(), std::nullopt);
}

TEST(LineTable, ShortAndEscapedEntries) {
  // bci 0 line 7; then +2 lines, +5 bytes; then an escape: bci + 40, line - 3.
  auto bytes = bytes_of({0xff, 0, 14, 5 << 3 | 2, 0xff, 80, 5, 0, 99});
  const auto parsed = LineTable::parse(bytes, false);
  EXPECT_TRUE(parsed.complete);
  EXPECT_EQ(parsed.table.size(), 3U);
  EXPECT_EQ(parsed.table.line(0), 7U);
  EXPECT_EQ(parsed.table.line(4), 7U);
  EXPECT_EQ(parsed.table.line(5), 9U);
  EXPECT_EQ(parsed.table.line(44), 9U);
  EXPECT_EQ(parsed.table.line(45), 6U);
  EXPECT_EQ(parsed.table.line(60'000), 6U);
  EXPECT_EQ(parsed.table.line(-1), 7U) << "the method's entry";
}

TEST(LineTable, UnsortedAndRepeatedAsHotSpotSearchesThem) {
  // bci 10 line 5; bci 2 line 6; bci 2 line 8; bci 10 line 9.
  const auto bytes = bytes_of({0xff, 20, 10, 0xff, 15, 2, 2, 0xff, 16, 2, 0});
  const auto table = LineTable::parse(bytes, false).table;
  EXPECT_EQ(table.line(10), 5U) << "the first exact one";
  EXPECT_EQ(table.line(2), 6U);
  EXPECT_EQ(table.line(3), 8U) << "the last one of those before";
  EXPECT_EQ(table.line(1), 0U) << "before the first";
}

TEST(LineTable, CutOrOutOfRangeTablesEnd) {
  EXPECT_FALSE(LineTable::parse(bytes_of({9, 9, 9}), false).complete);
  EXPECT_FALSE(LineTable::parse(bytes_of({0xff, 255}), false).complete);
  EXPECT_FALSE(LineTable::parse({}, false).complete);
  const auto negative = LineTable::parse(bytes_of({0xff, 1, 1, 9, 9, 0}), false);
  EXPECT_TRUE(negative.complete);
  EXPECT_EQ(negative.table.size(), 0U);
  EXPECT_EQ(negative.table.line(3), 0U);
}

TEST(JavaName, DropsWhatDiffersFromRunToRun) {
  EXPECT_EQ(normalise_name("Main$$Lambda$14+0x0000000800c03000.run"), "Main$$Lambda.run");
  EXPECT_EQ(normalise_name("Main$$Lambda$14/0x0000000800c03000.run"), "Main$$Lambda.run");
  EXPECT_EQ(normalise_name("Main$$Lambda+0x00007f4c9c000800.run"), "Main$$Lambda.run");
  EXPECT_EQ(normalise_name("Main$$Lambda$14.run"), "Main$$Lambda.run");
  EXPECT_EQ(normalise_name("java/lang/invoke/LambdaForm$MH012/0x1.invoke"),
            "java/lang/invoke/LambdaForm$MH.invoke");
  EXPECT_EQ(normalise_name("java/lang/invoke/LambdaForm$DMH+0x000000080010a400.newInvokeSpecial"),
            "java/lang/invoke/LambdaForm$DMH.newInvokeSpecial");
}

TEST(JavaName, KeepsAllOtherNames) {
  for (const char* name :
       {"java/io/FileInputStream.open0", "a.b", "Main.lambda$main$0", "pkg/Main$1.run", "p/Md5.x12",
        "Main+0x.run", "Main+0xfoo.run", "Main.a+0x12", "jdk/proxy2/$Proxy12.call", "", ".", "x",
        "+0x", "A$$Lambda$.m"}) {
    EXPECT_EQ(normalise_name(name), name);
  }
}

TEST(JdkQuirks, TableRows) {
  EXPECT_EQ(jdk_quirks(8).slot_bcp, -7);
  EXPECT_EQ(jdk_quirks(9).slot_bcp, -8);
  EXPECT_FALSE(jdk_quirks(17).unsigned5_excludes_zero);
  EXPECT_FALSE(jdk_quirks(19).unsigned5_excludes_zero);
  EXPECT_TRUE(jdk_quirks(20).unsigned5_excludes_zero);
  EXPECT_EQ(jdk_quirks(26).slot_bcp, -8);
}

TEST(Layout, RecordedReleasesMissNothing) {
  for (const int major : kRecorded) {
    const Layout layout = recorded_layout(major);
    EXPECT_EQ(layout.missing, std::vector<std::string>{}) << major;
    EXPECT_TRUE(layout.heap && layout.interpreter && layout.blob && layout.scopes && layout.method);
  }
}

TEST(Layout, Jdk17AndJdk25DifferWhereTheyShould) {
  const Layout old = recorded_layout(17);
  const Layout now = recorded_layout(25);
  EXPECT_EQ(old.heap->block_header, 16U);
  EXPECT_EQ(now.heap->block_header, 8U);
  EXPECT_FALSE(old.blob->code_begin.from_blob);
  EXPECT_TRUE(now.blob->code_begin.from_blob);
  EXPECT_FALSE(old.blob->deopt.from_blob);
  EXPECT_TRUE(now.blob->deopt.from_blob);
  EXPECT_TRUE(old.scopes->metadata_begin.from_blob);
  EXPECT_FALSE(now.scopes->metadata_begin.from_blob);
  EXPECT_EQ(now.blob->comp_level.size, 1U);
}

TEST(Layout, Jdk8BySpellingsOfItsFields) {
  const Layout layout = recorded_layout(8);
  ASSERT_TRUE(layout.heap && layout.blob && layout.scopes && layout.method);
  EXPECT_TRUE(layout.heap->single_heap);
  EXPECT_TRUE(layout.blob->code_begin.from_blob);
  EXPECT_EQ(layout.blob->deopt.term[0].offset, 148U);
  EXPECT_EQ(layout.scopes->data_end.term[0].offset, 180U);
  EXPECT_TRUE(layout.method->klass_source_file);
  EXPECT_FALSE(layout.method->pool_source_file);
  EXPECT_EQ(layout.slot_bcp, -7);
}

TEST(Layout, ReleasesBetweenKeepTheirOwnSpellings) {
  const Layout jdk11 = recorded_layout(11);
  EXPECT_FALSE(jdk11.heap->single_heap);
  EXPECT_FALSE(jdk11.blob->deopt.from_blob);
  EXPECT_TRUE(jdk11.method->klass_source_file);
  EXPECT_FALSE(jdk11.method->pool_source_file);
  const Layout jdk21 = recorded_layout(21);
  EXPECT_FALSE(jdk21.blob->deopt.from_blob);
  EXPECT_TRUE(jdk21.blob->deopt_mh.end() != 0);
  EXPECT_TRUE(jdk21.method->pool_source_file);
  // JDK 26 has one handler for both kinds of return.
  const Layout jdk26 = recorded_layout(26);
  EXPECT_TRUE(jdk26.blob->deopt.from_blob);
  EXPECT_TRUE(jdk26.blob->deopt_mh.end() == 0);
}

TEST(Layout, MissingFieldsTakeTheirFeatureOnly) {
  std::string text = recorded_text(8);
  text.replace(text.find("nmethod::_metadata_offset"), 7, "nothing");
  const FakeMemory nothing(1);
  const Layout layout = make_layout(nothing, VmStructs::from_text(text), 8);
  EXPECT_FALSE(layout.scopes);
  EXPECT_TRUE(layout.heap && layout.blob && layout.method && layout.interpreter);
  EXPECT_EQ(layout.missing,
            std::vector<std::string>{"inlined frames: no nmethod::_metadata_offset"});
}

TEST(Layout, AbsurdOffsetsCountAsMissing) {
  std::string text = recorded_text(8);
  text.insert(text.find(" nmethod::_compile_id"), "99999999");
  const FakeMemory nothing(1);
  EXPECT_FALSE(make_layout(nothing, VmStructs::from_text(text), 8).blob);
}

TEST(VmStructs, TextForm) {
  const VmStructs structs = VmStructs::from_text(recorded_text(8));
  EXPECT_EQ(VmStructs::from_text(structs.to_text()).to_text(), structs.to_text());
  EXPECT_EQ(structs.type_size("unsigned short"), 2U);
  EXPECT_EQ(structs.type_size("Nothing"), std::nullopt);
  EXPECT_EQ(VmStructs::from_text("member\nmember x\n\n\xff\xfe").to_text(), "");
}

}  // namespace
}  // namespace jtrace::test
