// SPDX-License-Identifier: Apache-2.0
// Command lines that jtrace must refuse: by one line, as wrong usage.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <span>
#include <string>
#include <vector>

#include "integration/support/trace_run.h"

namespace jtrace::test {

struct Refused {
  std::vector<std::string> words;  // beside -p, of the test itself
  std::string message;             // part of the line
};

inline void expect_refused(std::span<const Refused> refusals) {
  for (const Refused& one : refusals) {
    std::vector<std::string> argv{jtrace_binary(), "-p", std::to_string(::getpid())};
    argv.insert(argv.end(), one.words.begin(), one.words.end());
    JT_ASSERT_OK(Child child, Child::start(argv));
    JT_ASSERT_OK(const int status, child.wait_exit(kPatience));
    EXPECT_EQ(status, 2) << child.err();
    EXPECT_THAT(child.err(), testing::HasSubstr(one.message));
    EXPECT_EQ(child.err().find('\n') + 1, child.err().size()) << "more than one line";
  }
}

}  // namespace jtrace::test
