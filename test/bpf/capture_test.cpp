// SPDX-License-Identifier: Apache-2.0
// Events of a child process, counted and walked by the programs on this kernel: what is counted is
// exact, what is walked is what the child itself says.
#include "capture/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <thread>

#include "traced_child.h"
#include "tracing.h"

namespace jtrace::test {
namespace {

using capture::CaptureConfig;
using capture::KernelFeatures;
using testing::ElementsAre;
using testing::Gt;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kKernel = 0xffff'8000'0000'0000;

class Capturing : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    descriptors_ = descriptors();
  }
  // Maps, programs and links are descriptors as well.
  void TearDown() override {
    if (::geteuid() == 0) {
      EXPECT_EQ(descriptors(), descriptors_);
    }
  }
  static std::ptrdiff_t descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  }

  // Every event is accounted for.
  static void expect_closed(const Tracing& tracing) {
    const auto lost = tracing.counter(JT_COUNTER_LOST_RING) +
                      tracing.counter(JT_COUNTER_LOST_COUNTS) +
                      tracing.counter(JT_COUNTER_LOST_NESTED);
    EXPECT_EQ(tracing.counter(JT_COUNTER_FIRED), tracing.counter(JT_COUNTER_KEPT) + lost);
    EXPECT_EQ(tracing.counter(JT_COUNTER_KEPT),
              tracing.total() + tracing.counter(JT_COUNTER_DEFERRED));
  }

  // One stack was met, `times`, and it is this one, from the system call to the process's entry.
  static void expect_only(Tracing& tracing, const Trace& trace, std::uint64_t times) {
    tracing.finish();
    expect_closed(tracing);
    EXPECT_EQ(tracing.counter(JT_COUNTER_FIRED), times);
    EXPECT_EQ(tracing.counter(JT_COUNTER_KEPT), times);
    const auto counts = tracing.capture().counts();
    ASSERT_THAT(counts, SizeIs(1));
    EXPECT_EQ(counts[0].sum.count, times);
    EXPECT_EQ(counts[0].key.status, JT_STATUS_COMPLETE);
    EXPECT_EQ(counts[0].key.frames, trace.size());
    ASSERT_TRUE(tracing.stacks.contains(counts[0].key));
    EXPECT_EQ(addresses(tracing.stacks[counts[0].key]), trace);
  }

 private:
  std::ptrdiff_t descriptors_ = 0;
};

// Makes getppid at the depths given, one after the other, each told to.
TracedChild::Body calls(std::vector<int> depths, int times = 1) {
  return [=](const ToParent& parent) {
    for (const int depth : depths) {
      parent.wait();
      parent.send(call_at_depth(SYS_getppid, depth, times));
    }
    parent.wait();
  };
}

// One traced child, getppid attached.
struct OneChild {
  explicit OneChild(const TracedChild::Body& body, CaptureConfig config = {},
                    const KernelFeatures& features = capture::probe_features(),
                    bool kernel_stacks = false)
      : child(body), tracing(with_pid(config, child.pid()), features) {
    tracing.refresh(child.pid());
    tracing.attach("getppid", 0, kernel_stacks);
  }
  static CaptureConfig with_pid(CaptureConfig config, pid_t pid) {
    config.only_tgid = pid;
    return config;
  }
  TracedChild child;
  Tracing tracing;
};

TEST_F(Capturing, everyEventIsCountedAndItsStackIsWhole) {
  OneChild one(calls({3}, 1000));
  const auto trace = one.child.go_and_receive_trace();
  EXPECT_THAT(trace, SizeIs(Gt(10)));
  expect_only(one.tracing, trace, 1000);
}

TEST_F(Capturing, theSameWithoutTheHelpersOfNewerKernels) {
  OneChild one(calls({3}, 100), {}, KernelFeatures{});
  expect_only(one.tracing, one.child.go_and_receive_trace(), 100);
}

TEST_F(Capturing, theSameByChainedTailCalls) {
  auto features = capture::probe_features();
  features.bpf_loop = false;
  OneChild one(calls({200}, 10), {}, features);
  const auto trace = one.child.go_and_receive_trace();
  EXPECT_THAT(trace, SizeIs(Gt(200)));
  expect_only(one.tracing, trace, 10);
}

