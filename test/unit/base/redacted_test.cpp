// SPDX-License-Identifier: Apache-2.0
#include "base/redacted.h"

#include <gtest/gtest.h>

namespace jtrace {
namespace {

TEST(RedactedUrl, HidesWhateverStandsBeforeAnAt) {
  EXPECT_EQ(redacted_url("https://h:1/p"), "https://h:1/p");
  EXPECT_EQ(redacted_url("https://u:p@h:1/p"), "https://***@h:1/p");
  EXPECT_EQ(redacted_url("otlp+http://u@h"), "otlp+http://***@h");
  EXPECT_EQ(redacted_url("http://u:p/@x?@h/p"), "http://***@h/p");
  EXPECT_EQ(redacted_url("u:p@h"), "***@h");
  EXPECT_EQ(redacted_url("u:p://x@h"), "***@h");
  EXPECT_EQ(redacted_url("p@ss://x"), "***@ss://x");
  EXPECT_EQ(redacted_url(""), "");
}

TEST(RedactedUrl, HidesTheQuery) {
  EXPECT_EQ(redacted_url("https://h/p?token=x#y"), "https://h/p");
  EXPECT_EQ(redacted_url("https://h#x"), "https://h");
}

}  // namespace
}  // namespace jtrace
