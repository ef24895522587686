// SPDX-License-Identifier: Apache-2.0
#include "capture/capture.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <vector>

#include "base/privileges.h"
#include "base/rights.h"
#include "bpf/stack_hash.h"
#include "capture/capture_impl.h"
#include "capture/lifecycle.h"
#include "capture/perf_tracepoints.h"
#include "capture/raw_tracepoints.h"
#include "capture/verifier_log.h"

namespace jtrace::capture {
namespace {

// Why the kernel did not take the programs, where that is not our own fault.
Status why_not_loaded(int error, const std::string& log) {
  constexpr const char* kWhat = "load BPF programs";
  constexpr const char* kBtf = "/sys/kernel/btf/vmlinux";
  // The verifier refuses with EACCES, the lack of a capability with EPERM; under lockdown it does
  // not know the helpers that read memory.
  if (error == EPERM || Privileges::read().confidentiality) {
    return refused(kWhat, EPERM, {Capability::Bpf, Capability::Perfmon}, "bpf");
  }
  if (error == ENOMEM || error == ENOSPC) return no_room(kWhat, error);
  if (::access(kBtf, R_OK) != 0) {
    return fail(Errc::Environment,
                errno_text(std::string("this kernel has no BTF: ") + kBtf, errno),
                "boot one with CONFIG_DEBUG_INFO_BTF=y, as distributions' are (doctor: btf)");
  }
  return fail(Errc::Internal, errno_text(kWhat, error) + log);
}

std::uint32_t ring_size(std::uint32_t bytes) {
  auto size = static_cast<std::uint32_t>(::getpagesize());
  while (size < bytes && size < (1U << 30)) size *= 2;
  return size;
}

// Of walks that the kernel makes itself there is nothing to remember.
bool recalls(const CaptureConfig& config) {
  return config.recall != JT_RECALL_OFF && config.cstack == JT_CSTACK_MIXED;
}

jt_config rodata(const CaptureConfig& config, const KernelFeatures& features) {
  std::random_device random;
  // x86-64: THREAD_SIZE 16 KiB; pt_regs end at its top (without FRED, which is younger than the
  // helper that replaces this).
  constexpr std::uint32_t kThreadSize = 16384;
  constexpr std::uint32_t kPtRegs = 21 * 8;
  const CommGlobs globs = config.comm.value_or(CommGlobs{});
  jt_config settings{.hash_seed = (static_cast<std::uint64_t>(random()) << 32) | random(),
                     .only_tgid = static_cast<std::uint32_t>(config.only_tgid),
                     .max_frames = std::min<std::uint32_t>(config.max_frames, JT_MAX_FRAMES),
                     .cstack = config.cstack,
                     .interval = config.interval,
                     .regs_offset = kThreadSize - kPtRegs,
                     .by_thread = config.by_thread,
                     .has_cookie = features.attach_cookie,
                     .has_task_pt_regs = features.task_pt_regs,
                     .count_cost = config.count_cost,
                     .check_walks = config.check_walks,
                     .has_filters = config.filters,
                     .has_specs = config.values || config.sums || config.calls || config.held,
                     .has_values = config.values,
                     .has_sums = config.sums,
                     .has_held = config.held,
                     .has_opens = config.opens,
                     .lists_events = config.lists,
                     .follow = config.follow,
                     .every = config.every,
                     .comm_start = globs.start,
                     .comm_end = globs.end,
                     .comm_stars = globs.stars,
                     .comm_takes = {},
                     .cgroups = config.cgroups,
                     .only_tids = config.only_tids,
                     .has_comm = config.comm.has_value(),
                     .has_raw_cookie = features.raw_cookie,
                     .has_governor = config.governor,
                     .has_max_rate = config.max_rate,
                     .has_windows = config.windows,
                     .recall = recalls(config) ? static_cast<std::uint8_t>(config.recall)
                                               : std::uint8_t{JT_RECALL_OFF},
                     .joins = features.bpf_loop,
                     .events = std::max<std::uint32_t>(1, config.events),
                     .recall_mask = config.max_recalled - 1};
  std::ranges::copy(globs.takes, settings.comm_takes);
  return settings;
}

// Of the base of the stacks' hash, for rests that are joined.
std::vector<std::uint64_t> powers(std::uint64_t base) {
  std::vector<std::uint64_t> made{1};
  while (made.size() <= JT_MAX_FRAMES) {
    made.push_back(jt_hash_settle(jt_hash_push(made.back(), base, 0)));
  }
  return made;
}

// Processes come while tracing, and are remembered whether they are targets or not.
bool is_open(const CaptureConfig& config) { return config.follow || config.every; }

// A program may still run on another CPU. This is synchronize_rcu() (kernel/sched/membarrier.c),
// and programs run within RCU; where it is refused (nohz_full), microseconds are the risk.
void wait_for_programs() { ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); }

}  // namespace

