// SPDX-License-Identifier: Apache-2.0
// What the kernel side has counted, window by window.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "capture/capture_impl.h"
#include "capture/map_entries.h"

namespace jtrace::capture {
namespace {

class KernelMap : public MapCalls {
 public:
  explicit KernelMap(const bpf_map* map) : fd_(bpf_map__fd(map)) {}

  int batch(bool remove, std::uint32_t* place, std::uint32_t* next, void* keys, void* values,
            std::uint32_t& count) override {
    const auto call = remove ? bpf_map_lookup_and_delete_batch : bpf_map_lookup_batch;
    // Who refuses the call before the map is looked at leaves the count as it was, and no place.
    std::uint32_t bucket = kNowhere;
    const int result = call(fd_, place, &bucket, keys, values, &count, nullptr);
    const int error = result == 0 ? 0 : errno;
    if (bucket == kNowhere) count = 0;
    if (bucket != kNowhere) *next = bucket;
    return error;
  }
  int next_key(const void* key, void* next) override {
    return bpf_map_get_next_key(fd_, key, next) == 0 ? 0 : errno;
  }
  int look_up(const void* key, void* value) override {
    return bpf_map_lookup_elem(fd_, key, value) == 0 ? 0 : errno;
  }
  int remove(const void* key) override { return bpf_map_delete_elem(fd_, key) == 0 ? 0 : errno; }

 private:
  // A hash map tells by the number of a bucket where to go on (kernel/bpf/hashtab.c).
  static constexpr std::uint32_t kNowhere = ~0U;
  int fd_;
};

template <class Key, class Value, class Take>
int for_each(const bpf_map* map, Then then, const Take& take) {
  KernelMap calls(map);
  return for_each_entry<Key, Value>(calls, then, take);
}

template <class Key, class Value>
void empty(const bpf_map* map) {
  for_each<Key, Value>(map, Then::Delete, [](const Key&, const Value&) {});
}

void empty_stack_ids(const bpf_map* map) {
  // From one to the next: from the begin each time it would be looked for in all that is empty.
  std::uint32_t id = 0;
  std::uint32_t next = 0;
  const int fd = bpf_map__fd(map);
  bool more = bpf_map_get_next_key(fd, nullptr, &id) == 0;
  while (more) {
    more = bpf_map_get_next_key(fd, &id, &next) == 0;
    bpf_map_delete_elem(fd, &id);
    id = next;
  }
}

// A row of the table: 0 is of no event. An errno where it cannot be read.
int add_row(Counters& sum, const bpf_map* map, std::uint32_t row) {
  const auto cpus = static_cast<std::size_t>(std::max(1, libbpf_num_possible_cpus()));
  std::vector<Counters> per_cpu(cpus);
  KernelMap calls(map);
  const int error = map_entries::persist([&] { return calls.look_up(&row, per_cpu.data()); });
  if (error != 0) return error;
  for (const Counters& one : per_cpu) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum.at(i) += one.at(i);
  }
  return 0;
}

Counters operator-(Counters all, const Counters& before) {
  for (std::size_t i = 0; i < all.size(); ++i) all.at(i) -= before.at(i);
  return all;
}

}  // namespace

std::vector<StackCount> Capture::counts() const {
  std::vector<StackCount> all;
  for_each<jt_stack_key, jt_sum>(
      impl_->set(window()).counts, Then::Keep,
      [&](const jt_stack_key& key, const jt_sum& sum) { all.push_back(impl_->counted(key, sum)); });
  return all;
}

std::vector<jt_held> Capture::held() const {
  std::vector<jt_held> all;
  for_each<jt_pair_key, jt_held>(
      impl_->skeleton->maps.held, Then::Keep,
      [&](const jt_pair_key&, const jt_held& held) { all.push_back(held); });
  return all;
}

std::uint64_t Capture::in_flight() const {
  std::uint64_t count = 0;
  for_each<std::uint32_t, jt_begun>(
      impl_->skeleton->maps.calls, Then::Keep,
      [&](std::uint32_t, const jt_begun& begun) { count += begun.open; });
  for_each<jt_pair_key, jt_held>(
      impl_->skeleton->maps.held, Then::Keep,
      [&](const jt_pair_key& pair, const jt_held&) { count += pair.event != JT_OPENED; });
  return count;
}