TEST_F(Capturing, chainedTailCallsEndAtTheirBudget) {
  auto features = capture::probe_features();
  features.bpf_loop = false;
  OneChild one(calls({1000}), {}, features);
  const auto trace = one.child.go_and_receive_trace();
  one.tracing.finish();
  expect_closed(one.tracing);
  ASSERT_THAT(one.tracing.stacks, SizeIs(1));
  const auto& [key, frames] = *one.tracing.stacks.begin();
  EXPECT_EQ(key.status, JT_STATUS_BUDGET);
  ASSERT_EQ(frames.size(), 264U);
  EXPECT_EQ(addresses(frames), Trace(trace.begin(), trace.begin() + 264));
}

TEST_F(Capturing, deepStacksAreWhole) {
  if (!capture::probe_features().bpf_loop) GTEST_SKIP() << "this kernel has no bpf_loop";
  OneChild one(calls({1000}, 5));
  const auto trace = one.child.go_and_receive_trace();
  EXPECT_THAT(trace, SizeIs(Gt(1000)));
  expect_only(one.tracing, trace, 5);
}

TEST_F(Capturing, endsAtTheDepthAskedFor) {
  OneChild one(calls({20}), {.max_frames = 7});
  const auto trace = one.child.go_and_receive_trace();
  one.tracing.finish();
  ASSERT_THAT(one.tracing.stacks, SizeIs(1));
  const auto& [key, frames] = *one.tracing.stacks.begin();
  EXPECT_EQ(key.status, JT_STATUS_DEPTH);
  EXPECT_EQ(addresses(frames), Trace(trace.begin(), trace.begin() + 7));
}

TEST_F(Capturing, throughASignalHandlerOnAnAlternateStack) {
  OneChild one([](const ToParent& parent) {
    parent.wait();
    parent.send(call_in_signal_handler(SYS_getppid));
    parent.wait();
  });
  expect_only(one.tracing, one.child.go_and_receive_trace(), 1);
}

TEST_F(Capturing, stacksAreToldApart) {
  const std::vector<int> depths{1, 2, 3, 2, 1, 2};
  OneChild one(calls(depths));
  std::map<Trace, std::uint64_t> expected;
  for (std::size_t i = 0; i < depths.size(); ++i) ++expected[one.child.go_and_receive_trace()];
  one.tracing.finish();
  expect_closed(one.tracing);
  EXPECT_THAT(expected, SizeIs(3));
  EXPECT_EQ(one.tracing.stacks.size(), 3U);
  std::map<Trace, std::uint64_t> met;
  for (const auto& entry : one.tracing.capture().counts()) {
    met[addresses(one.tracing.stacks[entry.key])] = entry.sum.count;
  }
  EXPECT_EQ(met, expected);
}

TEST_F(Capturing, eventsAreToldApart) {
  if (!capture::probe_features().attach_cookie) GTEST_SKIP() << "this kernel has no attach cookie";
  OneChild one(
      [](const ToParent& parent) {
        parent.wait();
        parent.send(call_at_depth(SYS_getppid, 0, 3));
        parent.send(call_at_depth(SYS_getpgid, 0, 5));
        parent.wait();
      },
      {.events = 8});
  one.tracing.attach("getpgid", 7);
  one.child.go();
  const std::map<std::uint32_t, Trace> expected{{0, one.child.receive_trace()},
                                                {7, one.child.receive_trace()}};
  one.tracing.finish();
  expect_closed(one.tracing);
  const auto counts = one.tracing.capture().counts();
  ASSERT_THAT(counts, SizeIs(2));
  for (const auto& entry : counts) {
    EXPECT_EQ(entry.sum.count, entry.key.event == 0 ? 3U : 5U);
    ASSERT_TRUE(expected.contains(entry.key.event));
    EXPECT_EQ(addresses(one.tracing.stacks[entry.key]), expected.at(entry.key.event));
  }
}

TEST_F(Capturing, severalEventsNeedTheAttachCookie) {
  Tracing tracing({}, KernelFeatures{});
  tracing.attach("getppid");
  const auto status = tracing.capture().attach_event(1, 1, false);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::Environment);
  EXPECT_THAT(status.error().hint, testing::HasSubstr("(doctor: bpf-features)"));
}

TEST_F(Capturing, idsOfNoTracepointAreRefused) {
  Tracing tracing;
  const auto status = tracing.capture().attach_event(0x7fffffff, 0, false);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::Usage);
}

