// SPDX-License-Identifier: Apache-2.0
// Types, names, and what a person is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filter/compile.h"
#include "support/filter_cases.h"

namespace jtrace::filter {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Result<Program> compiled(std::size_t event, const std::string& text) {
  const auto& of = test::filtered_events()[event];
  return compile({.filters = {text}}, Fields(of.tracepoint, &of.format));
}

struct Wrong {
  std::size_t event;
  std::string text, message, hint;
};

TEST(Check, errorsSayWhatThereIs) {
  const Wrong cases[] = {
      {1, "nme == 1", "'nme' at character 1: syscalls:sys_enter_test has no such field",
       "fields: fd, filename, mode, count, extra; of every event: comm, tid, tgid, uid, cgroup, "
       "cpu"},
      {1, "cout == 1", "has no such field", "did you mean count?"},
      {1, "ret < 0", "'ret' at character 1: the event has no result", "-t syscalls:sys_exit_test"},
      {0, "errno == 1", "the event has no result", "syscalls:sys_exit_*"},
      {0, "latency > 1", "the event has no end that jtrace knows", ""},
      {0, "common_flags & 1", "the kernel fills it in after programs have run", ""},
      {0, "name > 'x'", "'name' is a string: it is compared by == != ~ or !~", ""},
      {0, "name & 1", "'name' is a string: it is compared by == != ~ or !~", ""},
      {0, "name == 1", "what it is compared with stands between quotes", ""},
      {0, "a ~ 'x'", "'a' is a number and no string", ""},
      {0, "a == 'xy'", "'a' is a number and no string", ""},
      {0, "a < -1", "'a' is never below 0", ""},
      {0, "h == 0x8000000000000000", "larger than 'h' can be", ""},
      {0, "ports == 1", "neither a number nor a string", "ports[0]"},
      {0, "ports[4] == 1", "the field has 4 elements, from 0 on", ""},
      {0, "a[0] == 1", "the field is no array of numbers", ""},
      {0, "a.ustring == 1", "'a' is no pointer to a string", ""},
      {0, "cgroup == '/no/such/cgroup'", "no cgroup (version 2) of this path", ""},
      {0, "name ~ '" + std::string(256, 'x') + "'", "has at most 255 characters", ""},
      {0, "name ~ '[a][a][a][a][a][a][a][a][a]'", "a glob has at most 8 [...]", ""},
  };
  for (const Wrong& one : cases) {
    const auto result = compiled(one.event, one.text);
    ASSERT_FALSE(result) << one.text;
    EXPECT_EQ(result.error().code, Errc::Usage);
    EXPECT_THAT(result.error().message, HasSubstr(one.message)) << one.text;
    EXPECT_THAT(result.error().hint, HasSubstr(one.hint)) << one.text;
  }
}

TEST(Check, withoutATracefsOnlyWhatEveryEventHas) {
  const event::Tracepoint tracepoint{782, "", ""};
  const Fields fields(tracepoint, nullptr);
  EXPECT_TRUE(compile({.filters = {"comm == 'java' && tid != 5"}}, fields));
  const auto refused = compile({.filters = {"flags & 1"}}, fields);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              HasSubstr("without a tracefs the fields of trace:782 are not known"));
  EXPECT_THAT(refused.error().hint, HasSubstr("of every event: comm"));
}

// Newer kernels add strings to the records of system calls that programs do not get.
TEST(Check, whatProgramsDoNotSee) {
  const event::Tracepoint tracepoint{1, "syscalls", "sys_enter_x"};
  const auto format = event::parse_format(
      "field:int fd;\toffset:16;\tsize:8;\tsigned:0;\n"
      "field:__data_loc char[] __name_val;\toffset:24;\tsize:4;\tsigned:0;\n");
  const Fields fields(tracepoint, &format);
  EXPECT_EQ(fields.record_bytes(), 24U);
  EXPECT_THAT(fields.there_are(), HasSubstr("fields: fd;"));
  const auto refused = compile({.filters = {"__name_val == 'x'"}}, fields);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("the kernel does not show it to programs"));
}

// Who was lent the right to trace must not find out addresses by bisection.
TEST(Check, whatTellsWhereTheKernelLiesIsHidden) {
  const auto& shapes = test::filtered_events()[0];
  const Fields hiding(shapes.tracepoint, &shapes.format, true);
  for (const char* refused :
       {"at > 1", "g > 1", "h > 1", "kernel ~ 'x'", "kernel > 1", "user.ustring == 'x'"}) {
    const auto result = compile({.filters = {refused}}, hiding);
    ASSERT_FALSE(result) << refused;
    EXPECT_THAT(result.error().message, HasSubstr("it may tell where the kernel lies"));
  }
  EXPECT_TRUE(compile({.filters = {"f > 1 && name ~ 'x' && path ~ 'x' && cgroup > 1"}}, hiding));
  for (const std::size_t i : {1U, 2U}) {
    const auto& call = test::filtered_events()[i];
    const Fields fields(call.tracepoint, &call.format, true);
    EXPECT_TRUE(
        compile({.filters = {i == 1 ? "count > 1 && filename ~ '/x'" : "ret > 1"}}, fields));
  }
}

TEST(Check, theEventsOwnFieldsComeFirst) {
  const event::Tracepoint tracepoint{1, "signal", "signal_generate"};
  const auto format = event::parse_format(
      "field:int errno;\toffset:12;\tsize:4;\tsigned:1;\n"
      "field:char comm[16];\toffset:20;\tsize:16;\tsigned:0;\n");
  const auto program = compile({.filters = {"errno == 3 && comm == 'x' && COMM == 'y'"}},
                               Fields(tracepoint, &format));
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(program->spec.value[2].kind, JT_VALUE_RECORD);
  EXPECT_EQ(program->spec.value[1].kind, JT_VALUE_ARRAY);
  EXPECT_EQ(program->spec.value[0].kind, JT_VALUE_COMM);
}

TEST(Check, notes) {
  const auto note = [](std::size_t event, const std::string& text) {
    const auto program = compiled(event, text);
    EXPECT_TRUE(program) << program.error().message;
    return program ? program->notes : std::vector<std::string>{};
  };
  EXPECT_THAT(note(1, "fd < 0"), SizeIs(1));
  EXPECT_THAT(note(1, "fd < 0").at(0), HasSubstr("never true"));
  EXPECT_THAT(note(1, "fd < 0").at(0), HasSubstr("write fd <= -1"));
  EXPECT_THAT(note(1, "fd >= 0").at(0), HasSubstr("always true"));
  EXPECT_THAT(note(1, "fd <= -1"), IsEmpty());
  EXPECT_THAT(note(1, "count >= 0"), IsEmpty());
  EXPECT_THAT(note(0, "f < 0"), IsEmpty());
  EXPECT_THAT(note(0, "a == 300").at(0),
              HasSubstr("300 does not fit into 'a': compared as 44, as the kernel's filter does"));
  EXPECT_THAT(note(0, "b == 255").at(0), HasSubstr("compared as -1"));
}

}  // namespace
}  // namespace jtrace::filter
