// SPDX-License-Identifier: Apache-2.0
#include "export/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "export/diff.h"
#include "export/formats.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using enum profile::FrameKind;

TEST(Bucket, IsTheNumberOfBits) {
  EXPECT_EQ(bucket_of(std::numeric_limits<std::int64_t>::min()), 0U);
  EXPECT_EQ(bucket_of(0), 0U);
  EXPECT_EQ(bucket_of(1), 1U);
  EXPECT_EQ(bucket_of(3), 2U);
  EXPECT_EQ(bucket_of(std::numeric_limits<std::int64_t>::max()), 63U);
  for (unsigned bucket = 0; bucket < 64; ++bucket) {
    EXPECT_EQ(bucket_of(bucket_begin(bucket)), bucket);
    EXPECT_EQ(bucket_end(bucket),
              bucket == 63 ? 1ULL << 63U : static_cast<std::uint64_t>(bucket_begin(bucket + 1)));
  }
}

// Every event is in one bucket of each label, and the counts are those of the samples.
TEST(Histograms, CountEveryEventOnce) {
  const auto all = make_histograms(test::weighed_profile());
  ASSERT_EQ(all.size(), 4U);
  std::int64_t latency = 0;
  for (const Histogram& histogram : all) {
    std::int64_t sum = 0;
    for (const Bucket& bucket : histogram.buckets) {
      sum += bucket.count;
      std::int64_t hottest = std::numeric_limits<std::int64_t>::max();
      for (const HotStack& stack : bucket.hottest) {
        EXPECT_LE(stack.count, hottest);
        hottest = stack.count;
      }
    }
    EXPECT_EQ(sum, histogram.count);
    if (histogram.label == "latency") latency += sum;
  }
  EXPECT_EQ(latency, 1067);
}

TEST(Histograms, StacksOfABucketAreMergedAndTheHottestKept) {
  profile::Header header;
  header.events = {"io:read"};
  test::ProfileSketch s(std::move(header), {{"events", "count"}});
  const auto size = s.label("bytes", 64, "bytes");
  for (int i = 0; i < 5; ++i) {
    const auto frame = s.frame(Native, "f" + std::to_string(i));
    s.stack({frame}, 10 + i, {size});
    s.stack({frame}, 5, {size, s.label("thread", "[t tid=1]")});
  }
  const profile::Profile profile = std::move(s).build();
  const auto all = make_histograms(profile);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].event, "io:read");
  ASSERT_EQ(all[0].buckets.size(), 1U);
  const Bucket& bucket = all[0].buckets[0];
  EXPECT_EQ(bucket.count, 85);
  ASSERT_EQ(bucket.hottest.size(), kHotStacks);
  EXPECT_EQ(bucket.hottest[0].count, 19);
  EXPECT_EQ(bucket.hottest[2].count, 17);
}

TEST(Histograms, NumbersWithoutAUnitAndDifferencesHaveNone) {
  test::ProfileSketch s({});
  s.stack({s.frame(Native, "f")}, 1, {s.label("bytes", 64, "")});
  EXPECT_TRUE(make_histograms(std::move(s).build()).empty());
  const auto weighed = test::weighed_profile();
  EXPECT_TRUE(make_histograms(diff_profile({weighed, "a"}, {weighed, "b"}).value()).empty());
}

TEST(Histograms, JsonNamesStacksByTheirIndex) {
  const auto json = nlohmann::json::parse(write_json(test::weighed_profile(), {}));
  for (const auto& histogram : json.at("histograms")) {
    for (const auto& bucket : histogram.at("buckets")) {
      for (const auto& hot : bucket.at("hottest")) {
        const auto& stack = json.at("stacks").at(hot.at("stack").get<std::size_t>());
        const auto& label = stack.at("labels").at(histogram.at("label").get<std::string>());
        EXPECT_EQ(label.at("num"), bucket.at("from"));
        EXPECT_EQ(stack.at("labels").at("event"), histogram.at("event"));
      }
    }
  }
}

}  // namespace
}  // namespace jtrace::exporting
