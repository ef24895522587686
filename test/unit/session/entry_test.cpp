// SPDX-License-Identifier: Apache-2.0
// Where events are met: at functions of calls, or at tracepoints, and why.
#include "session/entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace jtrace::session {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Event event_of(std::string category, std::string name) {
  Event event{.tracepoint = {.id = 7, .category = std::move(category), .name = std::move(name)},
              .wanted = {}};
  event.counted = event.tracepoint;
  return event;
}

class EntryTest : public testing::Test {
 protected:
  void add(Event event) { events_.all.push_back(std::move(event)); }
  void add_call(const std::string& name) { add(event_of("syscalls", name)); }
  Result<Entries> choose(cli::Attach attach = cli::Attach::Auto) {
    return choose_entries({.events = events_,
                           .attach = attach,
                           .kernel_stacks = [this](const auto&) { return kernel_stacks_; },
                           .host =
                               [this] {
                                 ++asked_;
                                 return FunctionsOfHost{
                                     .refused = refused_,
                                     .preempted = preempted_,
                                     .lacks = [this](std::string_view call) {
                                       return call == lacks_
                                                  ? std::optional<std::string>("no such one")
                                                  : std::nullopt;
                                     }};
                               },
                           .no_points =
                               [this] {
                                 ++asked_points_;
                                 return no_points_;
                               }});
  }

  Events events_;
  bool kernel_stacks_ = false;
  int asked_ = 0, asked_points_ = 0;
  std::optional<std::string> refused_, preempted_, no_points_;
  std::string lacks_;
};

TEST_F(EntryTest, beginsOfCallsAreMetAtTheirFunctionsAndMappingsToo) {
  add_call("sys_enter_openat");
  add(event_of("sched", "sched_switch"));
  const auto entries = choose();
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->events[0].call, "openat");
  EXPECT_FALSE(entries->events[1].by_function());
  EXPECT_TRUE(entries->mappings);
  EXPECT_TRUE(entries->any_tracepoint(events_));
  EXPECT_THAT(entries->functions(), ElementsAre("openat"));
  EXPECT_EQ(asked_, 1);
}

// One tracepoint of calls makes all calls of the host slower: mappings win nothing then.
TEST_F(EntryTest, endsStayAtTheTracepointAndSoDoMappings) {
  add_call("sys_enter_openat");
  add_call("sys_exit_openat");
  const auto entries = choose();
  ASSERT_TRUE(entries);
  EXPECT_TRUE(entries->events[0].by_function());
  EXPECT_THAT(entries->events[1].why_not, HasSubstr("seccomp"));
  EXPECT_FALSE(entries->mappings);
}

TEST_F(EntryTest, whatIsCountedAtItsEndStaysThere) {
  Event call = event_of("syscalls", "sys_enter_read");
  call.program.spec.flags = JT_EVENT_CALL;
  call.counted.name = "sys_exit_read";
  add(call);
  const auto entries = choose();
  ASSERT_TRUE(entries);
  EXPECT_FALSE(entries->events[0].by_function());
}

TEST_F(EntryTest, kernelFramesAreThoseOfTheTracepointUnlessFentryIsAskedFor) {
  kernel_stacks_ = true;
  add_call("sys_enter_openat");
  EXPECT_THAT(choose()->events[0].why_not, HasSubstr("kernel frames"));
  EXPECT_TRUE(choose(cli::Attach::Fentry)->events[0].by_function());
}

TEST_F(EntryTest, whereTheHostRefusesItIsTheTracepointWithItsReason) {
  add_call("sys_enter_openat");
  refused_ = "attach: Operation not permitted";
  const auto entries = choose();
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->events[0].why_not, *refused_);
  EXPECT_FALSE(entries->mappings);
  const auto asked = choose(cli::Attach::Fentry);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, Errc::Environment);
  EXPECT_THAT(asked.error().message, HasSubstr(*refused_));
}

TEST_F(EntryTest, wherePreemptedProgramsLoseEventsNobodyHasThem) {
  add_call("sys_enter_openat");
  preempted_ = "lazy preemption";
  EXPECT_EQ(choose()->events[0].why_not, *preempted_);
  EXPECT_FALSE(choose()->mappings);
  const auto asked = choose(cli::Attach::Fentry);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, Errc::Environment);
}

TEST_F(EntryTest, oneFunctionMayBeMissing) {
  add_call("sys_enter_getpid");
  add_call("sys_enter_openat");
  lacks_ = "getpid";
  const auto entries = choose();
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->events[0].why_not, "no such one");
  EXPECT_TRUE(entries->events[1].by_function());
  EXPECT_FALSE(entries->mappings);
}

