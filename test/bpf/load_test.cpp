// SPDX-License-Identifier: Apache-2.0
// The programs load on this kernel, with every set of features it has and with each taken away.
#include <gtest/gtest.h>
#include <unistd.h>

#include "capture/capture.h"
#include "event/tracepoint.h"

namespace jtrace::capture {
namespace {

class Load : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  }
  static void expect_loads(const KernelFeatures& features, const CaptureConfig& config = {}) {
    const auto capture = Capture::load(config, features);
    ASSERT_TRUE(capture) << capture.error().message;
    for (const auto& program : capture->programs()) {
      std::printf("%-20s %u instructions verified\n", program.name.c_str(),
                  program.verified_instructions);
      EXPECT_LT(program.verified_instructions, 500'000U);
    }
  }
};

TEST_F(Load, WithAllThisKernelHas) { expect_loads(probe_features()); }

TEST_F(Load, WithoutBpfLoop) {
  auto features = probe_features();
  features.bpf_loop = false;
  expect_loads(features);
}

// Before 6.10 a program is not told which raw tracepoint it runs for.
TEST_F(Load, OneRawEventWithoutItsCookie) {
  auto features = probe_features();
  features.raw_cookie = false;
  auto capture = Capture::load({.raw = true}, features);
  ASSERT_TRUE(capture) << capture.error().message;
  ASSERT_TRUE(capture->attach_raw_event("task_newtask", 0, false));
  const auto second = capture->attach_raw_event("task_rename", 1, false);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::Environment);
  EXPECT_EQ(second.error().message,
            "this kernel has no cookie of raw tracepoints (6.10): one raw_tp event per run");
  const auto none = capture->attach_raw_event("no_such_tracepoint", 0, false);
  ASSERT_FALSE(none);
}

// The one at a tracepoint may have any number: others come in by functions or raw tracepoints.
TEST_F(Load, OneEventAtATracepointWithoutItsCookie) {
  auto features = probe_features();
  features.attach_cookie = false;
  auto tracefs = event::Tracefs::open();
  ASSERT_TRUE(tracefs) << tracefs.error().message;
  const auto points =
      tracefs->resolve(event::TracepointName{.category = "syscalls", .name = "sys_enter_getp*"});
  ASSERT_TRUE(points) << points.error().message;
  ASSERT_GT(points->size(), 1U);
  auto capture = Capture::load({.raw = true, .events = 3}, features);
  ASSERT_TRUE(capture) << capture.error().message;
  ASSERT_TRUE(capture->attach_raw_event("task_newtask", 0, false));
  ASSERT_TRUE(capture->attach_event(points->at(0).id, 1, false));
  const auto second = capture->attach_event(points->at(1).id, 2, false);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::Environment);
  EXPECT_EQ(second.error().message,
            "this kernel has no attach cookie (5.15): one event per run at a tracepoint");
}

TEST_F(Load, AsOnKernel510) { expect_loads({}); }

TEST_F(Load, CostCounted) { expect_loads(probe_features(), {.count_cost = true}); }

TEST_F(Load, FramePointers) {
  expect_loads(probe_features(), {.cstack = JT_CSTACK_FP, .stack_ids = true, .by_thread = true});
}

}  // namespace
}  // namespace jtrace::capture
