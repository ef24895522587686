// SPDX-License-Identifier: Apache-2.0
// What the kernel side has captured.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "capture/capture_impl.h"

namespace jtrace::capture {
namespace {

// Taken from the ring buffer at a time: some milliseconds of work.
constexpr std::size_t kDrainBytes = 4U << 20;

}  // namespace

Status Capture::count_open_files() {
  if (!impl_->open_files.valid()) return {};
  std::array<char, 1> nothing{};
  // EAGAIN: a million files, and nothing to read of them (kernel/bpf/bpf_iter.c).
  while (::read(impl_->open_files.get(), nothing.data(), nothing.size()) != 0) {
    if (errno == EAGAIN || errno == EINTR) continue;
    return fail(Errc::Internal, errno_text("look at open files", errno));
  }
  return {};
}

void Capture::Impl::dispatch(const void* data, std::size_t size) const {
  if (size < sizeof(jt_record_head) || !handlers) return;
  switch (static_cast<const jt_record_head*>(data)->type) {
    case JT_RECORD_STACK:
      handlers->stack(*static_cast<const jt_stack_record*>(data));
      break;
    case JT_RECORD_DEFERRED:
      handlers->deferred(*static_cast<const jt_deferred_record*>(data));
      break;
    case JT_RECORD_CHECK:
      if (handlers->check) handlers->check(*static_cast<const jt_deferred_record*>(data));
      break;
    case JT_RECORD_VALUES:
      if (handlers->values) {
        handlers->values(static_cast<const jt_values_record*>(data)->values);
      }
      break;
    case JT_RECORD_EVENT:
      if (handlers->event) handlers->event(*static_cast<const jt_event_record*>(data));
      break;
    case JT_RECORD_NOTICE:
      handlers->notice(*static_cast<const jt_notice_record*>(data));
      break;
    default:
      break;
  }
}

int Capture::wake_fd() const { return ring_buffer__epoll_fd(impl_->ring.get()); }

bool Capture::drain(const RecordHandlers& handlers) {
  impl_->handlers = &handlers;
  impl_->bytes_left = kDrainBytes;
  const int result = ring_buffer__consume(impl_->ring.get());
  impl_->handlers = nullptr;
  return result >= 0;
}

std::vector<StackCount> Capture::counts() const {
  std::vector<StackCount> all;
  const int fd = bpf_map__fd(impl_->skeleton->maps.counts);
  StackCount entry{};
  const jt_stack_key* previous = nullptr;
  jt_stack_key cursor{};
  while (bpf_map_get_next_key(fd, previous, &entry.key) == 0) {
    if (bpf_map_lookup_elem(fd, &entry.key, &entry.sum) == 0) {
      if (!impl_->scales) entry.sum.kept = entry.sum.count;
      all.push_back(entry);
    }
    cursor = entry.key;
    previous = &cursor;
  }
  return all;
}

std::uint64_t Capture::in_flight() const {
  const auto& maps = impl_->skeleton->maps;
  std::uint64_t count = 0;
  const int calls = bpf_map__fd(maps.calls);
  std::uint32_t tid = 0;
  for (const void* at = nullptr; bpf_map_get_next_key(calls, at, &tid) == 0; at = &tid) {
    jt_begun begun{};
    if (bpf_map_lookup_elem(calls, &tid, &begun) == 0) count += begun.open;
  }
  const int held = bpf_map__fd(maps.held);
  jt_pair_key pair{};
  for (const void* at = nullptr; bpf_map_get_next_key(held, at, &pair) == 0; at = &pair) {
    count += pair.event != JT_OPENED;
  }
  return count;
}

namespace {

// A row of the table: 0 is of no event.
void add_row(Counters& sum, const bpf_map* map, std::uint32_t row) {
  const auto cpus = static_cast<std::size_t>(std::max(1, libbpf_num_possible_cpus()));
  std::vector<Counters> per_cpu(cpus);
  if (bpf_map_lookup_elem(bpf_map__fd(map), &row, per_cpu.data()) != 0) return;
  for (const Counters& one : per_cpu) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum.at(i) += one.at(i);
  }
}

}  // namespace

Counters Capture::counters() const {
  const bpf_map* map = impl_->skeleton->maps.counters;
  Counters sum{};
  for (std::uint32_t row = 0; row < bpf_map__max_entries(map); ++row) add_row(sum, map, row);
  return sum;
}

Counters Capture::counters_of(std::uint32_t event) const {
  Counters sum{};
  add_row(sum, impl_->skeleton->maps.counters, event + 1);
  return sum;
}

std::vector<std::uint64_t> Capture::stack(std::int32_t id) const {
  if (id < 0) return {};
  std::array<std::uint64_t, 127> addresses{};
  if (bpf_map__lookup_elem(impl_->skeleton->maps.stack_ids, &id, sizeof(id), addresses.data(),
                           sizeof(addresses), 0) != 0) {
    return {};
  }
  const auto end = std::find(addresses.begin(), addresses.end(), 0U);
  return {addresses.begin(), end};
}

std::uint64_t Capture::missed_by_recursion() const {
  std::uint64_t missed = 0;
  for (const bpf_program* program : {impl_->event_program(), impl_->raw_program()}) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    const int fd = bpf_program__fd(program);
    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0) missed += info.recursion_misses;
  }
  return missed;
}

std::vector<ProgramInfo> Capture::programs() const {
  std::vector<ProgramInfo> all;
  bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(impl_->skeleton->obj, program)) != nullptr) {
    const int fd = bpf_program__fd(program);
    if (fd < 0) continue;
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) continue;
    all.push_back({bpf_program__name(program), info.verified_insns});
  }
  return all;
}

}  // namespace jtrace::capture