void Capture::Impl::configure(const CaptureConfig& config) {
  const auto cpus = static_cast<std::uint32_t>(std::max(1, libbpf_num_possible_cpus()));
  scales = config.governor;
  auto& maps = skeleton->maps;
  bpf_map__set_max_entries(maps.rows, std::max<std::uint32_t>(1, config.max_rows));
  bpf_map__set_max_entries(maps.scratch, cpus);
  bpf_map__set_max_entries(maps.known_pcs, cpus * JT_KNOWN_PCS);
  bpf_map__set_max_entries(maps.defer_scratch, cpus);
  bpf_map__set_max_entries(maps.remembered, recalls(config) ? config.max_recalled : 1);
  bpf_map__set_max_entries(maps.stack_copies, cpus);
  windows = config.windows;
  events = std::max<std::uint32_t>(1, config.events);
  for (const std::uint32_t window : {0U, 1U}) {
    const auto size = [&](bpf_map* map, bool used, std::uint32_t entries) {
      bpf_map__set_max_entries(map, used && (window == 0 || windows) ? entries : 1);
    };
    const Set of = set(window);
    size(of.counts, true, config.max_counts);
    size(of.stacks, config.values || config.sums, config.max_counts);
    size(of.tuples, config.values, JT_MAX_TUPLES);
    size(of.stack_ids, config.stack_ids, 16384);
  }
  bpf_map__set_max_entries(maps.values, config.values ? cpus : 1);
  bpf_map__set_max_entries(maps.calls, config.timed ? JT_MAX_CALLS : 1);
  bpf_map__set_max_entries(maps.held, config.opens  ? JT_MAX_OPENED
                                      : config.held ? JT_MAX_CALLS
                                                    : 1);
  bpf_map__set_max_entries(maps.fields, cpus);
  taken.resize(1 + (windows ? 2 : 1) * events);
  bpf_map__set_max_entries(maps.counters, static_cast<std::uint32_t>(taken.size()));
  bpf_map__set_max_entries(maps.event_specs, events);
  bpf_map__set_max_entries(maps.patterns, std::max<std::uint32_t>(1, config.max_patterns));
  // Many that start at once are deferred at once.
  bpf_map__set_max_entries(maps.ring, ring_size((is_open(config) ? 2 : 1) * config.ring_bytes));
  if (is_open(config)) {
    bpf_map__set_max_entries(maps.targets, JT_MANY_TARGETS);
    bpf_map__set_max_entries(maps.dirty, JT_MANY_TARGETS);
    bpf_map__set_max_entries(maps.ranges, JT_MANY_RANGES);
  }
  targets.emplace(
      TargetTable::Maps{maps.targets, maps.dirty, maps.ranges, &skeleton->bss->state.tables},
      config.comm.has_value());
  const auto settings = rodata(config, features);
  std::memcpy(const_cast<jt_config*>(&skeleton->rodata->cfg), &settings, sizeof(settings));
  std::ranges::copy(powers(jt_hash_base(settings.hash_seed)),
                    const_cast<__u64*>(std::begin(skeleton->rodata->powers)));
  const bool points = config.tracepoints;
  bpf_program__set_autoload(skeleton->progs.jt_event, points && features.bpf_loop);
  bpf_program__set_autoload(skeleton->progs.jt_event_chain, points && !features.bpf_loop);
  bpf_program__set_autoload(skeleton->progs.jt_chain, points && !features.bpf_loop);
  bpf_program__set_autoload(skeleton->progs.jt_raw_event, config.raw && features.bpf_loop);
  bpf_program__set_autoload(skeleton->progs.jt_raw_event_chain, config.raw && !features.bpf_loop);
  autoload_raw_calls(config);
  bpf_program__set_autoload(skeleton->progs.jt_call_begin, config.timed && points);
  bpf_program__set_autoload(skeleton->progs.jt_held_end, config.held);
  if (config.opens) bpf_program__set_autoload(exit_open_program(), true);
  bpf_program__set_autoload(skeleton->progs.jt_open_files, config.opens);
  autoload_functions(config);
}