TEST_F(Capturing, otherProcessesAreCountedApart) {
  for (const bool by_table : {false, true}) {
    const TracedChild other(calls({0}, 50));
    const TracedChild child(calls({0}, 20));
    Tracing tracing({.only_tgid = by_table ? 0 : child.pid()});
    tracing.refresh(child.pid());
    tracing.attach("getppid");
    static_cast<void>(other.go_and_receive_trace());
    expect_only(tracing, child.go_and_receive_trace(), 20);
    EXPECT_GE(tracing.counter(JT_COUNTER_OTHERS), 50U);
  }
}

TEST_F(Capturing, severalTargets) {
  const TracedChild first(calls({0}, 11));
  const TracedChild second(calls({0}, 22));
  Tracing tracing;
  tracing.refresh(first.pid());
  tracing.refresh(second.pid());
  tracing.attach("getppid");
  const auto of_first = first.go_and_receive_trace();
  const auto of_second = second.go_and_receive_trace();
  tracing.finish();
  expect_closed(tracing);
  const auto counts = tracing.capture().counts();
  ASSERT_THAT(counts, SizeIs(2));
  for (const auto& entry : counts) {
    const bool is_first = entry.key.tgid == static_cast<std::uint32_t>(first.pid());
    EXPECT_EQ(entry.sum.count, is_first ? 11U : 22U);
    EXPECT_EQ(entry.key.status, JT_STATUS_COMPLETE);
    EXPECT_EQ(addresses(tracing.stacks[entry.key]), is_first ? of_first : of_second);
  }
}

TEST_F(Capturing, threadsBornLater) {
  OneChild one(
      [](const ToParent& parent) {
        parent.wait();
        std::thread([&] {
          const Trace trace = call_at_depth(SYS_getppid, 2, 4);
          parent.send(::gettid());
          parent.send(trace);
        }).join();
        parent.wait();
      },
      {.by_thread = true});
  one.child.go();
  const auto tid = one.child.receive<pid_t>();
  expect_only(one.tracing, one.child.receive_trace(), 4);
  EXPECT_EQ(one.tracing.capture().counts().at(0).key.tid, static_cast<std::uint32_t>(tid));
  EXPECT_NE(tid, one.child.pid());
}

TEST_F(Capturing, kernelStacks) {
  for (const auto& features : {capture::probe_features(), KernelFeatures{}}) {
    OneChild one(calls({1}), {.stack_ids = true}, features, true);
    const auto trace = one.child.go_and_receive_trace();
    expect_only(one.tracing, trace, 1);
    const auto key = one.tracing.capture().counts().at(0).key;
    ASSERT_GE(key.kernel_stack, 0) << features.attach_cookie;
    const auto stack = one.tracing.capture().stack(0, key.kernel_stack);
    EXPECT_THAT(stack, SizeIs(Gt(1)));
    EXPECT_THAT(stack, testing::Each(Gt(kKernel)));
    EXPECT_THAT(one.tracing.capture().stack(0, -1), IsEmpty());
  }
}

TEST_F(Capturing, noKernelStacksWhereNoneAreAskedFor) {
  for (const auto& features : {capture::probe_features(), KernelFeatures{}}) {
    OneChild one(calls({1}), {.stack_ids = true}, features, false);
    expect_only(one.tracing, one.child.go_and_receive_trace(), 1);
    EXPECT_EQ(one.tracing.capture().counts().at(0).key.kernel_stack, -1);
  }
}

TEST_F(Capturing, framePointers) {
  OneChild one(
      [](const ToParent& parent) {
        parent.wait();
        parent.send(call_with_frame_pointers(SYS_getppid));
        parent.wait();
      },
      {.cstack = JT_CSTACK_FP, .stack_ids = true});
  const auto trace = one.child.go_and_receive_trace();
  one.tracing.finish();
  expect_closed(one.tracing);
  const auto counts = one.tracing.capture().counts();
  ASSERT_THAT(counts, SizeIs(1));
  EXPECT_EQ(counts[0].key.status, JT_STATUS_FP_WALK);
  EXPECT_EQ(counts[0].key.frames, 0U);
  const auto stack = one.tracing.capture().stack(0, counts[0].key.user_stack);
  ASSERT_GE(stack.size(), trace.size());
  EXPECT_TRUE(std::ranges::equal(trace, std::span(stack).first(trace.size())));
}

