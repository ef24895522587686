// SPDX-License-Identifier: Apache-2.0
#include "session/recorder.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/rights.h"
#include "profile/mover.h"

namespace jtrace::session {
namespace {

using profile::FrameKind;
using profile::LocationId;
using profile::UnknownReason;

// Deferred walks kept in memory until the tables are fresh; beyond, the tables there are must do.
constexpr std::size_t kMaxDeferredBytes = 64U << 20;

// What a raw tracepoint goes through from the kernel's own code to our program.
bool is_of_tracing(std::string_view function) {
  static constexpr std::array<std::string_view, 4> kOurs{"bpf_prog_", "bpf_trace_run",
                                                         "__bpf_trace_", "__traceiter_"};
  return std::ranges::any_of(kOurs, [&](auto begin) { return function.starts_with(begin); });
}

}  // namespace

Recorder::Recorder(capture::Capture& capture, Targets& targets, const cli::Options& options,
                   const Events& events, bool lists_events)
    : capture_(capture),
      targets_(targets),
      options_(options),
      events_(events),
      lists_(lists_events) {
  windows_[0] = std::make_unique<Window>(0, events, nullptr);
  for (Target* target : targets_.current()) note_start(target);
  handlers_ = {.stack = [this](const jt_stack_record& r) { on_stack(r); },
               .deferred = [this](const jt_deferred_record& r) { on_deferred(r); },
               .notice = [this](const jt_notice_record& r) { on_notice(r); },
               .check =
                   [this](const jt_deferred_record& r) {
                     if (Target* target = find(r.space)) check_.check(*target, r);
                   },
               .values = [this](const jt_values_record& r) { on_values(r); },
               .event = [this](const jt_event_record& r) { on_event(r); }};
}

LocationId Recorder::signal_frame() {
  return symbols_->location(
      {.mapping = {},
       .address = 0,
       .reason = UnknownReason::None,
       .lines = {{.function = symbols_->function("__restore_rt"), .kind = FrameKind::Native}}});
}

Perishable Recorder::locate_java(Target& target, std::span<const jt_frame> frames,
                                 const Moment& moment) {
  Perishable locations(frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (!target.lasts(frames[i])) locations[i] = target.locate(frames[i], moment, *symbols_);
  }
  return locations;
}

std::vector<LocationId> Recorder::locate_rest(Target& target, std::span<const jt_frame> frames,
                                              const Perishable& java) {
  std::vector<LocationId> locations;
  locations.reserve(frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::uint64_t kind = frames[i].where >> JT_ADDR_BITS;
    if (options_.cstack == cli::CStack::No && (kind & JT_FRAME_KIND_MASK) == JT_FRAME_NATIVE)
      continue;
    // Only a signal leaves its caller at an exact pc; the frame between is the trampoline, whose
    // symbol no return address points behind.
    const bool trampoline =
        i + 1 < frames.size() && ((frames[i + 1].where >> JT_ADDR_BITS) & JT_FRAME_EXACT) != 0;
    if (trampoline) {
      locations.push_back(signal_frame());
    } else {
      locations.push_back(java[i] ? *java[i] : target.locate(frames[i], {}, *symbols_));
    }
  }
  if (options_.keep_root != 0) cut(locations);
  return locations;
}

// -j N/M: the N frames nearest the leaf and the M nearest the root.
void Recorder::cut(std::vector<LocationId>& locations) {
  const std::size_t keep = std::size_t{options_.max_depth} + options_.keep_root;
  if (locations.size() <= keep) return;
  const auto root = locations.end() - static_cast<std::ptrdiff_t>(options_.keep_root);
  const auto first = locations.begin() + static_cast<std::ptrdiff_t>(options_.max_depth);
  *first = marker("[truncated]");
  locations.erase(first + 1, root);
}

LocationId Recorder::marker(std::string_view text) {
  return symbols_->location(
      {.mapping = {},
       .address = 0,
       .reason = UnknownReason::None,
       .lines = {{.function = symbols_->function(text), .kind = FrameKind::Marker}}});
}

// Whose mappings a stack is of.
Target* Recorder::meet(std::uint32_t tgid) {
  Target* const target = find(tgid);
  if (target) target->meet();
  return target;
}

void Recorder::note_thread(Window& window, std::uint32_t tgid, std::uint32_t tid) {
  if (tid == 0) return;
  auto& threads = window.threads;
  const auto known = threads.find(tid);
  if (known != threads.end() && known->second.settled) return;
  Target* target = find(tgid);
  auto name = target ? target->thread_name(tid) : std::nullopt;
  // A JVM that is just starting cannot be asked yet.
  const bool settled = name || !target || !target->jvm_pending();
  if (!name) {
    constexpr std::size_t kCommBytes = 64;
    auto comm = read_file(fmt::format("/proc/{}/task/{}/comm", tgid, tid), kCommBytes);
    name = comm ? *comm : std::string();
    if (name->ends_with('\n')) name->pop_back();
    // It ended meanwhile.
    if (name->empty() && known != threads.end()) return;
  }
  threads.insert_or_assign(tid, Window::Thread{std::move(*name), settled});
}

std::string Recorder::thread_text(const Window& window, std::uint32_t tid, bool on_virtual_thread) {
  const auto it = window.threads.find(tid);
  const std::string_view what = on_virtual_thread ? "virtual thread on " : "";
  if (it == window.threads.end() || it->second.name.empty())
    return fmt::format("[{}tid={}]", what, tid);
  return fmt::format("[{}{} tid={}]", what, it->second.name, tid);
}

std::string Recorder::thread_name(const Window& window, std::uint32_t tid) {
  const auto it = window.threads.find(tid);
  return it == window.threads.end() || it->second.name.empty() ? fmt::format("[tid={}]", tid)
                                                               : it->second.name;
}

std::uint64_t Recorder::met_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& window : windows_) bytes += window ? window->samples.bytes() : 0;
  unnamed_.for_each(
      [&](const UnnamedStack& stack) { bytes += SampleStore::bytes_of(stack.frames.size()); });
  // A record has 16 bytes a frame, of which 4 stay, and more around.
  return bytes + capture_.unread_bytes() / 2;
}

