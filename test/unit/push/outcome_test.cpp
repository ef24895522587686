// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "push/http.h"

namespace jtrace::push {
namespace {

Reply status(long status) { return {.status = status, .retry_after = {}, .trouble = {}}; }

TEST(Outcome, OnlyWhatPassesIsTriedAgain) {
  for (const Backend backend : {Backend::Otlp, Backend::Pyroscope, Backend::Parca}) {
    for (const long one : {200L, 202L, 204L}) {
      EXPECT_EQ(outcome_of(status(one), backend), Outcome::Delivered);
    }
    for (const long one : {0L, 429L, 502L, 503L, 504L}) {
      EXPECT_EQ(outcome_of(status(one), backend), Outcome::TryAgain);
    }
    for (const long one : {401L, 403L}) {
      EXPECT_EQ(outcome_of(status(one), backend), Outcome::Denied);
    }
    for (const long one : {302L, 400L, 404L, 413L, 415L, 501L, 999L}) {
      EXPECT_EQ(outcome_of(status(one), backend), Outcome::Refused);
    }
  }
}

TEST(Outcome, OtlpDoesNotTryAgainWhatItsSpecificationDoesNotList) {
  for (const long one : {408L, 500L}) {
    EXPECT_EQ(outcome_of(status(one), Backend::Otlp), Outcome::Refused);
    EXPECT_EQ(outcome_of(status(one), Backend::Pyroscope), Outcome::TryAgain);
    EXPECT_EQ(outcome_of(status(one), Backend::Parca), Outcome::TryAgain);
  }
}

}  // namespace
}  // namespace jtrace::push