Status Capture::Impl::load() {
  const LogCapture log;
  const auto& maps = skeleton->maps;
  make_maps(std::array{maps.ring, maps.remembered}, std::array{maps.rows, set(0).counts});
  if (const int err = jtrace_bpf__load(skeleton.get()); err != 0) {
    return why_not_loaded(-err, log.tail());
  }
  JT_CHECK_OK(fill_chain(skeleton->maps.chain, 0, skeleton->progs.jt_chain));
  JT_CHECK_OK(fill_chain(skeleton->maps.raw_chain, 0, skeleton->progs.jt_raw_chain));
  for (CallWalker& walker : walkers) JT_CHECK_OK(load_walker(walker));
  rows.open(skeleton->maps.rows);
  rules.open(skeleton->maps.rules);
  const auto on_record = [](void* self, void* data, std::size_t size) {
    auto* impl = static_cast<Impl*>(self);
    impl->dispatch(data, size);
    impl->bytes_left -= std::min(impl->bytes_left, size);
    // A negative number ends ring_buffer__consume behind this record.
    return impl->bytes_left > 0 ? 0 : -1;
  };
  ring.reset(ring_buffer__new(bpf_map__fd(skeleton->maps.ring), on_record, this, nullptr));
  if (!ring && errno == ENOMEM) return no_room("open ring buffer", errno);
  if (!ring) return fail(Errc::Internal, errno_text("open ring buffer", errno));
  return positions.open(skeleton->maps.ring);
}

Status Capture::Impl::fill_chain(const bpf_map* map, std::uint32_t index,
                                 const bpf_program* program) const {
  const int fd = bpf_program__fd(program);
  if (!bpf_program__autoload(program)) return {};
  if (bpf_map__update_elem(map, &index, sizeof(index), &fd, sizeof(fd), 0) != 0) {
    return fail(Errc::Internal, errno_text("chain BPF programs", errno));
  }
  return {};
}

Result<Capture> Capture::load(const CaptureConfig& config, const KernelFeatures& features) {
  auto impl = std::make_unique<Impl>();
  impl->features = features;
  UniqueFd types;
  JT_TRY(impl->skeleton, open_object(types));
  JT_CHECK_OK(impl->find_functions(config));
  impl->configure(config);
  const Raised rights(kToLoad);
  JT_CHECK_OK(impl->load());
  return Capture(std::move(impl));
}

