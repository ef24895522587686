// SPDX-License-Identifier: Apache-2.0
// Numbers of calls against the C library's header, each that it has.
#include "capture/call_numbers.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

namespace jtrace::capture {
namespace {

// By the kernel's own names, which tracepoints have.
const std::map<std::string, std::string> kOtherNames{
    {"stat", "newstat"},   {"fstat", "newfstat"}, {"lstat", "newlstat"}, {"sendfile", "sendfile64"},
    {"uname", "newuname"}, {"_sysctl", "sysctl"}, {"umount2", "umount"}};

TEST(CallNumbers, AreThoseOfTheHeader) {
  std::ifstream header("/usr/include/x86_64-linux-gnu/asm/unistd_64.h");
  ASSERT_TRUE(header.is_open());
  int compared = 0;
  std::string define, name;
  for (std::string line; std::getline(header, line);) {
    std::istringstream words(line);
    std::uint32_t number = 0;
    if (!(words >> define >> name >> number) || !name.starts_with("__NR_")) continue;
    name.erase(0, std::string_view("__NR_").size());
    const auto other = kOtherNames.find(name);
    EXPECT_EQ(call_number(other == kOtherNames.end() ? name : other->second), number) << name;
    ++compared;
  }
  EXPECT_GT(compared, 340);
}

TEST(CallNumbers, NoneIsMadeUp) { EXPECT_EQ(call_number("no_such_call"), std::nullopt); }

}  // namespace
}  // namespace jtrace::capture
