// SPDX-License-Identifier: Apache-2.0
#include "filter/constants.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <csignal>
#include <set>

namespace jtrace::filter {
namespace {

TEST(Constants, valuesOfTheSystem) {
  EXPECT_EQ(constant("O_CREAT"), O_CREAT);
  EXPECT_EQ(constant("O_CLOEXEC"), O_CLOEXEC);
  EXPECT_EQ(constant("AT_FDCWD"), AT_FDCWD);
  EXPECT_EQ(constant("ENOENT"), ENOENT);
  EXPECT_EQ(constant("EAGAIN"), constant("EWOULDBLOCK"));
  EXPECT_EQ(constant("SIGKILL"), SIGKILL);
  EXPECT_EQ(constant("PROT_EXEC"), PROT_EXEC);
  EXPECT_EQ(constant("MAP_ANONYMOUS"), MAP_ANONYMOUS);
  EXPECT_EQ(constant("CLONE_THREAD"), 0x10000);
  EXPECT_EQ(constant("FUTEX_WAIT_PRIVATE"), 128);
  // The kernel's, not the C library's, where it is 0.
  EXPECT_EQ(constant("O_LARGEFILE"), 0100000);
  EXPECT_EQ(constant("O_CREATE"), std::nullopt);
  EXPECT_EQ(constant(""), std::nullopt);
}

TEST(Constants, eachNameOnce) {
  const auto names = constant_names();
  EXPECT_GT(names.size(), 400U);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

}  // namespace
}  // namespace jtrace::filter