Result<WindowCounts> Capture::sum_up(std::uint32_t window, bool takes) {
  WindowCounts all;
  const auto read_stacks = [&] {
    all.unread = for_each<jt_stack_key, jt_sum>(impl_->set(window).counts,
                                                takes && impl_->windows ? Then::Delete : Then::Keep,
                                                [&](const jt_stack_key& key, const jt_sum& sum) {
                                                  all.stacks.push_back(impl_->counted(key, sum));
                                                });
  };
  if (!takes) read_stacks();
  const bpf_map* map = impl_->skeleton->maps.counters;
  // Before anything is taken out of the kernel: without its counters a window is nothing.
  std::vector<Counters> now(impl_->events + 1);
  for (std::uint32_t i = 0; i < now.size(); ++i) {
    const int error = add_row(now[i], map, i == 0 ? 0 : impl_->row(window, i - 1));
    if (error != 0) return no_room("read the kernel side's counters", error);
  }
  if (takes) read_stacks();
  // What belongs to no event is not told apart by windows.
  const auto since = [&](std::uint32_t row, const Counters& its) {
    const Counters before = impl_->taken.at(row);
    if (takes) impl_->taken.at(row) = its;
    return its - before;
  };
  all.counters = since(0, now[0]);
  for (std::uint32_t event = 0; event < impl_->events; ++event) {
    const Counters& of =
        all.by_event.emplace_back(since(impl_->row(window, event), now[event + 1]));
    for (std::size_t i = 0; i < of.size(); ++i) all.counters.at(i) += of.at(i);
  }
  const std::uint64_t missed = missed_by_recursion();
  all.missed_by_recursion = missed - impl_->taken_missed;
  if (takes) impl_->taken_missed = missed;
  all.in_flight = in_flight();
  return all;
}

Result<WindowCounts> Capture::take(std::uint32_t window) { return sum_up(window, true); }

Result<WindowCounts> Capture::peek() { return sum_up(window(), false); }

void Capture::forget(std::uint32_t window) {
  const auto set = impl_->set(window);
  empty<jt_stack_key, jt_sum>(set.counts);  // where taking it failed
  empty<jt_stack_key, std::uint32_t>(set.stacks);
  empty<std::uint64_t, std::uint32_t>(set.tuples);
  empty_stack_ids(set.stack_ids);
  auto& state = impl_->skeleton->bss->state;
  state.counts_full[window & 1] = 0;
  state.tuples_full[window & 1] = 0;
}

void Capture::refuse_new_stacks() { impl_->skeleton->bss->state.counts_full[window() & 1] = 1; }

std::vector<Capture::MapUse> Capture::maps() const {
  std::vector<MapUse> all;
  const bpf_map* map = nullptr;
  while ((map = bpf_object__next_map(impl_->skeleton->obj, map)) != nullptr) {
    constexpr std::size_t kLimit = 4096;
    const auto text = read_file("/proc/self/fdinfo/" + std::to_string(bpf_map__fd(map)), kLimit);
    if (!text) continue;
    constexpr std::string_view kWord = "\nmemlock:\t";
    const auto at = text->find(kWord);
    if (at == std::string::npos) continue;
    all.push_back({.name = bpf_map__name(map),
                   .most = bpf_map__max_entries(map),
                   .bytes = std::strtoull(text->c_str() + at + kWord.size(), nullptr, 10)});
  }
  return all;
}

std::uint64_t Capture::bytes() const {
  std::uint64_t sum = 0;
  for (const MapUse& map : maps()) sum += map.bytes;
  return sum;
}

Counters Capture::counters() const {
  const bpf_map* map = impl_->skeleton->maps.counters;
  Counters sum{};
  for (std::uint32_t row = 0; row < bpf_map__max_entries(map); ++row) {
    (void)add_row(sum, map, row);  // a figure for a person who looks: the next one is right again
  }
  return sum;
}

Counters Capture::counters_of(std::uint32_t event) const {
  Counters sum{};
  (void)add_row(sum, impl_->skeleton->maps.counters, impl_->row(0, event));
  if (impl_->windows) (void)add_row(sum, impl_->skeleton->maps.counters, impl_->row(1, event));
  return sum;
}

std::vector<std::uint64_t> Capture::stack(std::uint32_t window, std::int32_t id) const {
  if (id < 0) return {};
  std::array<std::uint64_t, 127> addresses{};
  if (bpf_map__lookup_elem(impl_->set(window).stack_ids, &id, sizeof(id), addresses.data(),
                           sizeof(addresses), 0) != 0) {
    return {};
  }
  const auto end = std::find(addresses.begin(), addresses.end(), 0U);
  return {addresses.begin(), end};
}

std::uint64_t Capture::missed_by_recursion() const {
  std::uint64_t missed = 0;
  const auto add = [&missed](int fd) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0) missed += info.recursion_misses;
  };
  add(bpf_program__fd(impl_->event_program()));
  add(bpf_program__fd(impl_->raw_program()));
  add(bpf_program__fd(impl_->raw_begin_program()));
  add(bpf_program__fd(impl_->raw_end_program()));
  for (const UniqueFd& program : impl_->call_programs) add(program.get());
  return missed;
}

}  // namespace jtrace::capture
