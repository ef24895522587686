// SPDX-License-Identifier: Apache-2.0
#include "session/target.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/privileges.h"
#include "base/rights.h"
#include "session/frames.h"

namespace jtrace::session {
namespace {

using profile::LocationId;
using profile::UnknownReason;

// A JVM makes its code cache within tens of milliseconds of mapping libjvm; one that has not after
// this long is not of a kind we know.
constexpr std::chrono::seconds kJvmStart{3};

constexpr std::chrono::milliseconds kProbe{2};
constexpr std::size_t kMostProbes = 50;

// Of one JVM; the kernel's table holds 16 384.
constexpr std::size_t kMaxThreads = 8192;

bool is_libjvm(const process::MapEntry& entry) {
  return entry.executable && std::filesystem::path(entry.path).filename() == "libjvm.so";
}

LocationId marker(std::string_view text, profile::SymbolTable& symbols) {
  return symbols.location(
      {.mapping = {},
       .address = 0,
       .reason = UnknownReason::None,
       .lines = {{.function = symbols.function(text), .kind = profile::FrameKind::Marker}}});
}

// Its maps can be read with CAP_PERFMON alone, its files and memory cannot: better no stack than
// none that is whole. Where our rights are lent none is in effect here, so that this is the
// kernel's PTRACE_MODE_READ_FSCREDS check of the caller: ids, dumpable, capabilities, security
// modules.
Status check_readable(pid_t pid) {
  const std::string exe = "/proc/" + std::to_string(pid) + "/exe";
  char byte = 0;
  if (::readlink(exe.c_str(), &byte, 1) >= 0 || (errno != EACCES && errno != EPERM)) return {};
  const std::string what = "read process " + std::to_string(pid);
  if (rights_are_lent()) {
    return fail(Errc::Environment,
                what + ": user " + std::to_string(::getuid()) + " may not trace it",
                "only root may, or its own user (doctor: memory)");
  }
  return refused(what, errno, {Capability::SysPtrace}, "memory");
}

bool is_openj9(const process::MapEntry& entry) {
  return entry.executable &&
         std::filesystem::path(entry.path).filename().string().starts_with("libj9vm");
}

LocationId unknown_at(std::uint64_t address, UnknownReason reason, profile::SymbolTable& symbols) {
  return symbols.location({.mapping = {}, .address = address, .reason = reason, .lines = {}});
}

}  // namespace

SharedTables::SharedTables(std::size_t max_rows, std::size_t max_symbols)
    : symbol_files({}, "jtrace-symbols"),
      cache(CacheFolder::default_directory()),
      store(max_rows),
      binaries(store, &cache, files),
      native(symbol_files, max_symbols) {
  files.get_ready();
}

const Result<jvmsym::hotspot::VmSymbols>& SharedTables::libjvm(pid_t tgid,
                                                               const unwind::MappedImage& image) {
  const unwind::Binary* binary = image.binary;
  if (const auto it = libjvms.find(binary); it != libjvms.end()) return it->second;
  if (binary->file.valid()) {
    return libjvms.emplace(binary, files.vm_symbols(tgid, binary->file.get())).first->second;
  }
  const auto found = process::find_mapped_file(tgid, image.entry);
  return libjvms
      .emplace(binary, found ? files.vm_symbols(tgid, found->get())
                             : fail(found.error().code, found.error().message))
      .first->second;
}

bool SharedTables::note_window(capture::Capture& capture) {
  const auto gone = binaries.note_window(
      native.excess(), [this](const unwind::Binary& binary) { return native.bytes_of(binary); });
  for (const unwind::Binary* binary : gone) {
    native.forget(*binary);
    libjvms.erase(binary);
  }
  if (!gone.empty()) capture.retire_rows();
  return !gone.empty();
}

Status SharedTables::upload(capture::Capture& capture) {
  JT_CHECK_OK(store.write_changes([&](std::uint32_t first, std::span<const jt_row> rows) {
    return capture.write_rows(first, rows);
  }));
  const auto rules = store.rules();
  JT_CHECK_OK(capture.write_rules(uploaded_rules, rules.subspan(uploaded_rules)));
  uploaded_rules = static_cast<std::uint32_t>(rules.size());
  return {};
}

std::optional<std::uint16_t> SharedTables::take_jvm() {
  if (!free_jvms.empty()) {
    const std::uint16_t index = free_jvms.back();
    free_jvms.pop_back();
    return index;
  }
  if (jvms.size() >= JT_MAX_JVMS) return std::nullopt;
  jvms.emplace_back();
  return static_cast<std::uint16_t>(jvms.size() - 1);
}

Target::Target(process::ProcessInfo info, UniqueFd pidfd, SharedTables& shared,
               const cli::Options& options)
    : info_(std::move(info)),
      pidfd_(std::move(pidfd)),
      shared_(shared),
      raw_names_(options.raw_names),
      memory_(info_.key.tgid),
      space_(info_.key.tgid, shared.binaries),
      names_(options,
             {.files = shared.files,
              .attacher = shared.attacher ? &*shared.attacher : nullptr,
              .agent = shared.agent ? &*shared.agent : nullptr},
             info_, pidfd_.get(), shared.late_names) {}

Target::~Target() {
  if (jvm_index_) shared_.free_jvms.push_back(*jvm_index_);
}

Result<std::unique_ptr<Target>> Target::open(pid_t pid, SharedTables& shared,
                                             const cli::Options& options) {
  JT_TRY(auto target, adopt({.tgid = pid}, shared, options));
  JT_CHECK_OK(target->refresh(nullptr));
  return target;
}

Result<std::unique_ptr<Target>> Target::adopt(capture::Life life, SharedTables& shared,
                                              const cli::Options& options) {
  const pid_t pid = life.tgid;
  JT_TRY(auto info, process::find_process(pid));
  if (info.kernel_thread) {
    return fail(Errc::Target, std::to_string(pid) + " (" + info.comm + ") is a kernel thread");
  }
  JT_CHECK_OK(check_readable(pid));
  // pidfd_open is in no libc before glibc 2.36.
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    return fail(Errc::Target, errno_text("watch process " + std::to_string(pid), errno));
  }
  std::unique_ptr<Target> target(new Target(std::move(info), std::move(pidfd), shared, options));
  target->birth_ = life.birth;
  return target;
}

