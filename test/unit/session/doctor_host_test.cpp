// SPDX-License-Identifier: Apache-2.0
// The doctor and list on the running kernel, as root.
#include <gmock/gmock.h>

#include <algorithm>

#include "integration/support/environment.h"
#include "session/doctor.h"
#include "session/list.h"

namespace jtrace::session {
namespace {

TEST(DoctorLive, findsThatTracingWorks) {
  JT_NEEDS("bpf", test::no_bpf());
  const auto checks = check_host(Host::real());
  EXPECT_EQ(exit_status(checks), 0) << checks_text(checks);
  const auto bpf = std::ranges::find(checks, "bpf", &Check::name);
  ASSERT_NE(bpf, checks.end());
  EXPECT_EQ(bpf->state, Check::State::Ok) << bpf->finding;
}

TEST(ListLive, showsTheFieldsOfEveryTracepoint) {
  JT_NEEDS("bpf", test::no_bpf());
  cli::Options options;
  options.verbosity = 1;
  JT_ASSERT_OK(const auto tracefs, event::Tracefs::open());
  JT_ASSERT_OK(const std::string text, list_text(tracefs, options));
  EXPECT_THAT(text, ::testing::HasSubstr("    const char * filename "));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("not understood")));
  EXPECT_GT(std::ranges::count(text, '\n'), 1000);
}

}  // namespace
}  // namespace jtrace::session
