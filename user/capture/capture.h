// SPDX-License-Identifier: Apache-2.0
// The kernel side as user space sees it: open, load, attach, drain. The only room that includes
// libbpf. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bpf/event_abi.h"
#include "bpf/jtrace_abi.h"
#include "capture/comm_globs.h"
#include "capture/features.h"
#include "capture/raw_calls.h"
#include "capture/target_table.h"

namespace jtrace::capture {

struct CaptureConfig {
  jt_cstack cstack = JT_CSTACK_MIXED;
  std::uint32_t max_frames = JT_MAX_FRAMES;
  std::uint32_t max_rows = 1;            // of the rows map; 8 bytes each
  std::uint32_t ring_bytes = 32U << 20;  // rounded up to a power of two of pages
  std::uint32_t max_counts = 65536;      // distinct stacks
  pid_t only_tgid = 0;                   // the one target; 0 where there are several
  bool follow = false;                   // children of targets are targets
  bool every = false;                    // any process may become one, if `comm` has its name
  std::optional<CommGlobs> comm{};
  std::uint32_t cgroups = 0;   // set_cgroup; 0: wherever a process is
  bool only_tids = false;      // add_tid
  bool stack_ids = false;      // kernel stacks or --cstack fp
  std::uint32_t interval = 1;  // every Nth event
  bool by_thread = false;
  bool count_cost = false;
  jt_recall recall = JT_RECALL_ON;
  std::uint32_t max_recalled =
      1024;                  // walks that are remembered, 14 KiB each; a power of two, 4 or more
  bool check_walks = false;  // send what each walk read of the stack, too
  bool filters = false;      // some event has a filter: set_event
  bool values = false;       // ... shows values
  bool sums = false;         // ... has a weight, or tells errors
  bool calls = false;        // ... is a call at its end
  bool timed = false;        // ... is a call whose begin is noted
  bool held = false;         // ... is counted when another one ends it
  bool raw = false;          // ... is a raw tracepoint
  bool raw_begins = false, raw_ends = false;  // ... is a call, at raw tracepoints of all calls
  std::vector<std::string> functions{};       // calls that come in by theirs: attach_call
  bool tracepoints = true;                    // ... is a tracepoint
  bool mapping_functions = false;  // mappings are noticed at functions, not at tracepoints
  bool raw_mappings = false;       // ... at the raw tracepoint of all calls' ends
  bool opens = false;              // ... where its descriptors are open at the end
  bool lists = false;              // each event is handed over, too
  bool windows = false;            // begin_window() is called
  bool governor = false;           // events are sampled: govern()
  bool max_rate = false;           // ... and capped
  std::uint32_t events = 1;        // their numbers are below
  std::uint32_t max_patterns = 1;  // of all events' filters
};

// How an event ended up: one counter per reason, summed over CPUs.
using Counters = std::array<std::uint64_t, JT_COUNTER_COUNT>;

struct StackCount {
  jt_stack_key key;
  jt_sum sum;
};

// What a window added up to.
struct WindowCounts {
  std::vector<StackCount> stacks;
  int unread = 0;       // not 0, an errno: there are more, which could not be read
  Counters counters{};  // of all events, and what belongs to none
  std::vector<Counters> by_event;
  std::uint64_t missed_by_recursion = 0;  // events that the kernel dropped because a BPF program
                                          // ran on that CPU already, of any process
  std::uint64_t in_flight = 0;            // at its end: see Capture::in_flight
};

// What drain() hands over; called in the order the kernel wrote. Pointers live during the call.
struct RecordHandlers {
  std::function<void(const jt_stack_record&)> stack;
  std::function<void(const jt_deferred_record&)> deferred;
  std::function<void(const jt_notice_record&)> notice;
  std::function<void(const jt_deferred_record&)> check{};  // of CaptureConfig::check_walks
  std::function<void(const jt_values_record&)> values{};   // of CaptureConfig::values
  std::function<void(const jt_event_record&)> event{};     // of CaptureConfig::lists
};

struct ProgramInfo {
  std::string name;
  std::uint32_t verified_instructions = 0;  // 0 where the kernel does not tell (before 5.16)
};

class Capture {
 public:
  // Opens, configures and loads the programs. Errors carry the verifier's last words.
  [[nodiscard]] static Result<Capture> load(const CaptureConfig& config,
                                            const KernelFeatures& features);
  Capture(Capture&&) noexcept;
  Capture& operator=(Capture&&) noexcept;
  ~Capture();

  // What is read and compared of event number `event`; before it is attached.
  [[nodiscard]] Status set_event(std::uint32_t event, jt_event_spec spec,
                                 std::span<const jt_pattern> patterns);
  // Counts events of tracepoint `id` as event number `event`; with their kernel stacks if asked.
  [[nodiscard]] Status attach_event(std::uint32_t id, std::uint32_t event, bool kernel_stacks);
  // The same of the raw tracepoint of that name.
  [[nodiscard]] Status attach_raw_event(const std::string& name, std::uint32_t event,
                                        bool kernel_stacks);
  // The same of system calls of that name ("openat"), at their begin, by the kernel's function.
  [[nodiscard]] Status attach_call(const std::string& call, std::uint32_t event,
                                   bool kernel_stacks);

  // The same of a system call, at the raw tracepoints of all of them.
  [[nodiscard]] Status attach_raw_call(const RawCall& call);

  // Has tracepoint `id` note the begin of what is counted as event number `event`; or, of one that
  // is held, end it.
  [[nodiscard]] Status attach_call_begin(std::uint32_t id, std::uint32_t event);
  [[nodiscard]] Status attach_held_end(std::uint32_t id, std::uint32_t event);