TEST_F(Capturing, fullCountsMapIsCounted) {
  OneChild one(calls({0, 1, 2, 3, 4, 5, 6, 7}, 10), {.max_counts = 2});
  for (int i = 0; i < 8; ++i) static_cast<void>(one.child.go_and_receive_trace());
  one.tracing.finish();
  expect_closed(one.tracing);
  EXPECT_EQ(one.tracing.counter(JT_COUNTER_FIRED), 80U);
  EXPECT_EQ(one.tracing.counter(JT_COUNTER_KEPT), 20U);
  EXPECT_EQ(one.tracing.counter(JT_COUNTER_LOST_COUNTS), 60U);
  EXPECT_THAT(one.tracing.capture().counts(), SizeIs(2));
}

// A stack that could not be sent is not counted either, so that no count lacks its frames; once
// there is room, it is.
TEST_F(Capturing, fullRingIsCounted) {
  OneChild one(calls({0, 20, 40, 60, 80, 100, 60}, 10), {.ring_bytes = 1});
  for (int i = 0; i < 6; ++i) static_cast<void>(one.child.go_and_receive_trace());
  EXPECT_EQ(one.tracing.counter(JT_COUNTER_FIRED), 60U);
  const auto lost = one.tracing.counter(JT_COUNTER_LOST_RING);
  EXPECT_GE(lost, 10U);
  EXPECT_LE(lost, 50U);
  one.tracing.drain();
  static_cast<void>(one.child.go_and_receive_trace());
  one.tracing.finish();
  expect_closed(one.tracing);
  EXPECT_EQ(one.tracing.counter(JT_COUNTER_LOST_RING), lost);
  for (const auto& entry : one.tracing.capture().counts()) {
    EXPECT_TRUE(one.tracing.stacks.contains(entry.key));
  }
}

TEST_F(Capturing, costIsCountedWhereAskedFor) {
  OneChild one(calls({3}, 10), {.count_cost = true, .recall = JT_RECALL_OFF});
  const auto trace = one.child.go_and_receive_trace();
  expect_only(one.tracing, trace, 10);
  EXPECT_EQ(one.tracing.counter(JT_COUNTER_COST_RECALLED), 0U);
  EXPECT_EQ(one.tracing.counter(JT_COUNTER_COST_FRAMES), trace.size() * 10);
  EXPECT_EQ(one.tracing.counter(JT_COUNTER_COST_NATIVE), trace.size() * 10);
  // Pages of the stack, not words.
  EXPECT_GE(one.tracing.counter(JT_COUNTER_COST_READS), 10U);
  EXPECT_LT(one.tracing.counter(JT_COUNTER_COST_READS), trace.size() * 10 / 2);
}

// One word a frame: a thousand are remembered.
TEST_F(Capturing, aStackThatIsMetAgainIsNotWalkedAgain) {
  for (const int depth : {3, 950}) {
    OneChild one(calls({depth}, 10), {.count_cost = true});
    const auto trace = one.child.go_and_receive_trace();
    expect_only(one.tracing, trace, 10);
    EXPECT_EQ(one.tracing.counter(JT_COUNTER_COST_RECALLED), 9U) << depth;
    EXPECT_EQ(one.tracing.counter(JT_COUNTER_COST_FRAMES), trace.size());
  }
}

// Stacks of which the upper part is that of another one, twice each: there is room for four of
// them, so that of most all but the top is met again.
TEST_F(Capturing, ofAStackWhoseRestIsMetAgainTheTopIsWalked) {
  std::vector<int> depths;
  for (int turn = 0; turn < 2; ++turn) {
    for (int depth = 100; depth < 130; ++depth) depths.push_back(depth);
  }
  for (const jt_recall recall : {JT_RECALL_ON, JT_RECALL_CHECK}) {
    OneChild one(calls(depths), {.count_cost = true, .recall = recall, .max_recalled = 4});
    std::set<Trace> traces;
    std::size_t frames = 0;
    for (std::size_t i = 0; i < depths.size(); ++i) {
      const auto trace = one.child.go_and_receive_trace();
      frames += trace.size();
      traces.insert(trace);
    }
    one.tracing.finish();
    expect_closed(one.tracing);
    EXPECT_EQ(one.tracing.counter(JT_COUNTER_KEPT), depths.size());
    EXPECT_GT(one.tracing.counter(JT_COUNTER_COST_SPLICED), depths.size() / 2);
    EXPECT_EQ(one.tracing.counter(JT_COUNTER_SPLICE_WRONG), 0U);
    EXPECT_EQ(one.tracing.counter(JT_COUNTER_RECALL_WRONG), 0U);
    if (recall == JT_RECALL_ON) {
      EXPECT_LT(one.tracing.counter(JT_COUNTER_COST_FRAMES), frames * 3 / 4);
    }
    const auto counts = one.tracing.capture().counts();
    EXPECT_THAT(counts, SizeIs(traces.size()));
    for (const auto& entry : counts) {
      EXPECT_EQ(entry.sum.count, 2U);
      ASSERT_TRUE(one.tracing.stacks.contains(entry.key));
      EXPECT_TRUE(traces.contains(addresses(one.tracing.stacks[entry.key])));
    }
  }
}