void Recorder::on_values(const jt_values_record& record) {
  ++records_;
  const jt_values& values = record.values;
  window_of(record.head.window).values.add(values);
  if (values.event >= events_.all.size()) return;
  const auto& by = events_.all[values.event].program.by;
  for (std::size_t i = 0; i < by.size() && i < values.count; ++i) {
    if (by[i].name != "thread") continue;
    note_thread(window_of(record.head.window), values.tgid,
                static_cast<std::uint32_t>(values.value[i].number));
  }
}

void Recorder::on_stack(const jt_stack_record& record) {
  ++records_;
  note_thread(window_of(record.head.window), record.key.tgid, record.key.tid);
  if (options_.check_walks) check_.add_stack(record);
  SampleStore& samples = window_of(record.head.window).samples;
  if (samples.full()) return;
  // A child that has no tables of its own yet is walked, and named, by its parent's.
  Target* target = meet(record.space);
  if (target && target->revoked()) target = nullptr;  // no frames
  UnnamedStack stack{
      .key = record.key, .window = record.head.window, .target = target, .frames = {}};
  Moment moment{record.epoch, record.head.time_ns};
  if (record.key.user_stack >= 0 && target) {
    for (const std::uint64_t pc : capture_.stack(record.head.window, record.key.user_stack)) {
      stack.frames.push_back(target->frame_at(pc, stack.frames.empty()));
    }
    moment.epoch = JT_NO_EPOCH;
  } else if (target) {
    const std::size_t n = std::min<std::size_t>(record.key.frames, JT_MAX_FRAMES);
    stack.frames.assign(record.frame, record.frame + n);
  }
  await_names(std::move(stack), moment);
}

// What Java calls its methods goes with its classes, or with the process, within a millisecond, and
// so does what tells of other generated code: that is read at once. What is in files stays.
void Recorder::await_names(UnnamedStack stack, const Moment& moment) {
  if (Target* target = stack.target) {
    stack.java = locate_java(*target, stack.frames, moment);
    stack.ready = true;
    for (const jt_frame& frame : stack.frames) stack.ready &= target->is_ready(frame);  // all begin
    if (target->has_waiting()) waiting_.insert(target);
  }
  unnamed_.add(std::move(stack));
}

