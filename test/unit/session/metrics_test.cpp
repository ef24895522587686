// SPDX-License-Identifier: Apache-2.0
// The whole text against test/golden/metrics/full.expected, which serve_test.py gives to promtool.
// JTRACE_UPDATE_GOLDEN=1 writes it instead.
#include "session/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
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
    event.unread = next++;
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
  input.maps = {{"counts", 700, 65536}, {"calls", 3, 1024}, {"rows", 800, 100, 40}};
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

MetricsInput of_one_event(std::uint64_t fired, std::uint64_t kept) {
  MetricsInput input{.version = "1", .events = {{.name = "e"}}};
  for (auto* counters : {&input.counters, &input.events.front().counters}) {
    counters->at(JT_COUNTER_FIRED) = fired;
    counters->at(JT_COUNTER_KEPT) = kept;
  }
  return input;
}

// The ledger's "lost: table of stacks could not be read" is no counter of the kernel's.
TEST(Metrics, WhatCouldNotBeReadIsLostAndNotKept) {
  UnreadEvents unread;
  const auto text_of = [&](std::uint64_t kept) {
    MetricsInput input = of_one_event(kept, kept);
    unread.settle(input);
    return metrics_text(input);
  };
  EXPECT_EQ(sum(text_of(100), "jtrace_events_kept_total"), 100);
  unread.add(0, 30);
  unread.add(0, 10);
  const std::string text = text_of(150);
  EXPECT_THAT(text, HasSubstr("{event=\"e\",reason=\"stack_table_unreadable\"} 40\n"));
  EXPECT_EQ(sum(text, "jtrace_events_kept_total"), 110);
  EXPECT_EQ(sum(text, "jtrace_events_lost_total"), 40);
  EXPECT_THAT(text, Not(HasSubstr("event=\"\"")));
}

TEST(Metrics, NoCounterBecomesLess) {
  UnreadEvents unread;
  const auto kept = [&](std::uint64_t counted) {
    MetricsInput input = of_one_event(counted, counted);
    unread.settle(input);
    return input.events.front().counters.at(JT_COUNTER_KEPT);
  };
  unread.add(0, 0);
  EXPECT_EQ(kept(100), 100U);
  unread.add(0, 40);
  EXPECT_EQ(kept(100), 100U);
  EXPECT_EQ(kept(130), 100U);
  EXPECT_EQ(kept(200), 160U);
}

// A row of the table in docs/serve.md: | `NAME` | type | `label`, ... | meaning |, or `*` behind
// the name.
struct Family {
  std::string type;
  std::set<std::string> labels;
  bool operator==(const Family&) const = default;
};

std::map<std::string, Family> documented() {
  const std::string all = read_file(JTRACE_SOURCE_DIR "/docs/serve.md", 1U << 20).value();
  const std::size_t begin = all.find("\n## Metrics\n");
  std::istringstream lines(all.substr(begin, all.find("\n## ", begin + 1) - begin));
  std::map<std::string, Family> families;
  const std::regex row(R"(\| `([a-z_]+)`(?: \*)? \| (counter|gauge) \| ([^|]*)\|.*)");
  const std::regex label("`([a-z]+)`");
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (!std::regex_match(line, found, row)) continue;
    Family& family = families[found[1]];
    family.type = found[2];
    const std::string labels = found[3];
    for (std::sregex_iterator at(labels.begin(), labels.end(), label), end; at != end; ++at) {
      family.labels.insert((*at)[1]);
    }
  }
  return families;
}

std::map<std::string, Family> emitted() {
  std::map<std::string, Family> families;
  std::istringstream lines(metrics_text(full()));
  const std::regex type(R"(# TYPE (\S+) (\S+))");
  const std::regex label("([a-z]+)=\"");
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (std::regex_match(line, found, type)) families[found[1]].type = found[2];
    if (line.starts_with('#')) continue;
    auto& labels = families[line.substr(0, line.find_first_of("{ "))].labels;
    for (std::sregex_iterator at(line.begin(), line.end(), label), end; at != end; ++at) {
      labels.insert((*at)[1]);
    }
  }
  return families;
}

TEST(Metrics, TheDocumentHasThemAll) {
  const auto here = emitted();
  const auto there = documented();
  for (const auto& [name, family] : here) {
    ASSERT_TRUE(there.contains(name)) << name << " is not in docs/serve.md";
    EXPECT_EQ(there.at(name).type, family.type) << name;
    EXPECT_EQ(there.at(name).labels, family.labels) << name;
  }
  for (const auto& [name, family] : there) {
    EXPECT_TRUE(here.contains(name)) << "docs/serve.md has " << name << ", and nobody tells it";
  }
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
