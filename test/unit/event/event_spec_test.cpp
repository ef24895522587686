// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event/tracepoint.h"

namespace jtrace::event {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

EventSpec named(const char* category, const char* name) { return TracepointName{category, name}; }

TEST(EventSpec, takesNamesGlobsIdsAndCommaLists) {
  const auto specs = parse_event_specs(
      "syscalls:sys_enter_openat,sched:sched_sw*,trace:782,x86_fpu:a.b-[c]?,*:sys_*");
  ASSERT_TRUE(specs) << specs.error().message;
  EXPECT_THAT(*specs, ElementsAre(named("syscalls", "sys_enter_openat"),
                                  named("sched", "sched_sw*"), EventSpec(TracepointId{782}),
                                  named("x86_fpu", "a.b-[c]?"), named("*", "sys_*")));
}

TEST(EventSpec, idsReachFromOneToTheLargest) {
  EXPECT_EQ(parse_event_specs("trace:1")->at(0), EventSpec(TracepointId{1}));
  EXPECT_EQ(parse_event_specs("trace:2147483648")->at(0), EventSpec(TracepointId{2147483648U}));
}

TEST(EventSpec, takesPresets) {
  const auto specs = parse_event_specs("preset:file-open,preset:off-cpu,trace:1");
  ASSERT_TRUE(specs) << specs.error().message;
  EXPECT_THAT(*specs, ElementsAre(EventSpec(PresetName{"file-open"}),
                                  EventSpec(PresetName{"off-cpu"}), EventSpec(TracepointId{1})));
}

TEST(EventSpec, displayNamesWhatIsKnown) {
  EXPECT_EQ((Tracepoint{782, "syscalls", "sys_enter_openat"}.display()),
            "syscalls:sys_enter_openat");
  EXPECT_EQ((Tracepoint{782, "", ""}.display()), "trace:782");
}

struct Bad {
  std::string text;
  std::string message;
  std::string hint;  // part of it
};

class BadEventSpec : public ::testing::TestWithParam<Bad> {};

TEST_P(BadEventSpec, isExplained) {
  const auto specs = parse_event_specs(GetParam().text);
  ASSERT_FALSE(specs);
  EXPECT_EQ(specs.error().code, Errc::Usage);
  EXPECT_EQ(specs.error().message, GetParam().message);
  EXPECT_THAT(specs.error().hint, HasSubstr(GetParam().hint));
  EXPECT_EQ((specs.error().message + specs.error().hint).find('\n'), std::string::npos);
}

constexpr const char* kForm = "an event is CATEGORY:NAME, e.g. syscalls:sys_enter_openat";
constexpr const char* kIdRange = "a tracepoint id is 1 to 2147483648";

INSTANTIATE_TEST_SUITE_P(
    Contract, BadEventSpec,
    ::testing::Values(
        Bad{"", "-t needs an event; did you mean --threads?", kForm},
        Bad{"1234", "event '1234': a number is not an event; did you mean --tid?", "trace:1234"},
        Bad{"openat", "event 'openat': no category; did you mean syscalls:sys_enter_openat?",
            kForm},
        Bad{"sys_exit_read",
            "event 'sys_exit_read': no category; did you mean syscalls:sys_exit_read?", kForm},
        Bad{"sched_switch", "event 'sched_switch': no category; did you mean sched:sched_switch?",
            kForm},
        Bad{"sched_yield",
            "event 'sched_yield': no category; did you mean syscalls:sys_enter_sched_yield?",
            kForm},
        Bad{"cpu", "event 'cpu': events are tracepoints", kForm},
        Bad{"alloc", "event 'alloc': events are tracepoints", kForm},
        Bad{"LLC-load-misses", "event 'LLC-load-misses': events are tracepoints", kForm},
        Bad{"kprobe:vfs_open", "event 'kprobe:vfs_open': events are tracepoints", kForm},
        Bad{"tracepoint:syscalls:sys_enter_openat",
            "event 'tracepoint:syscalls:sys_enter_openat': a tracepoint needs no prefix; did you "
            "mean syscalls:sys_enter_openat?",
            kForm},
        Bad{"rawtracepoint:sched_switch",
            "event 'rawtracepoint:sched_switch': a raw tracepoint is raw_tp:NAME; did you mean "
            "raw_tp:sched_switch?",
            kForm},
        Bad{"rt:vmlinux:sched_switch",
            "event 'rt:vmlinux:sched_switch': a raw tracepoint is raw_tp:NAME; did you mean "
            "raw_tp:sched_switch?",
            kForm},
        Bad{"preset:file-opne", "no such preset 'file-opne'", "did you mean preset:file-open"},
        Bad{"preset:", "no such preset ''", "jtrace list preset:"},
        Bad{"preset:file-*", "no such preset 'file-*'", "jtrace list preset:"}));

INSTANTIATE_TEST_SUITE_P(
    Malformed, BadEventSpec,
    ::testing::Values(
        Bad{",", "no event between the commas of -t", "CATEGORY:NAME,CATEGORY:NAME"},
        Bad{"a:b,", "no event between the commas of -t", ""},
        Bad{"a:b,,c:d", "no event between the commas of -t", ""},
        Bad{":", "event ':': no category", kForm}, Bad{":b", "event ':b': no category", kForm},
        Bad{"a:", "event 'a:': no name", kForm},
        Bad{"a:b:c", "event 'a:b:c': more than one ':'", ""},
        Bad{"..:id", "event '..:id': '..' is not a category", ""},
        Bad{"a:..", "event 'a:..': '..' is not a name", ""},
        Bad{"a:.", "event 'a:.': '.' is not a name", ""},
        Bad{"a:../../x", "event 'a:../../x': '/' cannot be part of an event", "letters, digits"},
        Bad{"a: b", "event 'a: b': ' ' cannot be part of an event", ""},
        Bad{"a:b\x1b[2J", "event 'a:b?[2J': byte 0x1b cannot be part of an event", ""},
        Bad{"a:\xc3\xa9", "event 'a:?\?': byte 0xc3 cannot be part of an event", ""},
        Bad{std::string("a:b\0c", 5), "event 'a:b?c': byte 0x00 cannot be part of an event", ""},
        Bad{"trace:", "event 'trace:': trace: takes a tracepoint id, a decimal number",
            "trace:782"},
        Bad{"trace:12x", "event 'trace:12x': trace: takes a tracepoint id, a decimal number", ""},
        Bad{"trace:-1", "event 'trace:-1': trace: takes a tracepoint id, a decimal number", ""},
        Bad{"trace:0", std::string("event 'trace:0': ") + kIdRange, "/id"},
        Bad{"trace:2147483649", std::string("event 'trace:2147483649': ") + kIdRange, "/id"},
        Bad{"trace:99999999999999999999",
            std::string("event 'trace:99999999999999999999': ") + kIdRange, "/id"},
        Bad{"a:" + std::string(100'000, 'b'),
            "event 'a:" + std::string(78, 'b') + "...': longer than 256 characters", ""}));

}  // namespace
}  // namespace jtrace::event