  // Names of the tracepoints of the lifecycle programs, to be resolved by the caller, in the order
  // attach_lifecycle takes their ids.
  // Without ids what becomes of mappings is not noticed, but by one of the next two; what
  // becomes of processes is.
  [[nodiscard]] static std::span<const std::pair<const char*, const char*>> lifecycle_tracepoints();
  [[nodiscard]] Status attach_lifecycle(std::span<const std::uint32_t> ids);
  // Of CaptureConfig::mapping_functions, and raw_mappings.
  [[nodiscard]] Status attach_mapping_functions();
  [[nodiscard]] Status attach_raw_mappings();

  // While paused, attached events are not counted: attaching and detaching hundreds takes its time,
  // and all of them shall have the same window. pause() returns after running programs finished,
  // which takes a grace period of the kernel's (16 ms); before any is attached there is none.
  void start_paused();
  void pause();
  void resume();

  // Ends the window and begins the next one, without a gap: an event belongs to one of them.
  // Returns after the programs have finished that count in the one that ended; what they have sent
  // is in the ring buffer then. The one before it must have been forgotten.
  void begin_window();
  // The number of the one that goes on, from 0.
  [[nodiscard]] std::uint32_t window() const;
  // What a window added up to; once, for it is taken out of the kernel, and in the order of
  // windows. An error: nothing is taken.
  [[nodiscard]] Result<WindowCounts> take(std::uint32_t window);
  // What the one that goes on adds up to by now; all stays where it is. Stacks are read before the
  // counters while events go on: there are some that are counted, and in no stack yet.
  [[nodiscard]] Result<WindowCounts> peek();
  // Makes room for the next one but one.
  void forget(std::uint32_t window);
  // Of the window that goes on: what comes under a stack that is not known yet is lost (table of
  // stacks full).
  void refuse_new_stacks();
  // What is in the ring buffer and not drained yet.
  [[nodiscard]] std::uint64_t unread_bytes() const;
  // A map, as full as it is: what it takes of the kernel's memory, as the kernel tells.
  struct MapUse {
    std::string name;
    std::uint32_t most = 0;  // entries
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] std::vector<MapUse> maps() const;
  [[nodiscard]] std::uint64_t bytes() const;  // of all of them
  // What has begun and not ended.
  [[nodiscard]] std::vector<jt_held> held() const;
  // Of CaptureConfig::governor, before resume(): nanoseconds of each second that programs may take,
  // and events that are kept in each; 0: any.
  void govern(std::uint64_t budget_ns, std::uint64_t max_rate);
  // Changes them while tracing.
  void set_budget(std::uint64_t budget_ns);
  void set_max_rate(std::uint64_t max_rate);
  [[nodiscard]] jt_governor governor() const;
  // From now on its `least` and `most` are of a new window.
  void begin_ratios();

  // Counts what calls opened and nobody closed; after pause().
  [[nodiscard]] Status count_open_files();

  // Detaches all; returns after running programs have finished with the maps.
  void detach();

  // Tables. Rules are append only: [first, first + values) is written. Rows that some range has, or
  // had until now, must not be written before retire_rows().
  [[nodiscard]] Status write_rows(std::uint32_t first, std::span<const jt_row> values);
  // Rows that no range has any more are given back: returns when no program is still looking there,
  // and what is remembered of walks by them is void.
  void retire_rows();
  [[nodiscard]] Status write_rules(std::uint32_t first, std::span<const jt_rule> values);
  [[nodiscard]] Status write_jvm(std::uint32_t index, const jt_hotspot& jvm);
  [[nodiscard]] TargetTable& targets();
  [[nodiscard]] const TargetTable& targets() const;
  // The directory `fd` of cgroup v2 as the index-th of CaptureConfig::cgroups.
  [[nodiscard]] Status set_cgroup(std::uint32_t index, int fd);
  [[nodiscard]] Status add_tid(pid_t tid);
  // Where thread `tid` (in the initial pid namespace) has its JavaThread. `asked`: only if a walk
  // asked for it and the thread has not ended since.
  void set_java_thread(std::uint32_t tid, std::uint64_t address, bool asked);

  // Becomes readable when a notice came; other records wake nobody.
  [[nodiscard]] int wake_fd() const;
  // Takes what the ring buffer holds, up to a limit: false where more is left, so that a caller can
  // act on what came (refresh tables) while records keep coming. True: all that was sent before it
  // was called has been handed over, what a program is still writing included.
  bool drain(const RecordHandlers& handlers);
  // Of the window that goes on.
  [[nodiscard]] std::vector<StackCount> counts() const;
  // Calls that have begun and not ended, and what is held.
  [[nodiscard]] std::uint64_t in_flight() const;
  // Of all events, and of one, from the begin of the trace.
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] Counters counters_of(std::uint32_t event) const;
  // Addresses of a kernel (or frame-pointer) stack, leaf first; empty where it is not there.
  [[nodiscard]] std::vector<std::uint64_t> stack(std::uint32_t window, std::int32_t id) const;
  // WindowCounts::missed_by_recursion, from the begin of the trace.
  [[nodiscard]] std::uint64_t missed_by_recursion() const;
  [[nodiscard]] std::vector<ProgramInfo> programs() const;

  // Before 5.19, where unprivileged BPF is off, even maps that are open are refused to who has no
  // CAP_BPF (commit c8644cd0efe7). Asked of the kernel.
  [[nodiscard]] bool maps_take_rights() const;
  // Closes what only loading and attaching take.
  void settle();

 private:
  struct Impl;
  explicit Capture(std::unique_ptr<Impl> impl);
  [[nodiscard]] Result<WindowCounts> sum_up(std::uint32_t window, bool takes);
  std::unique_ptr<Impl> impl_;
};

}  // namespace jtrace::capture
