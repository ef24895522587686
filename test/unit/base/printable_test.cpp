// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <gtest/gtest.h>

#include "base/counted.h"

namespace jtrace {
namespace {

TEST(Printable, LeavesTextAlone) {
  EXPECT_EQ(printable("open /x: naïve; ok"), "open /x: naïve; ok");
}

TEST(Printable, EscapeCodesAndLineBreaksDoNotReachATerminal) {
  EXPECT_EQ(printable("a\x1b[31mb\nc\rd\x7f"), "a?[31mb?c?d?");
  EXPECT_EQ(printable("x\xc2\x9b"
                      "31m"),
            "x?31m");
}

TEST(Printable, CutCharactersAreKept) { EXPECT_EQ(printable("a\xc2"), "a\xc2"); }

TEST(Counted, oneIsSingular) {
  EXPECT_EQ(counted(1, "event"), "1 event");
  EXPECT_EQ(counted(0, "event"), "0 events");
  EXPECT_EQ(counted(1, "process", "processes"), "1 process");
  EXPECT_EQ(counted(2, "process", "processes"), "2 processes");
}

}  // namespace
}  // namespace jtrace
