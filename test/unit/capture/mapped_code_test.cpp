// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/mapping_log.h"

namespace jtrace::capture {
namespace {

using Kind = MappingRecord::Kind;

MappingRecord mapped(pid_t tgid, std::uint64_t start, std::uint64_t end, const char* path,
                     std::uint64_t offset = 0) {
  MappingRecord record;
  record.tgid = tgid;
  record.mapping = {.start = start, .end = end, .offset = offset, .path = path};
  return record;
}

MappingRecord happened(Kind kind, pid_t tgid, pid_t parent = 0, std::uint64_t time = 1) {
  MappingRecord record;
  record.kind = kind;
  record.time = time;
  record.tgid = tgid;
  record.parent = parent;
  return record;
}

std::string text(const MappedCode& code, pid_t tgid) {
  std::string all;
  for (const auto& one : code.of(tgid)) {
    all += one.path + ":" + std::to_string(one.start) + "-" + std::to_string(one.end) + "+" +
           std::to_string(one.offset) + " ";
  }
  return all;
}

TEST(MappedCode, whatIsMappedOverAnotherTakesItsPlace) {
  MappedCode code;
  code.apply(happened(Kind::Exec, 1));
  code.apply(mapped(1, 100, 200, "a", 1000));
  code.apply(mapped(1, 300, 400, "b"));
  code.apply(mapped(1, 140, 160, "c"));
  EXPECT_EQ(text(code, 1), "a:100-140+1000 c:140-160+0 a:160-200+1060 b:300-400+0 ");
  code.apply(mapped(1, 150, 350, "d"));
  EXPECT_EQ(text(code, 1), "a:100-140+1000 c:140-150+0 d:150-350+0 b:350-400+50 ");
  code.apply(mapped(1, 0, 1000, "e"));
  EXPECT_EQ(text(code, 1), "e:0-1000+0 ");
  code.apply(mapped(1, 5, 5, "empty"));
  EXPECT_EQ(text(code, 1), "e:0-1000+0 ");
  EXPECT_EQ(text(code, 2), "");
}

TEST(MappedCode, childrenHaveWhatTheirParentHasUntilTheyExecute) {
  MappedCode code;
  code.apply(happened(Kind::Exec, 1));
  code.apply(mapped(1, 100, 200, "a"));
  code.apply(happened(Kind::Fork, 2, 1));
  code.apply(mapped(2, 300, 400, "b"));
  EXPECT_EQ(text(code, 2), "a:100-200+0 b:300-400+0 ");
  EXPECT_EQ(text(code, 1), "a:100-200+0 ");
  code.apply(happened(Kind::Exec, 2));
  EXPECT_EQ(text(code, 2), "");
}

TEST(MappedCode, whoseBeginningWasNotSeenIsNotKnown) {
  MappedCode code;
  code.apply(mapped(1, 100, 200, "a"));
  EXPECT_EQ(text(code, 1), "");
  code.apply(happened(Kind::Fork, 2, 1));
  code.apply(mapped(2, 300, 400, "b"));
  EXPECT_EQ(text(code, 2), "");
}

TEST(MappedCode, theEndedAreRememberedForAWhile) {
  MappedCode code;
  code.apply(happened(Kind::Exec, 1));
  code.apply(mapped(1, 100, 200, "a"));
  code.apply(happened(Kind::Exit, 1, 0, 50));
  code.forget(50);
  EXPECT_EQ(text(code, 1), "a:100-200+0 ");
  code.forget(51);
  EXPECT_EQ(text(code, 1), "");
  // A number that is handed out again has nothing of the last one's.
  code.apply(happened(Kind::Exec, 1));
  code.apply(mapped(1, 100, 200, "a"));
  code.apply(happened(Kind::Exit, 1, 0, 60));
  code.apply(happened(Kind::Fork, 1, 7));
  EXPECT_EQ(text(code, 1), "");
}

}  // namespace
}  // namespace jtrace::capture
