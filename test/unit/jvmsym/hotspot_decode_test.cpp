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
  for (const auto& [name, major] : {std::pair{"jdk17", 17}, std::pair{"jdk25", 25}}) {
    const Layout layout = recorded_layout(name, major);
    EXPECT_EQ(layout.missing, std::vector<std::string>{}) << name;
    EXPECT_TRUE(layout.heap && layout.interpreter && layout.blob && layout.scopes && layout.method);
  }
}

TEST(Layout, Jdk17AndJdk25DifferWhereTheyShould) {
  const Layout old = recorded_layout("jdk17", 17);
  const Layout now = recorded_layout("jdk25", 25);
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

// JDK 8 by its names (hotspot/src/share/vm/runtime/vmStructs.cpp); the offsets are made up.
constexpr std::string_view kJdk8 = R"(
static 0x1000 CodeCache::_heap CodeHeap*
member 16 CodeHeap::_memory VirtualSpace
member 128 CodeHeap::_segmap VirtualSpace
member 100 CodeHeap::_log2_segment_size int
member 0 VirtualSpace::_low_boundary char*
member 8 VirtualSpace::_high_boundary char*
member 16 VirtualSpace::_low char*
member 24 VirtualSpace::_high char*
member 0 HeapBlock::_header HeapBlock::Header
member 0 HeapBlock::Header::_length size_t
member 8 HeapBlock::Header::_used bool
static 0x2000 AbstractInterpreter::_code StubQueue*
member 8 StubQueue::_stub_buffer address
member 20 StubQueue::_buffer_limit int
static 0x3000 StubRoutines::_call_stub_return_address address
member 8 CodeBlob::_name const char*
member 16 CodeBlob::_size int
member 40 CodeBlob::_frame_size int
member 28 CodeBlob::_code_offset int
member 36 CodeBlob::_data_offset int
member 64 nmethod::_method Method*
member 172 nmethod::_compile_id int
member 176 nmethod::_comp_level int
member 168 nmethod::_orig_pc_offset int
member 116 nmethod::_deoptimize_offset int
member 120 nmethod::_deoptimize_mh_offset int
member 132 nmethod::_metadata_offset int
member 136 nmethod::_scopes_data_offset int
member 140 nmethod::_scopes_pcs_offset int
member 144 nmethod::_dependencies_offset int
member 0 PcDesc::_pc_offset int
member 4 PcDesc::_scope_decode_offset int
member 8 Method::_constMethod ConstMethod*
member 32 Method::_access_flags AccessFlags
member 8 ConstMethod::_constants ConstantPool*
member 36 ConstMethod::_code_size u2
member 38 ConstMethod::_name_index u2
member 40 ConstMethod::_signature_index u2
member 24 ConstMethod::_constMethod_size int
member 28 ConstMethod::_flags u2
member 24 ConstantPool::_pool_holder InstanceKlass*
member 60 ConstantPool::_length int
member 180 InstanceKlass::_source_file_name_index u2
member 16 Klass::_name Symbol*
member 0 Symbol::_length unsigned short
member 8 Symbol::_body[0] jbyte
type 16 HeapBlock
type 16 PcDesc
type 48 ConstMethod
type 80 ConstantPool
type 4 int
type 2 u2
type 1 bool
type 8 size_t
type 8 address
type 2 unsigned short
constant 1 ConstMethod::_has_linenumber_table
)";

TEST(Layout, Jdk8BySpellingsOfItsFields) {
  const FakeMemory nothing(1);
  const Layout layout = make_layout(nothing, VmStructs::from_text(kJdk8), 8);
  EXPECT_EQ(layout.missing, std::vector<std::string>{});
  ASSERT_TRUE(layout.heap && layout.blob && layout.scopes && layout.method);
  EXPECT_TRUE(layout.heap->single_heap);
  EXPECT_TRUE(layout.blob->code_begin.from_blob);
  EXPECT_EQ(layout.blob->deopt.term[0].offset, 116U);
  EXPECT_EQ(layout.scopes->data_end.term[0].offset, 140U);
  EXPECT_TRUE(layout.method->klass_source_file);
  EXPECT_FALSE(layout.method->pool_source_file);
  EXPECT_EQ(layout.slot_bcp, -7);
}

TEST(Layout, MissingFieldsTakeTheirFeatureOnly) {
  std::string text(kJdk8);
  text.erase(text.find("member 132 nmethod::_metadata_offset"), 41);
  const FakeMemory nothing(1);
  const Layout layout = make_layout(nothing, VmStructs::from_text(text), 8);
  EXPECT_FALSE(layout.scopes);
  EXPECT_TRUE(layout.heap && layout.blob && layout.method && layout.interpreter);
  EXPECT_EQ(layout.missing,
            std::vector<std::string>{"inlined frames: no nmethod::_metadata_offset"});
}

TEST(Layout, AbsurdOffsetsCountAsMissing) {
  std::string text(kJdk8);
  const auto at = text.find("member 172 nmethod::_compile_id");
  text.replace(at, 10, "member 99999999999");
  const FakeMemory nothing(1);
  EXPECT_FALSE(make_layout(nothing, VmStructs::from_text(text), 8).blob);
}

TEST(VmStructs, TextForm) {
  const VmStructs structs = VmStructs::from_text(kJdk8);
  EXPECT_EQ(VmStructs::from_text(structs.to_text()).to_text(), structs.to_text());
  EXPECT_EQ(structs.type_size("unsigned short"), 2U);
  EXPECT_EQ(structs.type_size("Nothing"), std::nullopt);
  EXPECT_EQ(VmStructs::from_text("member\nmember x\n\n\xff\xfe").to_text(), "");
}

}  // namespace
}  // namespace jtrace::test