bool Recorder::is_ready(const UnnamedStack& stack) const {
  if (stack.ready) return true;
  return std::ranges::all_of(stack.frames,
                             [&](const jt_frame& f) { return stack.target->is_ready(f); });
}

void Recorder::name_stack(const UnnamedStack& stack) {
  auto names = stack.target ? locate_rest(*stack.target, stack.frames, stack.java)
                            : std::vector<LocationId>{};
  if (stack.deferred) {
    count_here(stack.window, stack.key, *stack.deferred, std::move(names));
  } else {
    window_of(stack.window).samples.name(stack.key, std::move(names));
  }
}

// Those whose files are read (NativeSymbols); what comes meanwhile is looked at after a few. `all`:
// and those whose files are not.
void Recorder::name_stacks(bool all) {
  constexpr std::chrono::milliseconds kMost{2};
  constexpr std::size_t kMostUnnamed = 16384;
  const auto name = [this](const UnnamedStack& stack) { name_stack(stack); };
  if (all || unnamed_.size() >= kMostUnnamed) {
    unnamed_.name_all(name);
    return;
  }
  if (unnamed_.empty()) return;
  unnamed_.name_ready(
      targets_.files_read(), [this](const UnnamedStack& stack) { return is_ready(stack); }, name,
      std::chrono::steady_clock::now() + kMost);
}

void Recorder::on_event(const jt_event_record& record) {
  ++records_;
  if (lists_) window_of(record.head.window).list.add(record);
}

void Recorder::count_here(std::uint32_t window, const jt_stack_key& key, const Deferral& event,
                          std::vector<LocationId> locations) {
  Window& its = window_of(window);
  const void* of = its.samples.add_deferred(key, event.sum, std::move(locations));
  if (lists_) its.list.add(key, event.sum, event.time_ns, event.tid, of);
}

Deferral Recorder::deferral_of(const jt_deferred_record& record) {
  return {.sum = record.sum, .time_ns = record.head.time_ns, .tid = record.tid};
}

void Recorder::on_deferred(const jt_deferred_record& record) {
  ++records_;
  note_thread(window_of(record.head.window), record.key.tgid, record.key.tid);
  const std::size_t stack = std::min<std::size_t>(record.stack_bytes, JT_DEFER_BYTES);
  const std::size_t bytes = offsetof(jt_deferred_record, stack) + stack;
  Deferred copy(static_cast<jt_deferred_record*>(std::malloc(bytes)));
  if (!copy) {
    jt_stack_key key = record.key;
    key.status = JT_STATUS_DEFER_CUT;
    count_here(record.head.window, key, deferral_of(record), {});
    return;
  }
  std::memcpy(copy.get(), &record, bytes);
  deferred_bytes_ += bytes;
  deferred_.push_back(std::move(copy));
  Target* target = meet(record.space);
  // One that is just starting is looked at from time to time.
  if (target && !target->jvm_pending()) changed_.insert(target);
  if (deferred_bytes_ >= kMaxDeferredBytes) {
    finish_walks(true);
    name_stacks(true);
  }
}

void Recorder::on_notice(const jt_notice_record& notice) {
  ++records_;
  if (notice.notice == JT_NOTICE_TARGET) {
    targets_.note_new(notice);
    return;
  }
  if (notice.notice == JT_NOTICE_EXIT) {
    targets_.note_exit(notice);
    return;
  }
  if (notice.notice != JT_NOTICE_THREAD) targets_.note_change(notice.tgid);
  Target* target = find(notice.tgid);
  if (!target) return;
  if (notice.notice == JT_NOTICE_THREAD) {
    target->ask_java_thread(static_cast<std::uint32_t>(notice.lo));
    asking_.insert(target);
    return;
  }
  if (notice.notice == JT_NOTICE_EXEC) {
    target->forget_image();
    targets_.note_exec(notice.tgid);
  }
  changed_.insert(target);
}

void Recorder::note_start(Target* target) {
  if (target->jvm_pending()) {
    starting_.insert(target);
  } else {
    starting_.erase(target);
  }
  targets_.note_starting(starting_.size());
}

