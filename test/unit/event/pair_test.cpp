// SPDX-License-Identifier: Apache-2.0
#include "event/pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jtrace::event {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::optional<event::Pair> of(const std::string& category, const std::string& name) {
  return pair_of({.id = 1, .category = category, .name = name});
}

TEST(PairOf, aCallIsNamedByEitherEnd) {
  for (const char* name : {"sys_enter_openat", "sys_exit_openat"}) {
    const auto pair = of("syscalls", name);
    ASSERT_TRUE(pair) << name;
    EXPECT_EQ(pair->kind, Pair::Kind::Call);
    EXPECT_EQ(pair->begin, (TracepointName{"syscalls", "sys_enter_openat"}));
    EXPECT_EQ(pair->end, (TracepointName{"syscalls", "sys_exit_openat"}));
    EXPECT_THAT(pair->keys, IsEmpty());
    EXPECT_FALSE(pair->returns_twice);
  }
  for (const char* fork : {"clone", "clone3", "fork", "vfork"}) {
    EXPECT_TRUE(of("syscalls", std::string("sys_enter_") + fork)->returns_twice) << fork;
  }
}

TEST(PairOf, callsThatDoNotReturnHaveNone) {
  for (const char* call : {"execve", "execveat", "exit", "exit_group", "rt_sigreturn"}) {
    EXPECT_FALSE(of("syscalls", std::string("sys_enter_") + call)) << call;
  }
  EXPECT_FALSE(of("syscalls", "sys_enter_"));
  EXPECT_FALSE(of("syscalls", "other"));
}

TEST(PairOf, othersMayBeEndedByAnotherThread) {
  const auto off = of("sched", "sched_switch");
  ASSERT_TRUE(off);
  EXPECT_EQ(off->kind, Pair::Kind::Held);
  EXPECT_EQ(off->end, off->begin);
  EXPECT_THAT(off->keys, ElementsAre(testing::Pair("prev_pid", "next_pid")));
  const auto request = of("block", "block_rq_issue");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->end.name, "block_rq_complete");
  EXPECT_THAT(request->keys,
              ElementsAre(testing::Pair("dev", "dev"), testing::Pair("sector", "sector")));
  EXPECT_FALSE(of("block", "block_rq_complete"));
}

TEST(PairOf, functionsOfOneThreadByTheirNames) {
  const auto sync = of("ext4", "ext4_sync_file_enter");
  ASSERT_TRUE(sync);
  EXPECT_EQ(sync->end, (TracepointName{"ext4", "ext4_sync_file_exit"}));
  EXPECT_THAT(sync->keys, ElementsAre(testing::Pair("tid", "tid")));
  EXPECT_EQ(of("lock", "contention_begin")->end.name, "contention_end");
  EXPECT_FALSE(of("sched", "sched_wakeup"));
}

}  // namespace
}  // namespace jtrace::event
