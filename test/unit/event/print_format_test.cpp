// SPDX-License-Identifier: Apache-2.0
#include "event/print_format.h"

#include <gmock/gmock.h>

#include <random>

namespace jtrace::event {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = Dictionary::Kind;
using Word = Dictionary::Word;

constexpr std::uint64_t kAll = ~std::uint64_t{0};

// sched:sched_switch of Linux 6.18.
constexpr std::string_view kSwitch =
    R"( "prev_comm=%s prev_state=%s%s ==> next_prio=%d", REC->prev_comm, (REC->prev_state & ((((0x00000000 | 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040) + 1) << 1) - 1)) ? __print_flags(REC->prev_state & ((((0x00000000 | 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040) + 1) << 1) - 1), "|", { 0x00000001, "S" }, { 0x00000002, "D" }, { 0x00000080, "I" }) : "R", REC->prev_state & (((0x00000000 | 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040) + 1) << 1) ? "+" : "", REC->next_prio)";

TEST(PrintFormat, readsTheStatesOfTasks) {
  const PrintFormat format = parse_print_format(kSwitch);
  ASSERT_THAT(format.dictionaries, SizeIs(2));
  const Dictionary& states = format.dictionaries[0];
  EXPECT_EQ(states.kind, Kind::Flags);
  EXPECT_EQ(states.field, "prev_state");
  EXPECT_EQ(states.mask, 0xffU);
  EXPECT_EQ(states.none, "R");
  EXPECT_THAT(states.words, ElementsAre(Word{1, "S"}, Word{2, "D"}, Word{0x80, "I"}));
  const Dictionary& preempted = format.dictionaries[1];
  EXPECT_EQ(preempted.kind, Kind::Mark);
  EXPECT_EQ(preempted.mask, 0x100U);
  EXPECT_EQ(preempted.words.front().text, "+");
  EXPECT_EQ(format.skipped, 0U);
}

TEST(PrintFormat, readsSymbolsOfSomeBits) {
  const PrintFormat format = parse_print_format(
      R"("%s %x %lu", __print_symbolic((((REC->ioprio) >> 13) & (8 - 1)), { 0, "none" }, { 1, "rt" }), )"
      R"(REC->cmd, REC->flags ? "WRITE" : "READ")");
  ASSERT_THAT(format.dictionaries, SizeIs(2));
  const Dictionary& of_class = format.dictionaries[0];
  EXPECT_EQ(of_class.kind, Kind::Symbols);
  EXPECT_EQ(of_class.shift, 13U);
  EXPECT_EQ(of_class.mask, std::uint64_t{7} << 13U);
  EXPECT_THAT(of_class.words, ElementsAre(Word{0, "none"}, Word{1, "rt"}));
  EXPECT_EQ(format.dictionaries[1].field, "flags");
  EXPECT_THAT(format.dictionaries[1].words, ElementsAre(Word{0, "READ"}, Word{1, "WRITE"}));
  EXPECT_THAT(format.hexadecimal, ElementsAre("cmd"));
}

TEST(PrintFormat, evaluatesTheConstantsOfMacros) {
  const PrintFormat format = parse_print_format(
      R"("f=%s", (REC->f) ? __print_flags(REC->f, "|", )"
      R"({( unsigned long)((((( gfp_t)(((((1UL))) << (10))|((((1UL))) << (11)))) & ~(( gfp_t)((((1UL))) << (10)))))), "A"}, )"
      R"({ 1 << 3, "B" }, { 0x10u, "C" }, { 010, "D" }, { -1, "E" }, { 6 / 2 - 1, "F" } ) : "none")");
  ASSERT_THAT(format.dictionaries, SizeIs(1));
  EXPECT_THAT(format.dictionaries[0].words,
              ElementsAre(Word{2048, "A"}, Word{8, "B"}, Word{16, "C"}, Word{8, "D"},
                          Word{kAll, "E"}, Word{2, "F"}));
  EXPECT_EQ(format.dictionaries[0].none, "none");
}

TEST(PrintFormat, skipsWhatItDoesNotUnderstand) {
  const PrintFormat format = parse_print_format(
      R"("%s", __print_symbolic(REC->a, { ENUM_A, "unknown" }, { 1, "one" }, { 2, "t\x1bwo" }, )"
      R"({ sizeof(int), "x" }, { 1 << 64, "far" }, { 3, "three" }), __print_flags((1 << REC->b), "|", { 1, "b" }), )"
      R"(__print_flags(REC->c ? REC->d : 0, "", { 1, "c" }), REC->e == 1 ? "y" : "n", )"
      R"(__print_array(__get_dynamic_array(v), 3, 4), __print_symbolic(REC->g, { 7, "seven" }))");
  ASSERT_THAT(format.dictionaries, SizeIs(2));
  EXPECT_THAT(format.dictionaries[0].words, ElementsAre(Word{1, "one"}, Word{3, "three"}));
  EXPECT_THAT(format.dictionaries[1].words, ElementsAre(Word{7, "seven"}));
  EXPECT_GE(format.skipped, 5U);
}

TEST(PrintFormat, textOfStringsIsNoCode) {
  const PrintFormat format = parse_print_format(
      R"x("a, __print_symbolic(REC->a, { 1, \"x\" }) %s", "__print_flags(REC->b, \"|\", { 1, \"y\" })", REC->c)x");
  EXPECT_THAT(format.dictionaries, IsEmpty());
}

TEST(PrintFormat, printedInHex) {
  const PrintFormat format = parse_print_format(
      R"("a %% b=%p c=0x%08lx d=%*d e=%pS f=%u", REC->b, ((unsigned long)(REC->c)), 5, REC->d, )"
      R"((void *)REC->e, REC->f)");
  EXPECT_THAT(format.hexadecimal, ElementsAre("b", "c", "e"));
}

TEST(PrintFormat, boundsWhatItReads) {
  std::string many = "\"%s\", __print_symbolic(REC->a";
  for (int i = 0; i < 5'000; ++i) many += ", { " + std::to_string(i) + ", \"w\" }";
  const PrintFormat format = parse_print_format(many + ")");
  ASSERT_THAT(format.dictionaries, SizeIs(1));
  EXPECT_LE(format.dictionaries[0].words.size(), 1024U);
  const std::string deep(100'000, '(');
  EXPECT_THAT(parse_print_format("\"\", " + deep).dictionaries, IsEmpty());
  EXPECT_THAT(parse_print_format("\"\", __print_flags(" + deep).dictionaries, IsEmpty());
  EXPECT_THAT(parse_print_format("\"\", __print_flags(" + std::string(100'000, '~')).dictionaries,
              IsEmpty());
}

TEST(PrintFormat, survivesDamage) {
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(kSwitch);
    for (int i = 0; i < 4; ++i) text[random() % text.size()] = static_cast<char>(random());
    text.resize(random() % text.size());
    for (const Dictionary& one : parse_print_format(text).dictionaries) {
      ASSERT_FALSE(one.field.empty());
      ASSERT_FALSE(one.words.empty());
      ASSERT_LT(one.shift, 64U);
    }
  }
}

}  // namespace
}  // namespace jtrace::event
