// SPDX-License-Identifier: Apache-2.0
// What a Capture holds. For capture.cpp, which makes it, and drain.cpp, which reads it.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/rights.h"
#include "base/unique_fd.h"
#include "capture/call_functions.h"
#include "capture/capture.h"
#include "capture/object.h"

namespace jtrace::capture {

struct LinkDelete {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
// What walks at functions of one prototype: the kernel lets programs go on with each other only
// where those are the same. All but the first are of an object of their own, with the maps of the
// first.
struct CallWalker {
  std::uint32_t prototype = 0;
  std::string model = {};  // one such function
  Skeleton own = {};
};
struct RingDelete {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};
using Link = std::unique_ptr<bpf_link, LinkDelete>;
using Ring = std::unique_ptr<ring_buffer, RingDelete>;

// CAP_SYS_RESOURCE: before 5.11 libbpf has to raise the limit of locked memory.
inline constexpr CapabilitySet kToLoad{Capability::Bpf, Capability::Perfmon,
                                       Capability::SysResource};

inline std::unexpected<Error> no_room(const std::string& what, int error) {
  return fail(Errc::Environment, errno_text(what, error),
              "raise memory.max of the cgroup, ulimit -v or ulimit -l (doctor: memlock)");
}

// Writes to a map that the kernel shares as memory. Only what is being written is mapped: all pages
// that are count as resident, 32 MB of them (remap_vmalloc_range).
template <class T>
class SharedArray {
 public:
  void open(const bpf_map* map) { map_ = map; }
  [[nodiscard]] Status write(std::uint32_t first, std::span<const T> values) {
    const std::size_t count = bpf_map__max_entries(map_);
    if (first > count || values.size() > count - first) {
      return fail(Errc::Internal, "unwind tables are full: " + std::to_string(count) + " entries");
    }
    if (values.empty()) return {};
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t begin = first * sizeof(T);
    const std::size_t skipped = begin % page;
    const std::size_t bytes = skipped + values.size_bytes();
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map_),
                      static_cast<off_t>(begin - skipped));
    if (at == MAP_FAILED) {
      const std::string what = std::string("map ") + bpf_map__name(map_) + " into memory";
      return errno == ENOMEM ? no_room(what, errno) : fail(Errc::Internal, errno_text(what, errno));
    }
    std::memcpy(static_cast<std::byte*>(at) + skipped, values.data(), values.size_bytes());
    ::munmap(at, bytes);
    return {};
  }

 private:
  const bpf_map* map_ = nullptr;
};

// How far the ring buffer is written and read: pages that the kernel shares (kernel/bpf/ringbuf.c),
// which libbpf keeps to itself before 1.3.
class RingPositions {
 public:
  RingPositions() = default;
  RingPositions(const RingPositions&) = delete;
  RingPositions& operator=(const RingPositions&) = delete;
  ~RingPositions();
  [[nodiscard]] Status open(const bpf_map* ring);
  // Of all records that are reserved, also those that are still being written.
  [[nodiscard]] unsigned long written() const;
  [[nodiscard]] unsigned long read() const;

 private:
  std::array<const unsigned long*, 2> at_{};  // where it is read, where it is written
};

// Destroyed in reverse order: links before the ring buffer before the maps.
struct Capture::Impl {
  KernelFeatures features;
  Skeleton skeleton;
  SharedArray<jt_row> rows;
  SharedArray<jt_rule> rules;
  Ring ring;
  RingPositions positions;
  const RecordHandlers* handlers = nullptr;
  std::size_t bytes_left = 0;
  std::optional<TargetTable> targets;
  std::vector<Link> links;
  std::vector<UniqueFd> point_links, raw_links;
  std::vector<const bpf_program*> to_all_calls;  // those that are attached
  std::vector<UniqueFd> call_programs;           // copies of jt_call, one for each function
  CallFunctions functions;
  std::vector<CallWalker> walkers;
  std::uint32_t point_events = 0, raw_events = 0;
  std::uint32_t patterns = 0;  // written
  bool scales = false;         // CaptureConfig::governor
  UniqueFd open_files;         // read once, it has jt_open_files look at each
  bool windows = false;
  std::uint32_t events = 1;
  std::vector<Counters> taken;  // by row: what take() has told of
  std::uint64_t taken_missed = 0;

  // The maps of a window (bpf/windows.bpf.h).
  struct Set {
    bpf_map *counts, *stacks, *tuples, *stack_ids;
  };
  [[nodiscard]] Set set(std::uint32_t window) const {
    const auto& maps = skeleton->maps;
    if (window % 2 == 0) return {maps.counts, maps.stacks, maps.tuples, maps.stack_ids};
    return {maps.odd_counts, maps.odd_stacks, maps.odd_tuples, maps.odd_stack_ids};
  }
  // As the kernel side has it: what is not scaled is not counted twice.
  [[nodiscard]] StackCount counted(const jt_stack_key& key, jt_sum sum) const {
    if (!scales) sum.kept = sum.count;
    return {key, sum};
  }
  // Of the table of counters.
  [[nodiscard]] std::uint32_t row(std::uint32_t window, std::uint32_t event) const {
    return 1 + event + (windows && window % 2 != 0 ? events : 0);
  }
  [[nodiscard]] bpf_program* event_program() const {
    return features.bpf_loop ? skeleton->progs.jt_event : skeleton->progs.jt_event_chain;
  }
  [[nodiscard]] bpf_program* exit_open_program() const {
    return features.bpf_loop ? skeleton->progs.jt_exit_open : skeleton->progs.jt_exit_open_few;
  }
  [[nodiscard]] bpf_program* raw_program() const {
    return features.bpf_loop ? skeleton->progs.jt_raw_event : skeleton->progs.jt_raw_event_chain;
  }
  [[nodiscard]] bpf_program* raw_begin_program() const;
  [[nodiscard]] bpf_program* raw_end_program() const;
  void autoload_raw_calls(const CaptureConfig& config) const;
  [[nodiscard]] Status attach_to_all_calls(const bpf_program* program, const char* name);
  void configure(const CaptureConfig& config);
  [[nodiscard]] Status find_functions(const CaptureConfig& config);
  void autoload_functions(const CaptureConfig& config);
  void autoload_walker(const struct jtrace_bpf& object, const CallWalker* walker) const;
  [[nodiscard]] Status load_walker(CallWalker& walker);
  [[nodiscard]] Status load();
  [[nodiscard]] Status attach(const bpf_program* program, std::uint32_t id, std::uint64_t cookie);
  [[nodiscard]] Status fill_chain(const bpf_map* map, std::uint32_t index,
                                  const bpf_program* program) const;
  [[nodiscard]] Status attach_raw(const bpf_program* program, const std::string& name,
                                  std::uint64_t cookie);
  [[nodiscard]] Status attach_open_files();
  void dispatch(const void* data, std::size_t size) const;
};

}  // namespace jtrace::capture
