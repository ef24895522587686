// SPDX-License-Identifier: Apache-2.0
#include "filter/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/filter_cases.h"

namespace jtrace::filter {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

Result<Program> compiled(const std::string& text) {
  const auto& of = test::filtered_events()[0];
  return compile({.filters = {text}}, Fields(of.tracepoint, &of.format));
}

std::string repeated(const std::string& text, int times, const std::string& between) {
  std::string all = text;
  for (int i = 1; i < times; ++i) all += between + text;
  return all;
}

TEST(Compile, jumpsGoForward) {
  const auto program = compiled("(a == 1 || !(b == 2 && c == 3)) && (d == 4 || e == 5 && f == 6)");
  ASSERT_TRUE(program) << program.error().message;
  ASSERT_EQ(program->spec.predicates, 6);
  EXPECT_EQ(program->spec.predicate[0].constant, 1U);
  EXPECT_EQ(program->spec.predicate[0].when_true, 3);
  EXPECT_EQ(program->spec.predicate[0].when_false, 1);
  EXPECT_EQ(program->spec.predicate[5].when_true, JT_VERDICT_PASS);
  EXPECT_EQ(program->spec.predicate[5].when_false, JT_VERDICT_REJECT);
  for (int i = 0; i < program->spec.predicates; ++i) {
    EXPECT_GT(program->spec.predicate[i].when_true, i);
    EXPECT_GT(program->spec.predicate[i].when_false, i);
  }
}

TEST(Compile, equalValuesAndPatternsAreOne) {
  const auto program = compiled("name ~ 'x*' || name !~ 'x*' || path ~ 'x*' || name == 'x'");
  ASSERT_TRUE(program);
  EXPECT_EQ(program->spec.values, 2);
  EXPECT_THAT(program->patterns, SizeIs(2));
}

TEST(Compile, limits) {
  EXPECT_TRUE(compiled(repeated("a == 1", JT_MAX_PREDICATES, "&&")));
  const auto more = compiled(repeated("a == 1", JT_MAX_PREDICATES + 1, "&&"));
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().message, HasSubstr("at most 32 comparisons"));
  std::string values;
  for (const std::string& name : test::filtered_events()[0].numbers) {
    if (name != "CPU" && name != "common_pid") values += name + " == 1 || ";
  }
  const auto many = compiled(values + "name == 'x' || path == 'x'");
  ASSERT_FALSE(many);
  EXPECT_THAT(many.error().message, HasSubstr("compare at most 16 values"));
}

// What is read of the record lies in it.
TEST(Compile, offsetsAreWithinTheRecord) {
  const auto program = compiled("g == 1 && ports[3] == 2 && name ~ '*' && path ~ '*'");
  ASSERT_TRUE(program);
  EXPECT_EQ(program->spec.record_bytes, 96U);
  for (int i = 0; i < program->spec.values; ++i) {
    const jt_value& value = program->spec.value[i];
    EXPECT_LE(value.offset + std::max<unsigned>(value.bytes, value.size), 96U);
  }
}

}  // namespace
}  // namespace jtrace::filter
