// SPDX-License-Identifier: Apache-2.0
// perf at a tracepoint where we are, too: the scenes of scripts/kernel_matrix, on this kernel.
#include <gtest/gtest.h>

#include <cstdio>
#include <optional>
#include <string_view>

#include "base/sanitized.h"
#include "integration/support/environment.h"
#include "kernel/perf_checks.h"

namespace jtrace::test {
namespace {

class PerfBesideUs : public testing::TestWithParam<PerfScene> {
 protected:
  void SetUp() override {
    JT_NEEDS("bpf", no_bpf());
    if (kSanitized && GetParam().name == std::string_view("processes")) {
      GTEST_SKIP() << "a sanitizer's search for leaks is a process of its own";
    }
  }
  static void expect_counts(const capture::KernelFeatures& features) {
    const auto said = GetParam().run(features);
    // Another tracer's program keeps the event from perf: nothing of ours mends that.
    const bool disturbed = !said && said.error().code == Errc::Environment;
    JT_NEEDS("bpf", disturbed ? std::optional(said.error().message) : std::nullopt);
    ASSERT_TRUE(said) << said.error().message;
    std::printf("%s: %s\n", GetParam().name, said->c_str());
  }
};

TEST_P(PerfBesideUs, countsEachEvent) { expect_counts(capture::probe_features()); }
TEST_P(PerfBesideUs, countsEachEventWithFallbacks) { expect_counts({}); }

INSTANTIATE_TEST_SUITE_P(Scenes, PerfBesideUs, testing::ValuesIn(kPerfScenes),
                         [](const auto& scene) {
                           std::string name = scene.param.name;
                           std::erase(name, ' ');
                           return name;
                         });

}  // namespace
}  // namespace jtrace::test