// At once: some live for less than a millisecond.
Status Recorder::adopt_new() {
  for (const auto& notice : targets_.take_new()) {
    JT_TRY(Target* const target, targets_.adopt(capture_, notice));
    if (target != nullptr) note_start(target);
  }
  return {};
}

Status Recorder::refresh_changed() {
  for (Target* target : std::exchange(changed_, {})) {
    JT_CHECK_OK(targets_.refresh(*target, capture_));
    note_start(target);
  }
  return {};
}

// The last that can come of them has come.
void Recorder::bury_ended() {
  const auto is_needed = [this](Target& target) { return unnamed_.has_of(&target); };
  for (const auto& target : targets_.take_ended(capture_, is_needed)) {
    if (target->has_waiting()) target->name_waiting(*symbols_, true);
    for (auto* set : {&changed_, &starting_, &asking_, &waiting_}) set->erase(target.get());
  }
}

void Recorder::finish_walks(bool all) {
  std::vector<Deferred> waiting;
  deferred_bytes_ = 0;
  for (Deferred& record : deferred_) {
    Target* target = find(record->space);
    if (!target) {
      // It had ended before its mappings could be read.
      jt_stack_key key = record->key;
      key.status = JT_STATUS_MAPPING;
      count_here(record->head.window, key, deferral_of(*record), {});
      continue;
    }
    if (!all && target->jvm_pending()) {
      deferred_bytes_ += offsetof(jt_deferred_record, stack) + record->stack_bytes;
      waiting.push_back(std::move(record));
      continue;
    }
    if (target->revoked()) {
      jt_stack_key key = record->key;
      key.status = JT_STATUS_DEFER_CUT;
      count_here(record->head.window, key, deferral_of(*record), {});
      continue;
    }
    const auto walk = target->walk(*record, walk_depth(options_));
    jt_stack_key key = record->key;
    key.status = walk.status;
    await_names({.key = key,
                 .window = record->head.window,
                 .target = target,
                 .frames = walk.frames,
                 .deferred = deferral_of(*record)},
                {record->epoch, record->head.time_ns});
  }
  deferred_ = std::move(waiting);
}

Status Recorder::turn() {
  // At most what the ring buffer can hold, however fast it fills.
  constexpr int kRounds = 16;
  bool empty = false;
  for (Target* target : starting_) {
    if (target->is_due()) changed_.insert(target);
  }
  for (int round = 0; round < kRounds && !empty; ++round) {
    empty = capture_.drain(handlers_);
    if (watcher_) watcher_();
    JT_CHECK_OK(adopt_new());
    for (Target* target : asking_) target->tell_java_threads(capture_);
    std::erase_if(asking_, [](const Target* target) { return !target->asks_for_threads(); });
    JT_CHECK_OK(refresh_changed());
    // A walk may need memory of its process: before files are read.
    finish_walks(false);
    name_stacks(false);
  }
  if (empty) caught_up_ = true;
  for (Target* target : waiting_) target->name_waiting(*symbols_, false);
  std::erase_if(waiting_, [](const Target* target) { return !target->has_waiting(); });
  bury_ended();
  return {};
}

Status Recorder::finish() {
  // A record that is still being written is before others that are whole (Capture::drain).
  constexpr std::chrono::seconds kPatience{1};
  constexpr std::chrono::milliseconds kPause{1};
  const auto start = std::chrono::steady_clock::now();
  caught_up_ = false;
  while (true) {
    JT_CHECK_OK(turn());
    if (caught_up_ || std::chrono::steady_clock::now() - start >= kPatience) break;
    std::this_thread::sleep_for(kPause);
  }
  finish_walks(true);
  name_stacks(true);
  for (Target* target : waiting_) target->name_waiting(*symbols_, true);
  return {};
}

void Recorder::begin_window() {
  const bool pairs = events_.has_held() || events_.has_opens();
  const std::uint32_t next = current_ ^ 1;
  windows_[next] =
      std::make_unique<Window>(window().number + 1, events_, pairs ? &window() : nullptr);
  current_ = next;
  capture_.begin_window();
  ending_ = true;
  caught_up_ = false;
  ended_ = std::chrono::steady_clock::now();
}

