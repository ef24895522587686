// SPDX-License-Identifier: Apache-2.0
// All of a map is read, and once, whatever the kernel says on the way.
#include "capture/map_entries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

namespace jtrace::capture {
namespace {

using Key = std::uint32_t;
using Value = std::uint64_t;

// As kernel/bpf/hashtab.c: whole buckets, in their order; keys of one end in the same number.
class FakeMap : public MapCalls {
 public:
  static constexpr std::uint32_t kBuckets = 16;

  std::map<std::uint32_t, std::map<Key, Value>> buckets;
  // An errno for the n-th call of a batch, of those that follow; and how many buckets go first.
  std::function<int(int call)> refuse_batch = [](int) { return 0; };
  std::uint32_t before_refusal = 0;
  std::function<int(const Key& key, int call)> refuse_look_up = [](const Key&, int) { return 0; };
  std::function<int(const Key& key)> refuse_removal = [](const Key&) { return 0; };
  int batches = 0;
  int look_ups = 0;

  void fill(Key count) {
    for (Key key = 1; key <= count; ++key) buckets[key % kBuckets][key] = Value{key} * key;
  }
  [[nodiscard]] std::size_t size() const {
    std::size_t sum = 0;
    for (const auto& [number, bucket] : buckets) sum += bucket.size();
    return sum;
  }

  int batch(bool remove, std::uint32_t* place, std::uint32_t* next, void* keys, void* values,
            std::uint32_t& count) override {
    const int refusal = refuse_batch(batches++);
    const std::uint32_t room = std::exchange(count, 0);
    std::uint32_t bucket = 0;
    if (place != nullptr) bucket = *place;
    for (std::uint32_t done = 0; bucket < kBuckets; ++bucket, ++done) {
      if (refusal != 0 && done >= before_refusal) break;
      auto& its = buckets[bucket];
      if (its.size() > room - count) {
        if (count == 0) return ENOSPC;
        break;
      }
      for (const auto& [key, value] : its) {
        static_cast<Key*>(keys)[count] = key;
        static_cast<Value*>(values)[count++] = value;
      }
      if (remove) its.clear();
    }
    *next = bucket;
    if (refusal != 0) return refusal;
    return bucket == kBuckets ? ENOENT : 0;
  }
  int next_key(const void* key, void* next) override {
    std::vector<Key> all;
    for (const auto& [number, bucket] : buckets) {
      for (const auto& [its, value] : bucket) all.push_back(its);
    }
    auto at = all.begin();
    if (key != nullptr) {
      at = std::ranges::find(all, *static_cast<const Key*>(key));
      at = at == all.end() ? all.begin() : at + 1;  // as the kernel: of what is gone, the first
    }
    if (at == all.end()) return ENOENT;
    *static_cast<Key*>(next) = *at;
    return 0;
  }
  int look_up(const void* key, void* value) override {
    const Key its = *static_cast<const Key*>(key);
    if (const int refusal = refuse_look_up(its, look_ups++); refusal != 0) return refusal;
    const auto& bucket = buckets[its % kBuckets];
    const auto found = bucket.find(its);
    if (found == bucket.end()) return ENOENT;
    *static_cast<Value*>(value) = found->second;
    return 0;
  }
  int remove(const void* key) override {
    const Key its = *static_cast<const Key*>(key);
    if (const int refusal = refuse_removal(its); refusal != 0) return refusal;
    return buckets[its % kBuckets].erase(its) == 1 ? 0 : ENOENT;
  }
};

class MapEntries : public testing::TestWithParam<Then> {
 protected:
  // How often each key came; its value is right.
  std::map<Key, int> read() {
    std::map<Key, int> seen;
    error_ = for_each_entry<Key, Value>(map_, GetParam(), [&](const Key& key, const Value& value) {
      ++seen[key];
      EXPECT_EQ(value, Value{key} * key);
    });
    return seen;
  }
  void expect_all(Key count) {
    const auto seen = read();
    EXPECT_EQ(error_, 0);
    EXPECT_EQ(seen.size(), count);
    for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
    EXPECT_EQ(map_.size(), GetParam() == Then::Delete ? 0U : count);
  }

  FakeMap map_;
  int error_ = 0;
};

TEST_P(MapEntries, areAllThereAre) {
  expect_all(0);
  map_.fill(1000);
  expect_all(1000);
  EXPECT_EQ(map_.look_ups, 0);
}

// More than a call brings, and more in one bucket than that.
TEST_P(MapEntries, areAllOfALargeMap) {
  map_.fill(FakeMap::kBuckets * 5000);
  expect_all(FakeMap::kBuckets * 5000);
}

// What the kernel had handed over before it failed is removed there: it must not be forgotten.
TEST_P(MapEntries, areAllWhereABatchFailsOnTheWay) {
  for (const int error : {EBUSY, ENOMEM, EAGAIN, EINTR}) {
    map_.fill(1000);
    map_.before_refusal = 3;
    map_.refuse_batch = [error](int call) { return call % 2 == 0 ? error : 0; };
    expect_all(1000);
  }
}

// ... and again and again: eight times with nothing coming of it.
TEST_P(MapEntries, areAllWhereBatchesNeverWork) {
  for (const int error : {EBUSY, EPERM, EINVAL, EFAULT}) {
    map_.batches = 0;
    map_.fill(500);
    map_.before_refusal = 0;
    map_.refuse_batch = [error](int) { return error; };
    expect_all(500);
    EXPECT_LE(map_.batches, 8);
  }
}

TEST_P(MapEntries, areAllWhereTheyEndOnTheWay) {
  map_.fill(1000);
  map_.before_refusal = 5;
  map_.refuse_batch = [](int call) { return call == 0 ? EBUSY : EPERM; };
  expect_all(1000);
}

TEST_P(MapEntries, areAllWhereLookUpsFailForAWhile) {
  map_.fill(200);
  map_.refuse_batch = [](int) { return EPERM; };
  map_.refuse_look_up = [](const Key&, int call) { return call % 5 != 4 ? ENOMEM : 0; };
  expect_all(200);
}

TEST_P(MapEntries, tellWhenSomeCannotBeRead) {
  map_.fill(200);
  map_.refuse_batch = [](int) { return EPERM; };
  map_.refuse_look_up = [](const Key& key, int) { return key == 77 ? ENOMEM : 0; };
  const auto seen = read();
  EXPECT_EQ(error_, ENOMEM);
  EXPECT_EQ(seen.size(), 199U);
  EXPECT_FALSE(seen.contains(77));
}

INSTANTIATE_TEST_SUITE_P(, MapEntries, testing::Values(Then::Keep, Then::Delete));

// It would be counted in the window after the next one as well.
TEST(MapEntriesDeleted, areNotTakenWhereTheyStay) {
  FakeMap map;
  map.fill(100);
  map.refuse_batch = [](int) { return EPERM; };
  map.refuse_removal = [](const Key& key) { return key == 7 ? EBUSY : 0; };
  std::size_t seen = 0;
  EXPECT_EQ(
      (for_each_entry<Key, Value>(map, Then::Delete, [&](const Key&, const Value&) { ++seen; })),
      EBUSY);
  EXPECT_EQ(seen, 99U);
  EXPECT_EQ(map.size(), 1U);
}

}  // namespace
}  // namespace jtrace::capture
