// SPDX-License-Identifier: Apache-2.0
// The kernel side's evaluator against one that knows nothing of it, and by single cases.
#include "filter/evaluator.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "support/filter_cases.h"
#include "support/filter_reference.h"

namespace jtrace::filter {
namespace {

using test::FilterCases;
using test::filtered_events;

Result<Program> compile_for(const test::FilteredEvent& event, const std::string& text) {
  return compile({.filters = {text}}, Fields(event.tracepoint, &event.format));
}

TEST(Evaluator, randomFiltersAndEvents) {
  constexpr int kFilters = 10000;
  constexpr int kEvents = 20;  // of each
  FilterCases cases(20240607);
  int passed = 0, unreadable = 0, too_long = 0;
  for (int i = 0; i < kFilters; ++i) {
    const auto& of = filtered_events()[static_cast<std::size_t>(i) % filtered_events().size()];
    const Expression expression = cases.expression(of, 1 + i % 12);
    const std::string text = cases.text(expression);
    const auto program = compile_for(of, text);
    ASSERT_TRUE(program) << text << ": " << program.error().message;
    for (int j = 0; j < kEvents; ++j) {
      const Event event = cases.event(of);
      const Outcome outcome = evaluate(*program, event);
      ASSERT_EQ(outcome.passes,
                test::passes(expression, of.format, of.tracepoint.category == "syscalls", event))
          << text << ", event " << j << " of filter " << i;
      passed += outcome.passes ? 1 : 0;
      unreadable += outcome.unreadable != 0 ? 1 : 0;
      too_long += outcome.too_long != 0 ? 1 : 0;
    }
  }
  // Neither side of any of these is rare.
  EXPECT_GT(passed, kFilters * kEvents / 5);
  EXPECT_LT(passed, kFilters * kEvents * 4 / 5);
  EXPECT_GT(unreadable, 1000);
  EXPECT_GT(too_long, 100);
}

TEST(Evaluator, noFilterPassesAll) {
  const auto& of = filtered_events()[0];
  const auto program = compile({}, Fields(of.tracepoint, &of.format));
  ASSERT_TRUE(program);
  EXPECT_TRUE(evaluate(*program, FilterCases(1).event(of)).passes);
}

TEST(Evaluator, severalFiltersMustAllPass) {
  const auto& of = filtered_events()[2];
  const auto program =
      compile({.filters = {"ret > 3 || ret < -3", "ret != 5", "cpu == 2 || ret == 9"}},
              Fields(of.tracepoint, &of.format));
  ASSERT_TRUE(program) << program.error().message;
  const auto passes = [&](std::int64_t ret, std::uint32_t cpu) {
    std::array<std::byte, 24> record{};
    std::memcpy(record.data() + 16, &ret, sizeof(ret));
    return evaluate(
               *program,
               {.record = record, .cpu = cpu, .comm = {}, .user_strings = {}, .kernel_strings = {}})
        .passes;
  };
  EXPECT_TRUE(passes(4, 2));
  EXPECT_FALSE(passes(4, 1));
  EXPECT_FALSE(passes(3, 2));
  EXPECT_FALSE(passes(5, 2));
  EXPECT_TRUE(passes(9, 1));
  EXPECT_TRUE(passes(-4, 2));
}

class FileName : public testing::Test {
 protected:
  Outcome outcome(const std::string& filter, const std::string& name) {
    const auto& of = filtered_events()[1];
    const auto program = compile_for(of, filter);
    EXPECT_TRUE(program) << filter << ": " << program.error().message;
    std::array<std::byte, 64> record{};
    const std::uint64_t address = 0x1000;
    std::memcpy(record.data() + 24, &address, sizeof(address));
    return evaluate(
        *program,
        {.record = record, .comm = {}, .user_strings = {{address, name}}, .kernel_strings = {}});
  }
  bool passes(const std::string& filter, const std::string& name) {
    return outcome(filter, name).passes;
  }
};

TEST_F(FileName, globs) {
  EXPECT_TRUE(passes("filename ~ '/etc/*'", "/etc/passwd"));
  EXPECT_FALSE(passes("filename ~ '/etc/*'", "/var/etc/passwd"));
  EXPECT_TRUE(passes("filename ~ '*.jar'", "/a.jar/b.jar"));
  EXPECT_FALSE(passes("filename ~ '*.jar'", "/a.jar/b"));
  EXPECT_FALSE(passes("filename ~ '*.jar'", "jar"));
  EXPECT_TRUE(passes("filename ~ '*lib*.so.?'", "/usr/lib/libc.so.6"));
  EXPECT_TRUE(passes("filename ~ '/proc/[0-9]*/maps'", "/proc/17/maps"));
  EXPECT_FALSE(passes("filename ~ '/proc/[!0-9]*/maps'", "/proc/17/maps"));
  EXPECT_TRUE(passes("filename ~ '*'", ""));
  EXPECT_TRUE(passes("filename ~ ''", ""));
  EXPECT_FALSE(passes("filename ~ '?'", ""));
  EXPECT_TRUE(passes("filename ~ '[a'", "[a"));
  EXPECT_TRUE(passes("filename ~ 'a\\*'", "a*"));
  EXPECT_FALSE(passes("filename ~ 'a\\*'", "ab"));
  EXPECT_TRUE(passes("filename ~ '[]a]'", "]"));
  EXPECT_TRUE(passes("filename ~ '!/etc/*'", "/tmp"));
  EXPECT_FALSE(passes("filename !~ '/etc/*'", "/etc/x"));
  EXPECT_TRUE(passes("filename == '*'", "*"));
  EXPECT_FALSE(passes("filename == '*'", "x"));
  EXPECT_TRUE(passes("filename ~ '*\xc3\xa9*'", "caf\xc3\xa9/x"));
}

TEST_F(FileName, longerThanIsRead) {
  const std::string longest(JT_TEXT_BYTES - 2, 'a');
  const std::string longer(JT_TEXT_BYTES - 1, 'a');
  EXPECT_TRUE(passes("filename ~ '*aa'", longest));
  // Its beginning is enough where that decides.
  EXPECT_TRUE(passes("filename ~ 'aa*'", longer));
  EXPECT_FALSE(passes("filename ~ 'b*'", longer));
  EXPECT_EQ(outcome("filename ~ 'b*'", longer).too_long, 0U);
  for (const char* undecided : {"filename ~ '*aa'", "filename !~ '*aa'", "filename ~ '*b*'"}) {
    EXPECT_FALSE(passes(undecided, longer)) << undecided;
    EXPECT_EQ(outcome(undecided, longer).too_long, 1U) << undecided;
  }
}

// A glob that goes back over and over ends at its limit, and says so.
TEST_F(FileName, dearGlobsEnd) {
  std::string text(JT_TEXT_BYTES - 2, 'a');
  const auto result = outcome("filename ~ '*aaaaaaaaaaaaaaaab*'", text);
  EXPECT_FALSE(result.passes);
  EXPECT_EQ(result.too_long, 1U);
}

TEST_F(FileName, whatIsNotResidentIsFalseEitherWayAndCounted) {
  const auto& of = filtered_events()[1];
  for (const char* filter : {"filename ~ '*'", "filename !~ '*'", "filename == 'a'",
                             "filename != 'a'", "filename ~ '!a'"}) {
    const auto program = compile_for(of, filter);
    ASSERT_TRUE(program);
    const std::array<std::byte, 64> record{};
    const Outcome outcome = evaluate(
        *program, {.record = record, .comm = {}, .user_strings = {}, .kernel_strings = {}});
    EXPECT_FALSE(outcome.passes) << filter;
    EXPECT_EQ(outcome.unreadable, 1U) << filter;
  }
}

}  // namespace
}  // namespace jtrace::filter
