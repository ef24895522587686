// SPDX-License-Identifier: Apache-2.0
// All entries of a hash map, whatever the kernel says on the way: by batches, else one by one.
#pragma once

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

namespace jtrace::capture {

// The commands of bpf(2) that it takes; each is 0, or an errno. Tests have one of their own.
class MapCalls {
 public:
  MapCalls() = default;
  MapCalls(const MapCalls&) = delete;
  MapCalls& operator=(const MapCalls&) = delete;
  virtual ~MapCalls() = default;
  // `place`: where to go on, from null on; `next` is the next one. `count`: of entries that there
  // is room for, then of those that came, which may be some also where it fails.
  virtual int batch(bool remove, std::uint32_t* place, std::uint32_t* next, void* keys,
                    void* values, std::uint32_t& count) = 0;
  // ENOENT behind the last one. `key` null: the first one.
  virtual int next_key(const void* key, void* next) = 0;
  virtual int look_up(const void* key, void* value) = 0;
  virtual int remove(const void* key) = 0;
};

enum class Then { Keep, Delete };

namespace map_entries {

// Entries that one call brings; the kernel holds no lock for longer than a bucket's.
inline constexpr std::uint32_t kAtOnce = 4096;
// Without anything coming of it.
inline constexpr int kTries = 8;

// What may be otherwise a moment later: a bucket's lock is held by who interrupted us (EBUSY,
// kernel/bpf/hashtab.c), or the kernel has no memory for the copy.
inline bool passes(int error) {
  return error == EBUSY || error == ENOMEM || error == EAGAIN || error == EINTR;
}

template <class Call>
int persist(const Call& call) {
  int error = call();
  for (int tries = 1; tries < kTries && passes(error); ++tries) error = call();
  return error;
}

// 0: all there is. Else it ended before, and what is left is for one_by_one().
template <class Key, class Value, class Take>
int in_batches(MapCalls& map, Then then, const Take& take) {
  std::vector<Key> keys(kAtOnce);
  std::vector<Value> values(kAtOnce);
  std::uint32_t place = 0;
  std::uint32_t* from = nullptr;
  for (int tries = 0; tries < kTries;) {
    auto count = static_cast<std::uint32_t>(keys.size());
    const int error =
        map.batch(then == Then::Delete, from, &place, keys.data(), values.data(), count);
    if (error == ENOSPC) {  // more in one bucket
      keys.resize(2 * keys.size());
      values.resize(keys.size());
      continue;
    }
    // Where it fails on the way those that came are removed already.
    for (std::uint32_t i = 0; i < count; ++i) take(keys[i], values[i]);
    if (error == ENOENT) return 0;
    if (error != 0 && !passes(error)) return error;
    if (count != 0 || error == 0) from = &place;
    tries = count != 0 || error == 0 ? 0 : tries + 1;
  }
  return EBUSY;
}

// Of a map that nobody else changes. What cannot be removed is not taken: it would be again.
template <class Key, class Value, class Take>
int one_by_one(MapCalls& map, Then then, const Take& take) {
  int worst = 0;
  Key key{};
  Key next{};
  Value value{};
  int error = persist([&] { return map.next_key(nullptr, &key); });
  while (error == 0) {
    const int more = persist([&] { return map.next_key(&key, &next); });
    int its = persist([&] { return map.look_up(&key, &value); });
    if (its == 0 && then == Then::Delete) its = persist([&] { return map.remove(&key); });
    if (its == 0) take(key, value);
    if (its != 0 && its != ENOENT) worst = its;
    error = more;
    key = next;
  }
  return error == ENOENT ? worst : error;
}

}  // namespace map_entries

// Hands over all entries, each once. Not 0: an errno, and some could not be read.
template <class Key, class Value, class Take>
int for_each_entry(MapCalls& map, Then then, const Take& take) {
  if (then == Then::Delete) {
    if (map_entries::in_batches<Key, Value>(map, then, take) == 0) return 0;
    return map_entries::one_by_one<Key, Value>(map, then, take);
  }
  // What one way has brought the other one would bring again.
  std::vector<std::pair<Key, Value>> all;
  const auto gather = [&all](const Key& key, const Value& value) { all.emplace_back(key, value); };
  int error = map_entries::in_batches<Key, Value>(map, then, gather);
  if (error != 0) {
    all.clear();
    error = map_entries::one_by_one<Key, Value>(map, then, gather);
  }
  for (const auto& [key, value] : all) take(key, value);
  return error;
}

}  // namespace jtrace::capture