// By tail calls, of which there would not be enough for a second walk, no rest is joined: each
// event is counted.
TEST_F(Capturing, chainedTailCallsJoinNoRest) {
  auto features = capture::probe_features();
  features.bpf_loop = false;
  std::vector<int> depths;
  for (int turn = 0; turn < 2; ++turn) {
    for (int depth = 100; depth < 130; ++depth) depths.insert(depths.end(), {3, depth});
  }
  for (const jt_recall recall : {JT_RECALL_ON, JT_RECALL_CHECK}) {
    OneChild one(calls(depths), {.count_cost = true, .recall = recall, .max_recalled = 4},
                 features);
    std::set<Trace> traces;
    for (std::size_t i = 0; i < depths.size(); ++i) {
      traces.insert(one.child.go_and_receive_trace());
    }
    one.tracing.finish();
    expect_closed(one.tracing);
    EXPECT_EQ(one.tracing.counter(JT_COUNTER_KEPT), depths.size());
    EXPECT_EQ(one.tracing.counter(JT_COUNTER_COST_SPLICED), 0U);
    EXPECT_GT(one.tracing.counter(JT_COUNTER_COST_RECALLED), 20U);
    EXPECT_EQ(one.tracing.counter(JT_COUNTER_RECALL_WRONG), 0U);
    for (const auto& entry : one.tracing.capture().counts()) {
      EXPECT_EQ(entry.key.status, JT_STATUS_COMPLETE);
    }
  }
}

TEST_F(Capturing, everyNthEvent) {
  OneChild one(calls({3}, 1000), {.interval = 10});
  const auto trace = one.child.go_and_receive_trace();
  one.tracing.finish();
  const auto kept = one.tracing.counter(JT_COUNTER_KEPT);
  EXPECT_EQ(one.tracing.counter(JT_COUNTER_FIRED), 1000U);
  EXPECT_EQ(kept + one.tracing.counter(JT_COUNTER_SAMPLED_OUT), 1000U);
  EXPECT_EQ(kept, one.tracing.total());
  // Each CPU counts for itself, so a few fewer than a tenth where the child moved.
  EXPECT_LE(kept, 100U);
  EXPECT_GE(kept + static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_CONF)), 100U);
  ASSERT_THAT(one.tracing.stacks, SizeIs(1));
  EXPECT_EQ(addresses(one.tracing.stacks.begin()->second), trace);
}

TEST_F(Capturing, processThatIsNoTargetYet) {
  const TracedChild child(calls({0}, 20));
  Tracing tracing({.only_tgid = child.pid()});
  tracing.attach("getppid");
  static_cast<void>(child.go_and_receive_trace());
  tracing.finish();
  EXPECT_EQ(tracing.counter(JT_COUNTER_FIRED), 0U);
  EXPECT_THAT(tracing.capture().counts(), IsEmpty());
}

TEST_F(Capturing, moreRangesThanAProcessMayHave) {
  Tracing tracing;
  const std::vector<jt_range> ranges(JT_MAX_RANGES + 1);
  EXPECT_FALSE(tracing.capture().targets().set({.tgid = ::getpid()}, ranges, {}));
  EXPECT_TRUE(
      tracing.capture().targets().set({.tgid = ::getpid()}, {ranges.data(), JT_MAX_RANGES}, {}));
}

// The ranges are written round and round: a table that starts near the end goes to the beginning.
TEST_F(Capturing, tablesAreReplacedOverAndOver) {
  OneChild one(calls({2, 2}, 10));
  const auto trace = one.child.go_and_receive_trace();
  const std::vector<jt_range> none(JT_MAX_RANGES);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(one.tracing.capture().targets().set({.tgid = one.child.pid()}, none, {}));
  }
  one.tracing.refresh(one.child.pid());
  EXPECT_EQ(one.child.go_and_receive_trace(), trace);
  expect_only(one.tracing, trace, 20);
}

}  // namespace
}  // namespace jtrace::test
