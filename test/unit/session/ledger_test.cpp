// SPDX-License-Identifier: Apache-2.0
#include "session/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace jtrace::session {
namespace {

using profile::FrameKind;

jt_stack_key key(std::uint64_t hash, jt_status status) {
  return {.hash = hash,
          .values = JT_NO_VALUES,
          .frames = 1,
          .tgid = 7,
          .tid = 0,
          .event = 0,
          .kernel_stack = -1,
          .user_stack = -1,
          .status = status,
          .bucket = {},
          .pad = 0};
}

jt_sum events(std::uint64_t count) {
  return {.count = count, .errors = 0, .weight = {}, .kept = count};
}

class LedgerTest : public testing::Test {
 protected:
  // Two stacks, one whole and one cut, met 90 and 10 times, and one deferred event.
  void build(std::vector<capture::StackCount> counts) {
    const auto named = symbols_.location(
        {.mapping = {},
         .address = 1,
         .reason = {},
         .lines = {{.function = symbols_.function("f"), .kind = FrameKind::Native}}});
    const auto unnamed = symbols_.location(
        {.mapping = {}, .address = 2, .reason = profile::UnknownReason::NoSymbols, .lines = {}});
    samples_.name(key(1, JT_STATUS_COMPLETE), {named});
    samples_.name(key(2, JT_STATUS_CFA), {named, unnamed});
    samples_.add_deferred(key(0, JT_STATUS_COMPLETE), events(1), {named});
    profile::ProfileBuilder builder({}, {{"events", "count"}});
    samples_.build(
        counts, symbols_,
        {.labels = [](const auto&, const auto&) { return std::vector<profile::Label>{}; },
         .shown = [](const auto&) { return std::vector<profile::LocationId>{}; },
         .values = [](const auto&,
                      const jt_sum& sum) { return std::vector{std::int64_t(sum.count)}; },
         .kernel = [](auto) { return std::vector<profile::LocationId>{}; },
         .keep = [](const auto&) { return true; },
         .settled = [](auto id) { return id; },
         .cut_marker = [](auto) { return profile::LocationId{}; }},
        builder);
    profile_ = std::move(builder).build(symbols_, {});
  }

  static std::uint64_t count_of(const profile::Ledger& ledger, const std::string& name) {
    const auto it = std::ranges::find(ledger.lines, name, &profile::LedgerLine::name);
    EXPECT_NE(it, ledger.lines.end()) << name;
    return it == ledger.lines.end() ? 0 : it->count;
  }