TEST_F(EntryTest, whoAsksForTracepointsGetsThemAndTheHostIsNotAsked) {
  add_call("sys_enter_openat");
  const auto entries = choose(cli::Attach::Tracepoint);
  ASSERT_TRUE(entries);
  EXPECT_FALSE(entries->events[0].by_function());
  EXPECT_FALSE(entries->mappings);
  EXPECT_EQ(asked_, 0);
}

TEST_F(EntryTest, whatIsRefusedLateIsAtTracepointsWithItsReason) {
  add_call("sys_enter_openat");
  add_call("sys_exit_openat");
  events_.all[0].program.spec.values = 1;
  const auto first = choose();
  ASSERT_TRUE(first);
  mark_entries(*first, events_);
  EXPECT_TRUE(first->any_function());
  refused_ = "refused";
  const auto then = choose();
  ASSERT_TRUE(then);
  mark_entries(*then, events_);
  EXPECT_FALSE(then->any_function());
  EXPECT_EQ(then->events[0].why_not, "refused");
  EXPECT_THAT(then->events[1].why_not, HasSubstr("seccomp"));
  EXPECT_EQ(events_.all[0].program.spec.flags, 0U);
}

TEST_F(EntryTest, rawIsTheLastOfTheWays) {
  add_call("sys_enter_openat");
  add_call("sys_exit_openat");
  add(event_of("sched", "sched_switch"));
  no_points_ = "refused";
  const auto entries = choose();
  ASSERT_TRUE(entries);
  EXPECT_TRUE(entries->events[0].by_function());
  EXPECT_FALSE(entries->events[0].by_raw());
  EXPECT_EQ(entries->events[1].number, 257);
  EXPECT_EQ(entries->events[1].why_no_point, "refused");
  EXPECT_FALSE(entries->events[2].by_raw()) << "its raw tracepoint has other fields";
  EXPECT_FALSE(entries->mappings);
  EXPECT_TRUE(entries->raw_mappings);
  EXPECT_TRUE(entries->any_raw_end(events_));
  EXPECT_FALSE(entries->any_raw_begin(events_));
  EXPECT_EQ(asked_points_, 1);
}

TEST_F(EntryTest, rawIsNotAskedForWhereFunctionsServe) {
  add_call("sys_enter_openat");
  ASSERT_TRUE(choose());
  EXPECT_EQ(asked_points_, 0);
}

TEST_F(EntryTest, whoAsksForRawGetsItForCallsAlone) {
  add_call("sys_enter_newfstat");
  add_call("sys_exit_close");
  events_.all[0].program.spec.values = events_.all[1].program.spec.values = 1;
  const auto entries = choose(cli::Attach::Raw);
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->events[0].number, 5);
  EXPECT_EQ(entries->events[1].number, 3);
  EXPECT_TRUE(entries->raw_mappings);
  EXPECT_FALSE(entries->any_tracepoint(events_));
  EXPECT_EQ(asked_ + asked_points_, 0);
  mark_entries(*entries, events_);
  EXPECT_EQ(events_.all[0].program.spec.flags, JT_EVENT_ENTRY);
  EXPECT_EQ(events_.all[1].program.spec.flags, JT_EVENT_EXIT);
  for (const char* category : {"sched", ""}) {
    add(event_of(category, "sched_switch"));
    const auto refused = choose(cli::Attach::Raw);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::Usage);
    events_.all.pop_back();
  }
  add_call("sys_enter_no_such_call");
  EXPECT_FALSE(choose(cli::Attach::Raw));
}

TEST_F(EntryTest, fentryOfWhatIsNoCallIsAMistake) {
  add(event_of("sched", "sched_switch"));
  const auto entries = choose(cli::Attach::Fentry);
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().code, Errc::Usage);
  EXPECT_THAT(entries.error().message, HasSubstr("sched:sched_switch"));
}

// Their records are made by the kernel side, where anything is read of them.
TEST_F(EntryTest, recordsAreMadeOfThoseThatAreRead) {
  add_call("sys_enter_openat");
  add_call("sys_enter_close");
  events_.all[0].program.spec.values = 1;
  const auto entries = choose();
  ASSERT_TRUE(entries);
  mark_entries(*entries, events_);
  EXPECT_EQ(events_.all[0].program.spec.flags, JT_EVENT_ENTRY);
  EXPECT_EQ(events_.all[1].program.spec.flags, 0U);
  EXPECT_TRUE(events_.has_calls());
}

}  // namespace
}  // namespace jtrace::session
