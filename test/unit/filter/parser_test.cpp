// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filter/expression.h"

namespace jtrace::filter {
namespace {

using testing::HasSubstr;

// (a==1 && !(b&2)): one line, every part in parentheses.
std::string shape(const Expression& one) {
  switch (one.kind) {
    case Expression::Kind::And:
      return "(" + shape(one.parts[0]) + " && " + shape(one.parts[1]) + ")";
    case Expression::Kind::Or:
      return "(" + shape(one.parts[0]) + " || " + shape(one.parts[1]) + ")";
    case Expression::Kind::Not:
      return "!" + shape(one.parts[0]);
    case Expression::Kind::Test:
      break;
  }
  const auto literal = [](const Literal& l) {
    if (l.kind == Literal::Kind::Text) return "'" + l.text + "'";
    return l.negative ? std::to_string(static_cast<std::int64_t>(l.number))
                      : std::to_string(l.number);
  };
  const Test& test = one.test;
  std::string text = test.field;
  if (test.index) text += "[" + std::to_string(*test.index) + "]";
  if (test.user_string) text += ".ustring";
  if (test.mask) text = "(" + text + "&" + literal(*test.mask) + ")";
  return text + std::string(spelling(test.comparison)) + literal(test.literal);
}

std::string parsed(std::string_view text) {
  const auto expression = parse(text);
  return expression ? shape(*expression) : expression.error().message;
}

TEST(Parser, whatTheKernelTakes) {
  // The examples of Documentation/trace/events.rst.
  EXPECT_EQ(parsed("common_preempt_count > 4"), "common_preempt_count>4");
  EXPECT_EQ(parsed("((sig >= 10 && sig < 15) || sig == 17) && comm != bash").substr(0, 9),
            "--filter:");
  EXPECT_EQ(parsed("((sig >= 10 && sig < 15) || sig == 17) && comm != \"bash\""),
            "(((sig>=10 && sig<15) || sig==17) && comm!='bash')");
  EXPECT_EQ(parsed("prev_comm ~ \"*sh*\""), "prev_comm~'*sh*'");
  EXPECT_EQ(parsed("filename.ustring ~ 'password'"), "filename.ustring~'password'");
  EXPECT_EQ(parsed("flags&0x40"), "flags&64");
  EXPECT_EQ(parsed("!(a == 1) && !b == 2"), "(!a==1 && !b==2)");
  EXPECT_EQ(parsed("a==-1||b!=010"), "(a==-1 || b!=8)");
}

TEST(Parser, bindings) {
  EXPECT_EQ(parsed("a == 1 || b == 2 && c == 3"), "(a==1 || (b==2 && c==3))");
  EXPECT_EQ(parsed("a == 1 && b == 2 || c == 3"), "((a==1 && b==2) || c==3)");
  EXPECT_EQ(parsed("a == 1 || b == 2 || c == 3"), "((a==1 || b==2) || c==3)");
  EXPECT_EQ(parsed("!a == 1 && b == 2"), "(!a==1 && b==2)");
  EXPECT_EQ(parsed("!(a == 1 && b == 2)"), "!(a==1 && b==2)");
  EXPECT_EQ(parsed("!!a == 1"), "!!a==1");
}

TEST(Parser, constants) {
  EXPECT_EQ(parsed("flags & O_CREAT"), "flags&64");
  EXPECT_EQ(parsed("flags & (O_CREAT | O_EXCL)"), "flags&192");
  EXPECT_EQ(parsed("flags & O_CREAT|O_EXCL && a == 1"), "(flags&192 && a==1)");
  EXPECT_EQ(parsed("(flags & O_ACCMODE) == O_WRONLY"), "(flags&3)==1");
  EXPECT_EQ(parsed("((flags & O_ACCMODE) == O_WRONLY)"), "(flags&3)==1");
  EXPECT_EQ(parsed("dfd == AT_FDCWD"), "dfd==-100");
  EXPECT_EQ(parsed("ret == -ENOENT"), "ret==-2");
  EXPECT_EQ(parsed("a == 0xffffffffffffffff"), "a==18446744073709551615");
  EXPECT_EQ(parsed("a == -9223372036854775808"), "a==-9223372036854775808");
  EXPECT_EQ(parsed("a == -0"), "a==0");
  EXPECT_EQ(parsed("c == 'x'"), "c=='x'");
  EXPECT_EQ(parsed("addr[3] == 1"), "addr[3]==1");
}

struct Wrong {
  std::string text, message;
};

TEST(Parser, errorsNameThePlace) {
  const Wrong cases[] = {
      {"", "at its end: expected a field"},
      {"   ", "at its end: expected a field"},
      {"a", "at its end: expected one of == != < <= > >= & ~ !~"},
      {"a ==", "at its end: expected a number"},
      {"a = 1", "'=' at character 3: no part of a filter"},
      {"a == 1 &&", "at its end: expected a field"},
      {"a == 1 b == 2", "'b' at character 8: expected && or || or the end"},
      {"(a == 1", "at its end: expected )"},
      {"a == 1)", "')' at character 7: there is no '(' for it"},
      {"1 == a", "'1' at character 1: expected a field"},
      {"a == 1x", "'1x' at character 6: not a number"},
      {"a == 08", "'08' at character 6: not a number"},
      {"a == 0x", "'0x' at character 6: not a number"},
      {"a == 18446744073709551616", "larger than 64 bits"},
      {"a == -9223372036854775809", "smaller than 64 bits"},
      {"a ~ \"x", "'\"x' at character 5: the quote is not closed"},
      {"a == O_CREATE", "'O_CREATE' at character 6: no constant of this name"},
      {"flags & 3 == 1", "'==' at character 11: write (FIELD & MASK) == NUMBER"},
      {"(a == 1) == 2", "'==' at character 10: only a bit test can be compared"},
      {"(a & 1) == 'x'", "(FIELD & MASK) is compared with a number"},
      {"(a & 'x') == 1", "(FIELD & MASK) is compared with a number"},
      {"(a & 1) & 2", "(FIELD & MASK) is compared with a number"},
      {"a & (1 | -1)", "a number below 0 has no bits to join by |"},
      {"a.function == schedule", "functions are not looked up in this version"},
      {"a.string == 1", "'string' at character 3: expected ustring behind the point"},
      {"cpu & CPUS{1,2}", "lists of CPUs are not in this version"},
      {"a[x] == 1", "'x' at character 3: expected the number of an element"},
      {"a[1 == 1", "expected ]"},
      {"a == 1 | b", "no constant of this name"},
      {"a $ 1", "'$' at character 3: no part of a filter"},
  };
  for (const Wrong& one : cases) {
    const auto result = parse(one.text);
    ASSERT_FALSE(result) << one.text;
    EXPECT_EQ(result.error().code, Errc::Usage);
    EXPECT_THAT(result.error().message, HasSubstr(one.message)) << one.text;
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
  }
  EXPECT_THAT(parse("a == O_CREATE").error().hint, HasSubstr("O_CREAT"));
}

TEST(Parser, limits) {
  EXPECT_TRUE(parse(std::string(kDeepestFilter, '(') + "a==1" + std::string(kDeepestFilter, ')')));
  EXPECT_THAT(parsed(std::string(1000, '(')), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(parsed(std::string(1000, '!')), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(parsed(std::string(kLongestFilter + 1, ' ')), HasSubstr("longer than 4096"));
  // Control characters never reach a terminal.
  EXPECT_EQ(parsed("a == \x1b[2J").find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace jtrace::filter