std::unique_ptr<Target> Target::remains(capture::Life life,
                                        std::span<const capture::LoggedMapping> mappings,
                                        SharedTables& shared, const cli::Options& options) {
  process::ProcessInfo info;
  info.key.tgid = life.tgid;
  std::unique_ptr<Target> target(new Target(std::move(info), UniqueFd(), shared, options));
  target->birth_ = life.birth;
  target->use(mappings);
  return target;
}

void Target::use(std::span<const capture::LoggedMapping> mappings) {
  std::vector<process::MapEntry> maps;
  for (const auto& one : mappings) {
    process::MapEntry entry;
    entry.start = one.start;
    entry.end = one.end;
    entry.offset = one.offset;
    entry.device = one.device;
    entry.inode = one.inode;
    entry.executable = true;
    entry.path = one.path;
    maps.push_back(std::move(entry));
  }
  ranges_ = space_.build(std::move(maps), {});
  jvm_pending_ = false;
}

bool Target::libjvm_mapped() const {
  return std::ranges::any_of(space_.maps(), [this](const process::MapEntry& entry) {
    return is_libjvm(entry) && entry.start == libjvm_start_;
  });
}

void Target::probe_jvm() {
  jvm_pending_ = false;
  const auto& maps = space_.maps();
  const auto entry = std::ranges::find_if(maps, is_libjvm);
  if (vm_) return;
  if (entry == maps.end()) {
    if (std::ranges::any_of(maps, is_openj9)) jvm_note_ = "OpenJ9 is not supported";
    return;
  }
  const auto range = std::ranges::find_if(
      ranges_, [&](const jt_range& r) { return r.start == entry->start && r.mapping != 0; });
  if (range == ranges_.end()) return;
  const auto* image = space_.image(range->mapping);
  if (image == nullptr || image->binary == nullptr) return;
  const auto& symbols = shared_.libjvm(info_.key.tgid, *image);
  if (!symbols) {
    jvm_note_ = symbols.error().message;
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (!jvm_first_seen_) jvm_first_seen_ = now;
  const bool young = now - *jvm_first_seen_ < kJvmStart;
  if (!pace_.allows() || !is_due()) {
    jvm_pending_ = young;
    return;
  }
  // It takes a millisecond, and 64 that start at once would have us do nothing else.
  next_probe_ = now + kProbe * std::clamp<std::size_t>(shared_.starting, 1, kMostProbes);
  auto vm = pace_.run(kReading, [&] {
    return jvmsym::hotspot::HotspotVm::attach(memory_, symbols->at(range->bias));
  });
  if (!vm) {
    jvm_note_ = vm.error().message;
    jvm_pending_ = young;
    return;
  }
  if (!jvm_index_) {
    jvm_index_ = shared_.take_jvm();
    if (!jvm_index_) {
      jvm_note_ = "more than " + std::to_string(JT_MAX_JVMS) + " JVMs";
      return;
    }
  }
  vm_ = std::move(*vm);
  libjvm_start_ = entry->start;
  if (raw_names_) vm_->use_raw_names();
  jvm_note_.clear();
  jvm_version_ = vm_->version();
  names_.open_log();
}

std::vector<unwind::CodeCacheRange> Target::code_ranges() const {
  std::vector<unwind::CodeCacheRange> ranges;
  if (!vm_) return ranges;
  const jt_hotspot& config = vm_->walk_config();
  for (std::uint32_t i = 0; i < config.heap_count && i < JT_MAX_HEAPS; ++i) {
    ranges.push_back({config.heaps[i].low, config.heaps[i].high, *jvm_index_});
  }
  return ranges;
}

// Without a compiled method (-Xint) there is nothing to learn, and looking walks the code heaps.
void Target::learn_names() {
  constexpr std::chrono::seconds kEvery{1};
  const auto now = std::chrono::steady_clock::now();
  if (now - names_looked_up_ < kEvery || !pace_.allows()) return;
  names_looked_up_ = now;
  (void)pace_.run(kReading, [&] { return vm_->refresh_walk_config(); });
}

Status Target::refresh(capture::Capture* capture) {
  if (rights_are_lent() && !check_readable(info_.key.tgid)) revoked_ = true;
  if (revoked_) {
    if (capture) capture->targets().remove(life());
    return {};
  }
  // Asked before the mappings are read: what changes meanwhile stays dirty.
  const std::uint32_t seq = capture ? capture->targets().changes(info_.key.tgid) : 0;
  JT_TRY(ranges_, space_.refresh(code_ranges()));
  names_.look_for_dump(space_.maps());
  // Its image was replaced and the notice lost, or dlclose took it: nothing it says holds any more.
  if (vm_ && !libjvm_mapped()) {
    forget_image();
    JT_TRY(ranges_, space_.refresh({}));
  }
  if (!vm_) {
    probe_jvm();
    if (vm_) {
      JT_TRY(ranges_, space_.refresh(code_ranges()));
    }
  }
  jt_target target{};
  target.clean_seq = seq;
  target.code_lo = 1;  // none
  if (vm_) {
    learn_names();
    shared_.jvms[*jvm_index_] = vm_->walk_config();
    target.jvm = *jvm_index_ + 1U;
    target.code_lo = ~0ULL;
    for (const auto& range : code_ranges()) {
      target.code_lo = std::min<std::uint64_t>(target.code_lo, range.low);
      target.code_hi = std::max<std::uint64_t>(target.code_hi, range.high);
    }
  }
  // Dirty stays dirty: events of a JVM that is just starting are deferred until it can be read.
  if (jvm_pending_) target.clean_seq = seq - 1;
  if (!capture) return {};
  if (vm_ && !threads_told_) tell_all_java_threads(*capture);
  JT_CHECK_OK(shared_.upload(*capture));
  if (vm_) JT_CHECK_OK(capture->write_jvm(*jvm_index_, shared_.jvms[*jvm_index_]));
  return capture->targets().set(life(), ranges_, target);
}

void Target::forget_image() {
  vm_.reset();
  next_probe_ = {};
  asked_threads_.clear();
  threads_told_ = false;
  jvm_first_seen_.reset();
  jvm_version_.clear();
  native_cache_.clear();
  names_.forget_image();
}

unwind::WalkTables Target::walk_tables() const {
  return {.ranges = ranges_,
          .rows = shared_.store.rows(),
          .rules = shared_.store.rules(),
          .jvms = shared_.jvms,
          .jvm = vm_ ? *jvm_index_ + 1U : 0};
}

unwind::WalkResult Target::walk(const jt_deferred_record& record, std::uint32_t max_frames) const {
  return unwind::walk(walk_tables(), unwind::walk_input(record), memory_, max_frames);
}

Target::Place Target::place_at(std::uint64_t pc) const {
  auto it = std::ranges::upper_bound(ranges_, pc, {}, &jt_range::start);
  if (it == ranges_.begin() || pc >= (--it)->end) return {};
  return {.java = it->kind == JT_RANGE_HOTSPOT, .image = space_.image(it->mapping)};
}

jt_frame Target::frame_at(std::uint64_t pc, bool exact) const {
  const auto [java, image] = place_at(pc);
  const std::uint64_t kind =
      (java ? JT_FRAME_STUB : JT_FRAME_NATIVE) | (exact ? JT_FRAME_EXACT : 0U);
  return {.where = kind << JT_ADDR_BITS | (pc & JT_ADDR_MASK),
          .info = image == nullptr ? 0 : image->id};
}

LocationId Target::locate(const jt_frame& frame, const Moment& moment,
                          profile::SymbolTable& symbols) {
  switch (kind_of(frame)) {
    case JT_FRAME_NATIVE:
      return locate_native(frame, moment, symbols);
    case JT_FRAME_FROZEN:
      return marker("[virtual-thread frames in heap]", symbols);
    case JT_FRAME_GAP:
      return marker("[gap]", symbols);
    default:
      return names_.locate(frame, moment, vm_.get(), pace_, symbols);
  }
}

void Target::ask_java_thread(std::uint32_t tid) {
  if (asked_threads_.size() >= kMaxThreads) return;
  asked_threads_.insert(tid);
  asked_lately_ = true;
}

void Target::tell_java_threads(capture::Capture& capture) {
  constexpr std::chrono::seconds kAgain{1};
  if (!vm_ || asked_threads_.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  if (!pace_.allows() || (!asked_lately_ && now - threads_looked_up_ < kAgain)) return;
  threads_looked_up_ = now;
  asked_lately_ = false;
  const auto threads = pace_.run(kReading, [&] { return vm_->java_threads(); });
  std::erase_if(asked_threads_, [&](std::uint32_t tid) {
    const auto inner = process::inner_tid(info_.key.tgid, static_cast<pid_t>(tid));
    if (!inner) return true;
    const auto found = threads.find(*inner);
    if (found == threads.end()) return false;
    capture.set_java_thread(tid, found->second.value, true);
    return true;
  });
}

// Those that are there when tracing begins need not be asked for: their first stacks are whole,
// too.
void Target::tell_all_java_threads(capture::Capture& capture) {
  threads_told_ = true;
  const auto threads = pace_.run(kReading, [&] { return vm_->java_threads(); });
  for (const pid_t tid : process::thread_ids(info_.key.tgid, kMaxThreads)) {
    const auto inner = process::inner_tid(info_.key.tgid, tid);
    const auto found = inner ? threads.find(*inner) : threads.end();
    if (found == threads.end()) continue;
    capture.set_java_thread(static_cast<std::uint32_t>(tid), found->second.value, false);
  }
}

std::optional<std::string> Target::thread_name(std::uint32_t tid) {
  if (!vm_ || !pace_.allows()) return std::nullopt;
  const auto inner = process::inner_tid(info_.key.tgid, static_cast<pid_t>(tid));
  return inner ? pace_.run(kNaming, [&] { return vm_->thread_name(*inner); }) : std::nullopt;
}

bool Target::lasts(const jt_frame& frame) const {
  if (kind_of(frame) != JT_FRAME_NATIVE) return false;
  const auto* image = space_.image(static_cast<std::uint32_t>(frame.info));
  return image == nullptr || image->entry.inode != 0 || image->entry.path == "[vdso]";
}

bool Target::is_ready(const jt_frame& frame) {
  if (!lasts(frame)) return true;
  const auto* image = space_.image(static_cast<std::uint32_t>(frame.info));
  return image == nullptr || shared_.native.is_ready(info_.key.tgid, *image);
}

LocationId Target::locate_native(const jt_frame& frame, const Moment& moment,
                                 profile::SymbolTable& symbols) {
  const std::uint64_t pc = address_of(frame);
  const std::pair key{std::uint64_t{frame.where}, std::uint64_t{frame.info}};
  if (std::exchange(cached_in_, symbols.serial()) != symbols.serial()) native_cache_.clear();
  if (const auto it = native_cache_.find(key); it != native_cache_.end()) return it->second;
  const auto* image = space_.image(static_cast<std::uint32_t>(frame.info));
  LocationId id;
  if (!image) {
    id = unknown_at(pc, UnknownReason::Unmapped, symbols);
  } else if (!lasts(frame)) {
    // Code in no file: another JIT, perhaps one that writes a perf map. Not kept: what has no name
    // yet may have one later, and code moves.
    const auto named = names_.locate_foreign(frame, moment, symbols);
    return named ? *named : unknown_at(pc, UnknownReason::NoSymbols, symbols);
  } else {
    id = shared_.native.locate(info_.key.tgid, *image, pc - image->bias, is_exact(frame), symbols);
    // V8's builtins, whose symbols a stripped file lacks.
    const bool nameless = symbols.locations()[id.value].lines.empty();
    if (nameless && image->binary != nullptr && image->binary->is_v8) {
      if (const auto named = names_.locate_builtin(frame, moment, symbols)) id = *named;
    }
  }
  native_cache_.emplace(key, id);
  return id;
}

}  // namespace jtrace::session
