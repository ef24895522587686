// SPDX-License-Identifier: Apache-2.0
#include "helper/wire.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/unique_fd.h"

namespace jtrace::helper {
namespace {

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

unwind::UnwindTable small_table() {
  unwind::UnwindTable table;
  table.rules.resize(2);
  table.rules[1].cfa_kind = JT_CFA_RSP;
  table.rows = {{.pc = 1, .rule = 1}, {.pc = 5, .rule = 0}};
  return table;
}

SymbolsReply own_symbols() {
  const UniqueFd fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  SymbolsReply reply;
  auto symbols = symbolize::ElfSymbols::load(fd.get(), "self", {}, reply.wanted);
  EXPECT_TRUE(symbols);
  if (symbols) reply.symbols = std::move(*symbols);
  return reply;
}

TEST(Wire, ARequestComesBack) {
  const auto request = decode_request(
      bytes_of(encode({.work = Work::Symbols, .path = "/a", .debug_paths = {"b", ""}, .room = 9})));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->work, Work::Symbols);
  EXPECT_EQ(request->path, "/a");
  EXPECT_THAT(request->debug_paths, ::testing::ElementsAre("b", ""));
  EXPECT_EQ(request->room, 9U);
}

TEST(Wire, FactsComeBack) {
  const auto facts = decode_facts(
      bytes_of(encode({.code = {{.first = 1, .end = 2, .delta = 3}}, .build_id = "0a"})));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->build_id, "0a");
  ASSERT_EQ(facts->code.size(), 1U);
  EXPECT_EQ(facts->code[0].delta, 3U);
}

TEST(Wire, ATableComesBack) {
  const auto table = decode_table(bytes_of(encode(small_table())));
  ASSERT_TRUE(table);
  ASSERT_EQ(table->rows.size(), 2U);
  EXPECT_EQ(table->rows[1].pc, 5U);
  EXPECT_EQ(table->rules[1].cfa_kind, JT_CFA_RSP);
}

TEST(Wire, SymbolsComeBack) {
  SymbolsReply reply = own_symbols();
  reply.wanted = {.build_id = {1, 2}, .link = symbolize::DebugLink{.name = "x.debug", .crc = 7}};
  const auto back = decode_symbols(bytes_of(encode(reply)));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->symbols.size(), reply.symbols.size());
  EXPECT_FALSE(back->too_large);
  EXPECT_EQ(back->wanted.build_id, reply.wanted.build_id);
  ASSERT_TRUE(back->wanted.link);
  EXPECT_EQ(back->wanted.link->name, "x.debug");
  std::size_t found = 0;
  for (const auto& symbol : reply.symbols.parts().symbols) {
    for (const std::uint64_t address : {symbol.start - 1, symbol.start, symbol.end}) {
      const auto before = reply.symbols.find(ElfAddr{address});
      const auto after = back->symbols.find(ElfAddr{address});
      ASSERT_EQ(before.has_value(), after.has_value()) << address;
      if (!before) continue;
      ++found;
      EXPECT_EQ(before->name, after->name);
      EXPECT_EQ(before->offset, after->offset);
    }
  }
  EXPECT_GT(found, 100U);
}

TEST(Wire, VmSymbolsComeBack) {
  jvmsym::hotspot::VmSymbols symbols;
  symbols.add("gHotSpotVMStructs", 42);
  const auto back = decode_vm_symbols(bytes_of(encode(symbols)));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->at(100).find("gHotSpotVMStructs"), ProcessAddr{142});
}

// A table that a walk could stumble over is none.
TEST(Wire, RefusesTablesThatDoNotHoldTogether) {
  auto table = small_table();
  table.rows[1].pc = 1;
  EXPECT_FALSE(decode_table(bytes_of(encode(table)))) << "rows out of order";
  table = small_table();
  table.rows[0].rule = 2;
  EXPECT_FALSE(decode_table(bytes_of(encode(table)))) << "a rule that is not there";
  table.rows.clear();
  EXPECT_FALSE(decode_table(bytes_of(encode(table)))) << "no row";
}

TEST(Wire, RefusesNamesThatLeadElsewhere) {
  for (const char* name : {"../x", "/etc/passwd", "..", "."}) {
    SymbolsReply reply;
    reply.wanted.link = symbolize::DebugLink{.name = name, .crc = 0};
    EXPECT_FALSE(decode_symbols(bytes_of(encode(reply)))) << name;
  }
  EXPECT_FALSE(decode_facts(bytes_of(encode(unwind::BinaryFacts{.code = {}, .build_id = "../a"}))));
}

// Every length and every bit of a small answer.
TEST(Wire, DamagedAnswersAreRefusedOrHarmless) {
  SymbolsReply reply;
  reply.wanted.link = symbolize::DebugLink{.name = "x", .crc = 1};
  auto parts = symbolize::ElfSymbols::Parts{
      .symbols = {{.start = 1, .end = 9, .name = 0, .parent = UINT32_MAX},
                  {.start = 2, .end = 4, .name = 2, .parent = 0}},
      .names = {'a', '\0', 'b', '\0'}};
  reply.symbols = *symbolize::ElfSymbols::from_parts(parts);
  const std::vector<std::string> answers{encode(reply), encode(small_table())};
  for (std::size_t size = 0; size < answers[0].size(); ++size) {
    EXPECT_FALSE(decode_symbols(bytes_of(answers[0].substr(0, size)))) << size;
  }
  for (std::size_t size = 0; size < answers[1].size(); ++size) {
    EXPECT_FALSE(decode_table(bytes_of(answers[1].substr(0, size)))) << size;
  }
  for (const std::string& whole : answers) {
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      (void)decode_facts(bytes_of(flipped));
      (void)decode_table(bytes_of(flipped));
      (void)decode_vm_symbols(bytes_of(flipped));
      if (const auto back = decode_symbols(bytes_of(flipped))) {
        for (std::uint64_t address = 0; address < 16; ++address) {
          const auto found = back->symbols.find(ElfAddr{address});
          EXPECT_LE(found ? found->name.size() : 0, 4U);
        }
      }
    }
  }
}

TEST(Wire, AReasonIsOneShortLine) {
  const std::string reason = decode_reason(bytes_of(std::string(5000, 'x') + "\n"));
  EXPECT_EQ(reason.size(), 256U);
  EXPECT_EQ(decode_reason(bytes_of("a\n\x1b[31mb")), "a??[31mb");
}

}  // namespace
}  // namespace jtrace::helper
