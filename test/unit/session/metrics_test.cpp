// SPDX-License-Identifier: Apache-2.0
// The whole text against test/golden/metrics/full.expected, which serve_test.py gives to promtool.
// JTRACE_UPDATE_GOLDEN=1 writes it instead.
#include "session/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "base/file.h"

namespace jtrace::session {
namespace {

using profile::FrameKind;
using profile::UnknownReason;
using testing::HasSubstr;
using testing::Not;

MetricsInput full() {
  MetricsInput input{.version = "1.2.3"};
  std::uint64_t next = 1;
  for (const char* name : {"syscalls:sys_enter_openat", "sched:sched_switch"}) {
    MetricsInput::Event event{.name = name};
    for (auto& counter : event.counters) counter = next++ * 1000;
    event.statuses.emplace();
    for (auto& count : *event.statuses) count = next++;
    for (std::size_t i = 0; i < input.counters.size(); ++i) {
      input.counters.at(i) += event.counters.at(i);
    }
    input.events.push_back(event);
  }
  input.counters.at(JT_COUNTER_LOST_NESTED) += 7;  // of no event
  input.frames = FrameCounts{.by_kind = {{FrameKind::Native, 10}, {FrameKind::JavaC1, 20}},
                             .unnamed = {{UnknownReason::NoSymbols, 3}},
                             .by_source = {}};
  input.missed_by_recursion = 2;
  input.traced_seconds = 61.5;
  input.sampling_ratio = 0.125;
  input.bpf_seconds = 0.75;
  input.overhead_stopped = true;
  input.cpu_seconds = 1.5;
  input.resident_bytes = 48U << 20;
  input.distinct_stacks = 726;
  input.maps = {{"counts", 700, 65536}, {"calls", 3, 1024}};
  input.windows = 60;
  input.uploads = push::Counters{.taken = 9,
                                 .sent = 5,
                                 .refused = 1,
                                 .dropped = 2,
                                 .retried = 4,
                                 .sent_bytes = 1234,
                                 .waiting = 1,
                                 .spool_bytes = 99};
  input.served = serve::Counters{.dropped = 8, .lost = 6, .windows = 52, .bytes = 4096};
  return input;
}

TEST(Metrics, Golden) {
  const std::string path = JTRACE_SOURCE_DIR "/test/golden/metrics/full.expected";
  const std::string text = metrics_text(full());
  if (std::getenv("JTRACE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  EXPECT_EQ(text, read_file(path, 1U << 20).value());
}

// Sums of a family's values.
double sum(const std::string& text, const std::string& family) {
  std::istringstream lines(text);
  double all = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(family) || (line[family.size()] != '{' && line[family.size()] != ' ')) {
      continue;
    }
    all += std::stod(line.substr(line.rfind(' ')));
  }
  return all;
}

// A loss that jtrace learns to count is one here, too: fired = kept + filtered + ... + lost.
TEST(Metrics, EveryLossIsAmongThem) {
  MetricsInput input{.version = "1"};
  std::uint64_t lost = 0;
#define X(name, text)                                 \
  if (std::string_view(text).starts_with("lost: ")) { \
    input.counters.at(JT_COUNTER_##name) = 1;         \
    ++lost;                                           \
  }
  JT_COUNTER_LIST(X)
#undef X
  EXPECT_GE(lost, 5U);
  EXPECT_EQ(sum(metrics_text(input), "jtrace_events_lost_total"), static_cast<double>(lost));
}

TEST(Metrics, WhatBelongsToNoEventIsInTheSum) {
  const std::string text = metrics_text(full());
  EXPECT_THAT(text, HasSubstr("jtrace_events_lost_total{event=\"\",reason=\"nested\"} 7\n"));
  const auto& counters = full().counters;
  EXPECT_EQ(sum(text, "jtrace_events_fired_total"),
            static_cast<double>(counters[JT_COUNTER_FIRED]));
}

TEST(Metrics, OfHundredsOfEventsThoseThatFired) {
  MetricsInput input{.version = "1"};
  for (int i = 0; i < 700; ++i) input.events.push_back({.name = "e" + std::to_string(i)});
  input.events.at(7).counters.at(JT_COUNTER_FIRED) = 5;
  const std::string text = metrics_text(input);
  EXPECT_THAT(text, HasSubstr("jtrace_events_fired_total{event=\"e7\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("{event=\"e7\",reason=\"nested\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("\"e8\"")));
  input.events.resize(8);
  EXPECT_THAT(metrics_text(input), HasSubstr("jtrace_events_fired_total{event=\"e6\"} 0\n"));
}

TEST(Metrics, WhatIsNotKnownIsLeftOut) {
  const std::string text = metrics_text({.version = "1"});
  for (const char* name : {"jtrace_stacks", "jtrace_frames", "jtrace_bpf", "jtrace_map",
                           "jtrace_upload", "jtrace_served", "jtrace_events_missed"}) {
    EXPECT_THAT(text, Not(HasSubstr(name)));
  }
}

}  // namespace
}  // namespace jtrace::session
