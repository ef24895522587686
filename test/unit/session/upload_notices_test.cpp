// SPDX-License-Identifier: Apache-2.0
#include "session/upload_notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jtrace::session {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class Notices : public testing::Test {
 protected:
  std::vector<std::string> after(std::chrono::seconds time, const push::Report& report) {
    return notices_.turn(report, begin_ + time);
  }
  static push::Report waiting(std::uint64_t count, std::string trouble = "answered 503") {
    return {.counters = {.waiting = count}, .trouble = std::move(trouble), .waits = true};
  }
  static push::Report denied(std::uint64_t count) {
    push::Report report = waiting(count, "answered 401: the token is missing or not accepted");
    report.denied = true;
    return report;
  }
  static push::Report sent(std::uint64_t count, std::uint64_t left = 0) {
    return {.counters = {.sent = count, .waiting = left}};
  }

 private:
  UploadNotices notices_{"https://b:4318/p", "/spool"};
  UploadNotices::Clock::time_point begin_{seconds(1000)};
};

TEST_F(Notices, NothingIsSaidWhereAllIsWell) {
  EXPECT_THAT(after(seconds(0), {}), IsEmpty());
  EXPECT_THAT(after(seconds(1), sent(1)), IsEmpty());
}

TEST_F(Notices, ABackendThatFailsIsSaidOnceAndThenEveryTenMinutes) {
  EXPECT_THAT(after(seconds(0), waiting(1)),
              ElementsAre("https://b:4318/p: answered 503; profiles wait in /spool and are tried "
                          "again"));
  for (int i = 1; i < 600; ++i) EXPECT_THAT(after(seconds(i), waiting(i)), IsEmpty());
  EXPECT_THAT(after(minutes(10), waiting(11, "Connection refused")),
              ElementsAre("https://b:4318/p: Connection refused; profiles wait in /spool and are "
                          "tried again, 11 by now"));
  EXPECT_THAT(after(minutes(10) + seconds(1), waiting(11)), IsEmpty());
}

TEST_F(Notices, ThatItWorksAgainIsSaidOnce) {
  EXPECT_EQ(after(seconds(0), waiting(3)).size(), 1U);
  EXPECT_THAT(after(seconds(1), {}), IsEmpty());  // none has been sent
  EXPECT_THAT(after(seconds(2), sent(1, 2)),
              ElementsAre("https://b:4318/p takes profiles again; 2 profiles to go"));
  EXPECT_THAT(after(seconds(3), sent(3)), IsEmpty());
}

TEST_F(Notices, OneThatComesAndGoesSaysNoMoreThanOneThatStays) {
  EXPECT_EQ(after(seconds(0), waiting(1)).size(), 1U);
  EXPECT_EQ(after(seconds(1), sent(1)).size(), 1U);
  for (int i = 2; i < 600; i += 2) {
    EXPECT_THAT(after(seconds(i), waiting(1)), IsEmpty());
    EXPECT_THAT(after(seconds(i + 1), sent(static_cast<std::uint64_t>(i))), IsEmpty());
  }
  EXPECT_EQ(after(minutes(10), waiting(1)).size(), 1U);
}

TEST_F(Notices, ATokenThatIsNotTakenIsATroubleOfItsOwn) {
  EXPECT_EQ(after(seconds(0), waiting(1)).size(), 1U);
  EXPECT_THAT(after(seconds(1), denied(2)),
              ElementsAre("https://b:4318/p: answered 401: the token is missing or not accepted; "
                          "profiles wait in /spool and are tried again, 2 by now"));
  EXPECT_THAT(after(seconds(2), denied(2)), IsEmpty());
  EXPECT_THAT(after(seconds(3), sent(2)), ElementsAre("https://b:4318/p takes profiles again"));
}

TEST_F(Notices, WhatIsRefusedIsCounted) {
  push::Report report{.counters = {.sent = 9, .refused = 1}, .refusal = "answered 400"};
  EXPECT_THAT(
      after(seconds(0), report),
      ElementsAre("https://b:4318/p refuses profiles for good: answered 400; 1 profile lost"));
  report.counters.refused = 4;
  EXPECT_THAT(after(seconds(1), report), IsEmpty());
  report.counters.refused = 6;
  EXPECT_THAT(
      after(minutes(10), report),
      ElementsAre("https://b:4318/p refuses profiles for good: answered 400; 5 profiles lost"));
  EXPECT_THAT(after(minutes(30), report), IsEmpty());
}

TEST_F(Notices, WhatFindsNoRoomIsCounted) {
  push::Report report = waiting(5);
  EXPECT_EQ(after(seconds(0), report).size(), 1U);
  report.counters.dropped = 2;
  EXPECT_THAT(after(seconds(1), report),
              ElementsAre("the spool /spool has no room: 2 profiles lost, the oldest first"));
  report.counters.dropped = 5;
  report.not_handed = 3;
  EXPECT_THAT(after(seconds(2), report),
              ElementsAre("the sender of profiles does not keep up: 3 profiles lost"));
}

TEST_F(Notices, ASenderThatIsGoneIsSaidOnceAndNothingAfterIt) {
  push::Report report = waiting(2);
  report.gone = true;
  report.counters.dropped = report.not_handed = 1;
  EXPECT_THAT(
      after(seconds(0), report),
      ElementsAre("the sender of profiles is gone: profiles are not sent until jtrace is "
                  "started again; files are written on; what waits in /spool is sent then"));
  report.counters.dropped = report.not_handed = 50;
  EXPECT_THAT(after(minutes(30), report), IsEmpty());
}

}  // namespace
}  // namespace jtrace::session
