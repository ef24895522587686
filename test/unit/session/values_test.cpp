// SPDX-License-Identifier: Apache-2.0
// What events show and add up to, from the kernel's records to texts and columns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include "session/sample_store.h"
#include "session/value_store.h"
#include "session/weights.h"

namespace jtrace::session {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;
using testing::IsEmpty;

filter::Shown shown(const char* name, jt_value_kind kind) {
  filter::Shown one{.name = name, .field = name, .where = {}};
  one.where.kind = static_cast<std::uint8_t>(kind);
  one.where.bytes = 8;
  one.where.is_signed = 1;
  return one;
}

Event event_with(std::vector<filter::Shown> by, std::vector<filter::Weight> weights, bool errors) {
  Event event{.tracepoint = {.id = 1, .category = "a", .name = "b"}, .wanted = {}};
  event.words.resize(by.size());
  for (const auto& weight : weights) event.wanted.weights.push_back(weight.name);
  event.program.by = std::move(by);
  event.program.weights = std::move(weights);
  event.program.spec.error = errors ? 0 : JT_NO_VALUE;
  return event;
}

jt_stack_key key_of(std::uint64_t values, std::uint32_t event = 0) {
  jt_stack_key key{};
  key.values = values;
  key.event = event;
  return key;
}

std::string name_of(std::uint32_t tid) { return "thread " + std::to_string(tid); }

class ValuesTest : public testing::Test {
 protected:
  void text(std::size_t i, const std::string& text, bool cut = false) {
    jt_text& one = record_->value[i];
    one.bytes = static_cast<std::int32_t>(text.size());
    one.cut = cut ? 1 : 0;
    std::memcpy(one.text, text.data(), text.size());
  }
  std::unique_ptr<jt_values> record_ = std::make_unique<jt_values>();
};

TEST_F(ValuesTest, becomeTexts) {
  Events events;
  events.all.push_back(event_with({shown("filename", JT_VALUE_USER_STRING),
                                   shown("ret", JT_VALUE_RECORD), shown("thread", JT_VALUE_TID)},
                                  {}, false));
  ValueStore store(events);
  record_->id = 77;
  record_->count = 3;
  text(0, "/etc/passwd");
  record_->value[1].number = static_cast<std::uint64_t>(-2);
  record_->value[2].number = 4;
  store.add(*record_);
  EXPECT_THAT(store.shown(key_of(77), name_of),
              ElementsAre(FieldsAre("filename", "/etc/passwd"), FieldsAre("ret", "-2"),
                          FieldsAre("thread", "thread 4")));
  EXPECT_THAT(store.shown(key_of(JT_NO_VALUES), name_of), IsEmpty());
  EXPECT_THAT(store.shown(key_of(JT_OTHER_VALUES), name_of),
              ElementsAre(FieldsAre("filename", "[other]"), FieldsAre("ret", "[other]"),
                          FieldsAre("thread", "[other]")));
}

TEST_F(ValuesTest, thatAreCutOrUnreadableSaySo) {
  Events events;
  events.all.push_back(
      event_with({shown("a", JT_VALUE_USER_STRING), shown("b", JT_VALUE_RECORD)}, {}, false));
  ValueStore store(events);
  record_->id = 5;
  record_->count = 2;
  text(0, std::string(JT_TEXT_BYTES - 1, 'x'), true);
  record_->value[1].bytes = -1;
  store.add(*record_);
  const auto all = store.shown(key_of(5), name_of);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].text, std::string(JT_TEXT_BYTES - 1, 'x') + "...");
  EXPECT_EQ(all[1].text, "[unreadable]");
}

// A record says of itself how much it holds; no more is believed than there is.
TEST_F(ValuesTest, recordsThatMakeNoSense) {
  Events events;
  events.all.push_back(event_with({shown("a", JT_VALUE_USER_STRING)}, {}, false));
  ValueStore store(events);
  record_->id = 5;
  record_->count = 0xffffffff;
  record_->event = 99;
  record_->value[0].bytes = std::numeric_limits<std::int32_t>::max();
  store.add(*record_);
  const auto all = store.shown(key_of(5), name_of);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].text.size(), std::size_t{JT_TEXT_BYTES});
  EXPECT_THAT(store.shown(key_of(5, 99), name_of), IsEmpty());
}

TEST(WeightsOf, manyEventsShareColumns) {
  Events events;
  events.all.push_back(event_with({}, {{"latency", "latency", "nanoseconds"}}, true));
  events.all.push_back(
      event_with({}, {{"ret", "bytes", "bytes"}, {"latency", "latency", "nanoseconds"}}, true));
  events.all.push_back(event_with({}, {}, false));
  const Weights weights(events);
  EXPECT_THAT(weights.types(),
              ElementsAre(FieldsAre("events", "count"), FieldsAre("latency", "nanoseconds"),
                          FieldsAre("bytes", "bytes"), FieldsAre("errors", "count")));
  EXPECT_EQ(weights.default_type(), 1U);
  const jt_sum sum{.count = 3, .errors = 1, .weight = {100, 20}, .kept = 3};
  EXPECT_THAT(weights.values(0, sum, 1), ElementsAre(3, 100, 0, 1));
  EXPECT_THAT(weights.values(1, sum, 10), ElementsAre(30, 200, 1000, 10));
  EXPECT_THAT(weights.values(2, sum, 1), ElementsAre(3, 0, 0, 1));
}

TEST(WeightsOf, theNumberOfEventsMayBeAskedForFirst) {
  Events events;
  events.all.push_back(event_with({}, {{"ret", "bytes", "bytes"}}, true));
  events.all.front().wanted.weights = {"events", "ret"};
  EXPECT_EQ(Weights(events).default_type(), 0U);
}

TEST(WeightsOf, sumsDoNotWrap) {
  Events events;
  events.all.push_back(event_with({}, {{"ret", "bytes", "bytes"}}, false));
  const Weights weights(events);
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  const jt_sum sum{.count = 1, .errors = 0, .weight = {~std::uint64_t{0}, 0}, .kept = 1};
  EXPECT_THAT(weights.values(0, sum, 1), ElementsAre(1, kMost));
  EXPECT_THAT(weights.values(0, {.count = 2, .errors = 0, .weight = {kMost / 2, 0}, .kept = 2}, 3),
              ElementsAre(6, kMost));
  jt_sum all = sum;
  add(all, sum);
  EXPECT_EQ(all.count, 2U);
  EXPECT_EQ(all.weight[0], ~std::uint64_t{0});
}

TEST(WeightsOf, sizesAreLowerEndsOfTheirClass) {
  Events events;
  events.all.push_back(event_with({}, {{"ret", "bytes", "bytes"}}, false));
  const Weights weights(events);
  jt_stack_key key = key_of(0);
  const auto least = [&](std::uint8_t bucket) {
    key.bucket[0] = bucket;
    return weights.sizes(key).front().least;
  };
  EXPECT_EQ(least(0), 0);
  EXPECT_EQ(least(1), 1);
  EXPECT_EQ(least(11), 1024);
  EXPECT_EQ(least(63), std::int64_t{1} << 62);
  EXPECT_EQ(least(64), std::int64_t{1} << 62) << "what is larger has no room in pprof's numbers";
  key.event = 7;
  EXPECT_THAT(weights.sizes(key), IsEmpty());
}

}  // namespace
}  // namespace jtrace::session