  profile::SymbolTable symbols_;
  SampleStore samples_;
  profile::Profile profile_;
};

TEST_F(LedgerTest, AddsUp) {
  build({{key(1, JT_STATUS_COMPLETE), events(90)}, {key(2, JT_STATUS_CFA), events(10)}});
  capture::Counters counters{};
  counters.at(JT_COUNTER_FIRED) = 105;
  counters.at(JT_COUNTER_KEPT) = 101;
  counters.at(JT_COUNTER_DEFERRED) = 1;
  counters.at(JT_COUNTER_LOST_RING) = 4;
  const auto ledger = make_ledger({.counters = counters, .samples = samples_});
  EXPECT_TRUE(ledger.balanced);
  EXPECT_EQ(count_of(ledger, "fired"), 105U);
  EXPECT_EQ(count_of(ledger, "complete"), 91U);
  EXPECT_EQ(count_of(ledger, "partial: cfa"), 10U);
  EXPECT_EQ(count_of(ledger, "lost: ring buffer full"), 4U);
  EXPECT_EQ(count_of(ledger, "frames"), 111U);
  EXPECT_EQ(count_of(ledger, "native"), 101U);
  EXPECT_EQ(count_of(ledger, "unnamed: no symbol covers the address"), 10U);
}

// Of what is in the kernel's table and could not be read the number is known.
TEST_F(LedgerTest, AddsUpWhereTheTableCouldNotBeRead) {
  build({{key(1, JT_STATUS_COMPLETE), events(90)}, {key(2, JT_STATUS_CFA), events(10)}});
  capture::Counters counters{};
  counters.at(JT_COUNTER_FIRED) = 150;
  counters.at(JT_COUNTER_KEPT) = 146;
  counters.at(JT_COUNTER_DEFERRED) = 1;
  counters.at(JT_COUNTER_LOST_RING) = 4;
  EXPECT_EQ(missing_events(counters, samples_.statuses()), 45U);
  EXPECT_FALSE(make_ledger({.counters = counters, .samples = samples_}).balanced);
  const auto ledger = make_ledger({.counters = counters, .samples = samples_, .unread = true});
  EXPECT_TRUE(ledger.balanced);
  EXPECT_EQ(count_of(ledger, "kept"), 101U);
  EXPECT_EQ(count_of(ledger, "lost: table of stacks could not be read"), 45U);
  // More stacks than were kept is no such loss.
  counters.at(JT_COUNTER_KEPT) = 100;
  counters.at(JT_COUNTER_FIRED) = 104;
  EXPECT_FALSE(make_ledger({.counters = counters, .samples = samples_, .unread = true}).balanced);
}

TEST_F(LedgerTest, FilteredEventsAreAccountedFor) {
  build({{key(1, JT_STATUS_COMPLETE), events(90)}});
  capture::Counters counters{};
  counters.at(JT_COUNTER_FIRED) = 200;
  counters.at(JT_COUNTER_KEPT) = 91;
  counters.at(JT_COUNTER_FILTERED) = 109;
  EXPECT_TRUE(is_lossless(counters, samples_.statuses()));
  counters.at(JT_COUNTER_FILTER_UNREADABLE) = 3;
  EXPECT_FALSE(is_lossless(counters, samples_.statuses()));
  const auto ledger =
      make_ledger({.counters = counters, .samples = samples_, .event_filters = true});
  EXPECT_TRUE(ledger.balanced);
  EXPECT_EQ(count_of(ledger, "filtered"), 109U);
  EXPECT_EQ(count_of(ledger, "filter: values that could not be read"), 3U);
  const auto without = make_ledger({.counters = counters, .samples = samples_});
  EXPECT_EQ(std::ranges::count(without.lines, "filtered", &profile::LedgerLine::name), 0);
}

// Counts that the governor scaled: what was kept and what that stands for are checked each by
// itself.
TEST_F(LedgerTest, ScaledCountsAreChecked) {
  const jt_sum scaled{.count = 900, .errors = 0, .weight = {}, .kept = 9};
  build({{key(1, JT_STATUS_COMPLETE), scaled}});
  capture::Counters counters{};
  counters.at(JT_COUNTER_FIRED) = 1012;
  counters.at(JT_COUNTER_KEPT) = 10;  // one deferred
  counters.at(JT_COUNTER_SAMPLED_OUT) = 1000;
  counters.at(JT_COUNTER_RATE_LIMITED) = 2;
  counters.at(JT_COUNTER_SCALED) = 901;
  counters.at(JT_COUNTER_SPREAD) = 9 * 100 * 99;
  const Governor::Figures figures{.ratio = 100, .least = 1, .most = 100, .bpf_seconds = 0.25};
  const auto ledger =
      make_ledger({.counters = counters, .samples = samples_, .governor = &figures});
  EXPECT_TRUE(ledger.balanced);
  EXPECT_EQ(count_of(ledger, "complete"), 10U);
  EXPECT_EQ(count_of(ledger, "rate limited"), 2U);
  EXPECT_EQ(count_of(ledger, "estimate: events that the kept ones stand for"), 901U);
  EXPECT_EQ(count_of(ledger, "its error, 95 %"), 585U);  // 1.96 * sqrt(89 100)
  EXPECT_EQ(count_of(ledger, "1 event was kept in, at most"), 100U);
  EXPECT_EQ(count_of(ledger, "microseconds in BPF programs"), 250000U);
  // Those over --max-rate are missing from the totals.
  EXPECT_FALSE(is_lossless(counters, samples_.statuses()));
  auto broken = counters;
  --broken.at(JT_COUNTER_SCALED);
  EXPECT_FALSE(
      make_ledger({.counters = broken, .samples = samples_, .governor = &figures}).balanced);
  // Without a governor nothing is scaled.
  EXPECT_FALSE(make_ledger({.counters = counters, .samples = samples_}).balanced);
}

// Counters that were read behind the stacks have more; nothing of that is called lost.
TEST_F(LedgerTest, WhatIsUnderWayIsNotPartOfWhatFired) {
  build({{key(1, JT_STATUS_COMPLETE), events(90)}, {key(2, JT_STATUS_CFA), events(10)}});
  capture::WindowCounts counts;
  counts.counters.at(JT_COUNTER_FIRED) = 120;
  counts.counters.at(JT_COUNTER_KEPT) = 108;
  counts.counters.at(JT_COUNTER_FILTERED) = 5;
  counts.counters.at(JT_COUNTER_LOST_RING) = 2;
  counts.by_event.push_back(counts.counters);
  const std::uint64_t under_way = settle_counters(counts, samples_);
  EXPECT_EQ(under_way, 12U);  // 101 have a stack
  EXPECT_EQ(counts.by_event[0], counts.counters);
  const auto ledger = make_ledger({.counters = counts.counters,
                                   .samples = samples_,
                                   .event_filters = true,
                                   .under_way = under_way});
  EXPECT_TRUE(ledger.balanced);
  EXPECT_EQ(count_of(ledger, "fired"), 108U);
  EXPECT_EQ(count_of(ledger, "kept"), 101U);
  EXPECT_EQ(count_of(ledger, "fired, and under way when it was looked"), 12U);
  // A counter that was read before its event's: still no more than what has an end.
  counts.counters.at(JT_COUNTER_FIRED) = 100;
  EXPECT_EQ(settle_counters(counts, samples_), 0U);
  EXPECT_EQ(counts.counters.at(JT_COUNTER_FIRED), 108U);
}

TEST_F(LedgerTest, LookingTwiceCountsOnce) {
  build({{key(1, JT_STATUS_COMPLETE), events(90)}});
  const auto first = samples_.statuses();
  EXPECT_EQ(first.at(JT_STATUS_COMPLETE), 91U);
  build({{key(1, JT_STATUS_COMPLETE), events(90)}});
  EXPECT_EQ(samples_.statuses().at(JT_STATUS_COMPLETE), 92U) << "a deferred one more, no others";
  EXPECT_EQ(samples_.scaled(), 92U);
}

TEST_F(LedgerTest, SaysWhenEventsAreMissing) {
  build({{key(1, JT_STATUS_COMPLETE), events(90)}, {key(2, JT_STATUS_CFA), events(10)}});
  capture::Counters counters{};
  counters.at(JT_COUNTER_FIRED) = 102;
  counters.at(JT_COUNTER_KEPT) = 101;
  EXPECT_FALSE(make_ledger({.counters = counters, .samples = samples_}).balanced);
}

TEST_F(LedgerTest, SaysWhenTheTableOfStacksLacksSome) {
  build({{key(1, JT_STATUS_COMPLETE), events(90)}});
  capture::Counters counters{};
  counters.at(JT_COUNTER_FIRED) = 101;
  counters.at(JT_COUNTER_KEPT) = 101;
  EXPECT_FALSE(make_ledger({.counters = counters, .samples = samples_}).balanced);
}

TEST_F(LedgerTest, SaysWhenACountHasNoFrames) {
  build({{key(1, JT_STATUS_COMPLETE), events(90)}, {key(3, JT_STATUS_COMPLETE), events(10)}});
  capture::Counters counters{};
  counters.at(JT_COUNTER_FIRED) = 101;
  counters.at(JT_COUNTER_KEPT) = 101;
  EXPECT_EQ(samples_.without_frames(), 10U);
  EXPECT_FALSE(make_ledger({.counters = counters, .samples = samples_}).balanced);
}

TEST_F(LedgerTest, WhatTheKernelCannotCountIsNotZero) {
  build({});
  const capture::Counters counters{};
  const auto ledger =
      make_ledger({.counters = counters, .samples = samples_, .misses_measurable = false});
  const auto line = std::ranges::find(ledger.lines, "missed by recursion, any process",
                                      &profile::LedgerLine::name);
  ASSERT_NE(line, ledger.lines.end());
  EXPECT_FALSE(line->measurable);
}

TEST_F(LedgerTest, EqualStacksOfTwoKeysBecomeOneSample) {
  build({{key(1, JT_STATUS_COMPLETE), events(90)}});
  ASSERT_EQ(profile_.samples.size(), 1U);
  EXPECT_THAT(profile_.samples.front().values, testing::ElementsAre(91));
}

}  // namespace
}  // namespace jtrace::session