bool Recorder::has_ended() const {
  constexpr std::chrono::seconds kPatience{1};
  if (!ending_ || !caught_up_) return false;
  if (std::chrono::steady_clock::now() - ended_ >= kPatience) return true;
  const std::uint32_t its = current_ ^ 1;
  return waiting_.empty() && !unnamed_.has_in(its) &&
         std::ranges::none_of(deferred_, [=](const Deferred& d) { return d->head.window == its; });
}

std::unique_ptr<Window> Recorder::take_window() {
  const std::uint32_t its = current_ ^ 1;
  const auto is_its = [=](const auto& one) { return one->head.window == its; };
  if (std::ranges::any_of(deferred_, is_its)) finish_walks(true);
  name_stacks(true);
  // What has no name by now may never get one.
  for (Target* target : waiting_) {
    target->name_waiting(*symbols_, true);
    target->forget_waiting();
  }
  waiting_.clear();
  for (const jt_held& begun : capture_.held()) hand_on(*windows_.at(its), begun);
  ending_ = false;
  return std::move(windows_.at(its));
}

// What the next window has to know of something that has begun in this one.
void Recorder::hand_on(const Window& from, const jt_held& begun) {
  Window& to = window();
  to.samples.inherit(begun.key);
  to.values.inherit(begun.key.values);
  if (const auto thread = from.threads.find(begun.tid); thread != from.threads.end()) {
    to.threads.insert(*thread);
  }
  const std::int32_t id = begun.key.kernel_stack;
  if (id < 0) return;
  auto addresses = capture_.stack(from.number, id);
  if (const auto known = from.kernel.find(id); addresses.empty() && known != from.kernel.end()) {
    addresses = known->second;
  }
  to.kernel.try_emplace(id, std::move(addresses));
}

bool Recorder::renew_names(LateNames& late) {
  // The list of single events names what is in the stores by where it lies.
  if (ending_ || lists_ || !waiting_.empty()) return false;
  auto fresh = std::make_unique<profile::SymbolTable>();
  profile::Mover mover(*symbols_, *fresh);
  const auto move = [&](LocationId id) { return mover.location(late.settled(id)); };
  window().samples.rename(move);
  unnamed_.for_each([&](UnnamedStack& stack) {
    for (auto& id : stack.java) {
      if (id) id = move(*id);
    }
  });
  symbols_ = std::move(fresh);
  late.forget();
  return true;
}

void Recorder::forget_window(const Window& window) {
  capture_.forget(window.number);
  for (Target* target : targets_.note_window(capture_)) changed_.insert(target);
}

void Recorder::open_kernel_symbols() {
  const Raised rights({Capability::Syslog});
  kernel_file_.reset(::open("/proc/kallsyms", O_RDONLY | O_CLOEXEC));
}

std::vector<LocationId> Recorder::kernel_frames(const Window& window, std::int32_t id) {
  std::vector<LocationId> locations;
  if (id < 0) return locations;
  if (kernel_file_.valid()) {
    if (auto loaded = symbolize::KernelSymbols::load(kernel_file_.get())) {
      kernel_ = std::move(*loaded);
    }
    kernel_file_.reset();
  }
  // Where the kernel lies is not for a user who was lent the right to trace.
  const bool hidden = rights_are_lent();
  auto addresses = capture_.stack(window.number, id);
  if (const auto known = window.kernel.find(id);
      addresses.empty() && known != window.kernel.end()) {
    addresses = known->second;
  }
  for (const std::uint64_t address : addresses) {
    profile::Location location{.mapping = {},
                               .address = hidden ? 0 : address,
                               .reason = UnknownReason::NoSymbols,
                               .lines = {}};
    const auto found = kernel_ ? kernel_->find(address) : std::nullopt;
    if (found && locations.empty() && is_of_tracing(found->name)) continue;
    if (found) {
      location.reason = UnknownReason::None;
      location.lines.push_back(
          {.function = symbols_->function(found->name), .kind = FrameKind::Kernel});
    }
    locations.push_back(symbols_->location(location));
  }
  return locations;
}

}  // namespace jtrace::session
