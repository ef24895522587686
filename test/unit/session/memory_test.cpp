// SPDX-License-Identifier: Apache-2.0
#include "session/memory.h"

#include <gtest/gtest.h>

namespace jtrace::session {
namespace {

TEST(MemoryLimit, aQuarterOfItIsReadAhead) {
  const std::uint64_t own = resident().own;
  ASSERT_GT(own, 0U);
  EXPECT_TRUE(MemoryLimit(0).has_room_ahead()) << "none";
  EXPECT_FALSE(MemoryLimit(own).has_room_ahead());
  EXPECT_FALSE(MemoryLimit(2 * own).has_room_ahead());
  EXPECT_TRUE(MemoryLimit(64 * own).has_room_ahead());
}

}  // namespace
}  // namespace jtrace::session