Capture::Capture(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Capture::Capture(Capture&&) noexcept = default;
Capture& Capture::operator=(Capture&&) noexcept = default;
Capture::~Capture() = default;

Status Capture::Impl::attach(const bpf_program* program, std::uint32_t id, std::uint64_t cookie) {
  const Raised rights(kToLoad);
  JT_TRY(UniqueFd link,
         attach_perf_tracepoint(id, bpf_program__name(program), bpf_program__fd(program),
                                features.attach_cookie ? std::optional(cookie) : std::nullopt));
  point_links.push_back(std::move(link));
  return {};
}

Status Capture::set_event(std::uint32_t event, jt_event_spec spec,
                          std::span<const jt_pattern> patterns) {
  const auto& maps = impl_->skeleton->maps;
  spec.first_pattern = impl_->patterns;
  for (const jt_pattern& pattern : patterns) {
    if (bpf_map__update_elem(maps.patterns, &impl_->patterns, sizeof(impl_->patterns), &pattern,
                             sizeof(pattern), BPF_ANY) != 0) {
      return fail(Errc::Internal, errno_text("write filter", errno));
    }
    ++impl_->patterns;
  }
  if (bpf_map__update_elem(maps.event_specs, &event, sizeof(event), &spec, sizeof(spec), BPF_ANY)) {
    return fail(Errc::Internal, errno_text("write filter", errno));
  }
  return {};
}

Status Capture::attach_event(std::uint32_t id, std::uint32_t event, bool kernel_stacks) {
  if (impl_->point_events++ > 0 && !impl_->features.attach_cookie) {
    return fail(Errc::Environment,
                "this kernel has no attach cookie (5.15): one event per run at a tracepoint",
                "name one event, or boot a newer kernel; --attach raw tells system calls apart "
                "(doctor: bpf-features)");
  }
  const std::uint64_t cookie = event | (kernel_stacks ? JT_COOKIE_KERNEL : 0);
  impl_->skeleton->bss->state.point_cookie = cookie;
  return impl_->attach(impl_->event_program(), id, cookie);
}

Status Capture::attach_raw_event(const std::string& name, std::uint32_t event, bool kernel_stacks) {
  if (impl_->raw_events++ > 0 && !impl_->features.raw_cookie) {
    return fail(Errc::Environment,
                "this kernel has no cookie of raw tracepoints (6.10): one raw_tp event per run",
                "name one event, or boot a newer kernel (doctor: bpf-features)");
  }
  const std::uint64_t cookie = event | (kernel_stacks ? JT_COOKIE_KERNEL : 0);
  impl_->skeleton->bss->state.raw_cookie = cookie;
  return impl_->attach_raw(impl_->raw_program(), name, impl_->features.raw_cookie ? cookie : 0);
}

Status Capture::attach_call_begin(std::uint32_t id, std::uint32_t event) {
  return impl_->attach(impl_->skeleton->progs.jt_call_begin, id, event);
}

Status Capture::attach_held_end(std::uint32_t id, std::uint32_t event) {
  return impl_->attach(impl_->skeleton->progs.jt_held_end, id, event);
}

std::span<const std::pair<const char*, const char*>> Capture::lifecycle_tracepoints() {
  return kLifecycleTracepoints;
}

Status Capture::Impl::attach_raw(const bpf_program* program, const std::string& name,
                                 std::uint64_t cookie) {
  const Raised rights(kToLoad);
  JT_TRY(UniqueFd link, attach_raw_tracepoint(name, bpf_program__fd(program), cookie));
  raw_links.push_back(std::move(link));
  return {};
}

Status Capture::attach_lifecycle(std::span<const std::uint32_t> ids) {
  const auto& progs = impl_->skeleton->progs;
  JT_CHECK_OK(impl_->attach_raw(progs.jt_exec, "sched_process_exec", 0));
  JT_CHECK_OK(impl_->attach_raw(progs.jt_fork, "sched_process_fork", 0));
  if (bpf_program__fd(impl_->exit_open_program()) >= 0) {
    JT_CHECK_OK(impl_->attach_raw(impl_->exit_open_program(), "sched_process_exit", 0));
    JT_CHECK_OK(impl_->attach_open_files());
  }
  JT_CHECK_OK(impl_->attach_raw(progs.jt_exit, "sched_process_exit", 0));
  const std::array programs{progs.jt_enter_mmap,    progs.jt_exit_mmap,    progs.jt_enter_mprotect,
                            progs.jt_exit_mprotect, progs.jt_enter_mremap, progs.jt_exit_mremap};
  static_assert(std::tuple_size_v<decltype(programs)> == kLifecycleTracepoints.size());
  for (std::size_t i = 0; i < programs.size() && i < ids.size(); ++i) {
    JT_CHECK_OK(impl_->attach(programs.at(i), ids[i], 0));
  }
  return {};
}

Status Capture::Impl::attach_open_files() {
  constexpr const char* kWhat = "iterate over open files";
  const Raised rights(kToLoad);
  const LogCapture log;
  Link link(bpf_program__attach_iter(skeleton->progs.jt_open_files, nullptr));
  if (!link) return fail(Errc::Internal, errno_text(kWhat, errno) + log.tail());
  open_files.reset(bpf_iter_create(bpf_link__fd(link.get())));
  if (!open_files.valid()) return fail(Errc::Internal, errno_text(kWhat, errno));
  links.push_back(std::move(link));
  return {};
}

void Capture::start_paused() { impl_->skeleton->bss->state.paused = 1; }

void Capture::pause() {
  start_paused();
  wait_for_programs();
}

void Capture::resume() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  auto& state = impl_->skeleton->bss->state;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  state.resumed_ns =
      static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
  impl_->skeleton->bss->governor.stepped_ns = state.resumed_ns;
  state.paused = 0;
}

