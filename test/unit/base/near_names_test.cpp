// SPDX-License-Identifier: Apache-2.0
#include "base/near_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jtrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Names = std::vector<std::string>;

TEST(NearNames, distanceCountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("opneat", "openat"), 1U);
}

TEST(NearNames, oneEditThenPartsThenTypos) {
  const Names names{"opent4",
                    "sys_exit_openat",
                    "sys_enter_openat2",
                    "sys_enter_openat",
                    "sys_x_exit_openat",
                    "read",
                    "openat_by",
                    "opena"};
  EXPECT_THAT(near_names("openat", names, 9),
              ElementsAre("opena", "sys_enter_openat", "sys_exit_openat", "sys_x_exit_openat",
                          "openat_by", "sys_enter_openat2"));
  EXPECT_THAT(near_names("openat", names), ::testing::SizeIs(3));
  EXPECT_THAT(near_names("open", Names{"sys_enter_fsopen", "sys_enter_open"}),
              ElementsAre("sys_enter_open", "sys_enter_fsopen"));
  EXPECT_THAT(near_names("sched_swicth_x", Names{"sched_switch", "sched_wakeup"}),
              ElementsAre("sched_switch"));
}

TEST(NearNames, whatResemblesNothingGetsNoAnswer) {
  EXPECT_THAT(near_names("qqqq", Names{"read", "write"}), IsEmpty());
  EXPECT_THAT(near_names("", Names{"read"}), IsEmpty());
  EXPECT_THAT(near_names("read", Names{}), IsEmpty());
}

TEST(NearNames, eachNameOnce) {
  EXPECT_THAT(near_names("reed", Names{"read", "read"}), ElementsAre("read"));
}

TEST(NearNames, sentences) {
  EXPECT_EQ(did_you_mean(Names{}), "");
  EXPECT_EQ(did_you_mean(Names{"a"}), "did you mean a?");
  EXPECT_EQ(did_you_mean(Names{"a", "b"}), "did you mean a or b?");
  EXPECT_EQ(did_you_mean(Names{"a", "b", "c"}), "did you mean a, b or c?");
}

}  // namespace
}  // namespace jtrace