void Capture::begin_window() {
  auto& state = impl_->skeleton->bss->state;
  state.window = state.window + 1;
  wait_for_programs();
}

std::uint32_t Capture::window() const { return impl_->skeleton->bss->state.window; }

void Capture::detach() {
  impl_->links.clear();
  impl_->point_links.clear();
  impl_->raw_links.clear();
  wait_for_programs();
}

Status Capture::write_rows(std::uint32_t first, std::span<const jt_row> values) {
  return impl_->rows.write(first, values);
}

void Capture::retire_rows() {
  auto& state = impl_->skeleton->bss->state;
  state.tables = state.tables + 1;
  wait_for_programs();
}

Status Capture::write_rules(std::uint32_t first, std::span<const jt_rule> values) {
  return impl_->rules.write(first, values);
}

Status Capture::write_jvm(std::uint32_t index, const jt_hotspot& jvm) {
  if (bpf_map__update_elem(impl_->skeleton->maps.jvms, &index, sizeof(index), &jvm, sizeof(jvm),
                           BPF_ANY) != 0) {
    return fail(Errc::Internal, errno_text("write JVM table", errno));
  }
  auto& state = impl_->skeleton->bss->state;
  state.tables = state.tables + 1;
  return {};
}

void Capture::set_java_thread(std::uint32_t tid, std::uint64_t address, bool asked) {
  bpf_map__update_elem(impl_->skeleton->maps.java_threads, &tid, sizeof(tid), &address,
                       sizeof(address), asked ? BPF_EXIST : BPF_ANY);
}

TargetTable& Capture::targets() { return *impl_->targets; }
const TargetTable& Capture::targets() const { return *impl_->targets; }

Status Capture::set_cgroup(std::uint32_t index, int fd) {
  if (bpf_map__update_elem(impl_->skeleton->maps.cgroups, &index, sizeof(index), &fd, sizeof(fd),
                           BPF_ANY) != 0) {
    return fail(Errc::Internal, errno_text("select cgroup", errno));
  }
  return {};
}

Status Capture::add_tid(pid_t tid) {
  const auto key = static_cast<std::uint32_t>(tid);
  const std::uint32_t one = 1;
  if (bpf_map__update_elem(impl_->skeleton->maps.tids, &key, sizeof(key), &one, sizeof(one),
                           BPF_ANY) != 0) {
    return fail(Errc::Internal, errno_text("select thread", errno));
  }
  return {};
}

bool Capture::maps_take_rights() const {
  const Lowered without({Capability::Bpf, Capability::SysAdmin});
  const std::uint32_t none = 0;
  jt_dirty value{};
  return bpf_map__lookup_elem(impl_->skeleton->maps.dirty, &none, sizeof(none), &value,
                              sizeof(value), 0) != 0 &&
         errno == EPERM;
}

void Capture::settle() {
  bpf_object* object = impl_->skeleton->obj;
  bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(object, program)) != nullptr) {
    // Those that are asked what they missed stay.
    if (program != impl_->event_program() && program != impl_->raw_program() &&
        program != impl_->raw_begin_program() && program != impl_->raw_end_program()) {
      bpf_program__unload(program);
    }
  }
  btf* types = bpf_object__btf(object);
  if (types != nullptr && btf__fd(types) >= 0) {
    ::close(btf__fd(types));
    btf__set_fd(types, -1);
  }
}

}  // namespace jtrace::capture
