// SPDX-License-Identifier: Apache-2.0
#include "session/java_names.h"

#include <string>

#include "jvmsym/hotspot/java_name.h"
#include "jvmsym/perf_map.h"
#include "session/frames.h"
#include "symbolize/script_name.h"

namespace jtrace::session {

using cli::JvmSymbols;
using profile::FrameKind;
using profile::LocationId;
using profile::NameSource;
using profile::SymbolTable;
using profile::UnknownReason;

JavaNames::JavaNames(const cli::Options& options, const Means& means,
                     const process::ProcessInfo& info, int pidfd, LateNames& late)
    : choice_(options.jvm_symbols),
      raw_names_(options.raw_names),
      late_(late),
      means_(means),
      tgid_(info.key.tgid),
      pidfd_(pidfd),
      agent_(info.key.tgid, options.raw_names, choice_ == JvmSymbols::Agent),
      dump_(means.files, info),
      perf_map_(means.files, means.attacher, info, pidfd) {}

bool JavaNames::uses(NameSource source) const {
  if (choice_ == JvmSymbols::Auto) return true;
  switch (source) {
    case NameSource::Walk:
    case NameSource::VmStructs:
      return choice_ == JvmSymbols::VmStructs;
    case NameSource::Agent:
      return choice_ == JvmSymbols::Agent;
    case NameSource::JitDump:
    case NameSource::PerfMap:
    case NameSource::FoundPerfMap:
      return choice_ == JvmSymbols::PerfMap;
  }
  return false;
}

void JavaNames::open_log() {
  if (uses(NameSource::Agent)) agent_.look();
}

void JavaNames::prepare(Vm& vm) {
  if (means_.agent && means_.attacher && !agent_.has_log()) load_agent();
  if (choice_ == JvmSymbols::PerfMap) perf_map_.prepare(vm);
}

void JavaNames::load_agent() {
  const auto done = means_.attacher->load(tgid_, pidfd_, means_.agent->library(), "");
  loaded_ = done.has_value();
  if (!done) {
    const Error& error = done.error();
    agent_note_ = error.message + (error.hint.empty() ? "" : "; " + error.hint);
  }
  agent_.look_now();
}

// Should it not be told, it ends by itself: it looks whether anybody reads.
void JavaNames::release() {
  agent_.close();
  if (loaded_) (void)means_.attacher->load(tgid_, pidfd_, means_.agent->library(), "stop");
  loaded_ = false;
}

void JavaNames::look_for_dump(std::span<const process::MapEntry> maps) {
  if (uses(NameSource::JitDump)) dump_.look(maps);
}

void JavaNames::forget_image() {
  loaded_ = false;
  // What it named stays so: those frames were met. A new image has a log of its own.
  agent_.forget_image();
  dump_.forget();
  perf_map_.forget();
  waiting_.clear();
}

LocationId JavaNames::locate(const jt_frame& frame, const Moment& moment, Vm* vm, Pace& pace,
                             SymbolTable& symbols) {
  // A log and a map tell of what is generated only.
  const bool interpreted = kind_of(frame) == JT_FRAME_INTERPRETED;
  if (choice_ == JvmSymbols::Agent && !interpreted) {
    if (const auto id = by_agent(frame, moment.time_ns, symbols)) return *id;
  }
  const bool by_vm = uses(NameSource::VmStructs) || (choice_ == JvmSymbols::Agent && interpreted);
  const LocationId id =
      by_vm && vm && pace.allows()
          ? pace.run(kNaming, [&] { return vm->symbolize(frame, moment.epoch, symbols); })
          : symbols.location({.mapping = {},
                              .address = address_of(frame),
                              .reason = UnknownReason::NoJvmSymbols,
                              .lines = {}});
  if (!symbols.locations()[id.value].lines.empty()) return id;
  if (kind_of(frame) == JT_FRAME_ENTRY) {
    // Known by its kind, whatever the source of names.
    return symbols.location(
        {.mapping = {},
         .address = address_of(frame),
         .reason = {},
         .source = NameSource::Walk,
         .lines = {{.function = symbols.function("call_stub"), .kind = FrameKind::JavaStub}}});
  }
  if (interpreted) return id;
  if (choice_ == JvmSymbols::Auto) {
    if (const auto found = by_agent(frame, moment.time_ns, symbols)) return *found;
  }
  if (const auto found = by_dump(frame, moment.time_ns, vm, symbols)) return *found;
  if (const auto found = by_perf_map(frame, vm, symbols)) return *found;
  return may_come(frame) ? wait(frame, moment.time_ns, id, symbols) : id;
}

std::optional<LocationId> JavaNames::locate_builtin(const jt_frame& frame, const Moment& moment,
                                                    SymbolTable& symbols) {
  if (const auto found = by_dump(frame, moment.time_ns, nullptr, symbols)) return found;
  return by_perf_map(frame, nullptr, symbols);
}

std::optional<LocationId> JavaNames::locate_foreign(const jt_frame& frame, const Moment& moment,
                                                    SymbolTable& symbols) {
  if (const auto found = locate_builtin(frame, moment, symbols)) return found;
  // A runtime that writes down its code may not have been read to this one yet.
  if (!dump_.found() && !perf_map_.has_map()) return std::nullopt;
  const LocationId unknown = symbols.location({.mapping = {},
                                               .address = address_of(frame),
                                               .reason = UnknownReason::NoSymbols,
                                               .lines = {}});
  return wait(frame, moment.time_ns, unknown, symbols);
}

std::optional<LocationId> JavaNames::by_dump(const jt_frame& frame, std::uint64_t time,
                                             const Vm* vm, SymbolTable& symbols) {
  if (!uses(NameSource::JitDump)) return std::nullopt;
  const auto name = dump_.find(inside_of(frame), time);
  if (!name) return std::nullopt;
  const bool method = vm && has_compile_id(frame);
  return symbols.location({.mapping = {},
                           .address = address_of(frame),
                           .reason = {},
                           .source = NameSource::JitDump,
                           .lines = {{.function = function_of(*name, symbols),
                                      .kind = method ? FrameKind::JavaC2
                                              : vm   ? FrameKind::JavaStub
                                                     : FrameKind::Native}}});
}

std::optional<LocationId> JavaNames::by_agent(const jt_frame& frame, std::uint64_t time,
                                              SymbolTable& symbols) {
  if (!uses(NameSource::Agent)) return std::nullopt;
  return agent_.locate(frame, time, symbols);
}

std::optional<LocationId> JavaNames::by_perf_map(const jt_frame& frame, Vm* vm,
                                                 SymbolTable& symbols) {
  if (!uses(NameSource::PerfMap)) return std::nullopt;
  const auto name = vm ? perf_map_.find(frame, *vm) : perf_map_.find(inside_of(frame));
  if (!name) return std::nullopt;
  const bool proven = vm && perf_map_.written_for_us();
  profile::Location location{.mapping = {},
                             .address = address_of(frame),
                             .reason = {},
                             .source = proven ? NameSource::PerfMap : NameSource::FoundPerfMap,
                             .lines = {}};
  // The level of a method is not in the map; what is no method is a stub, or another runtime's
  // code.
  if (const auto method = jvmsym::perf_map_method(*name)) {
    const bool wrapper = kind_of(frame) == JT_FRAME_WRAPPER;
    // As vmStructs' names are shown, so that the sources add up.
    const std::string shown = raw_names_ ? *method : jvmsym::hotspot::normalise_name(*method);
    location.lines.push_back({.function = symbols.function(shown, *name),
                              .kind = wrapper ? FrameKind::JavaNative : FrameKind::JavaC2});
  } else {
    location.lines.push_back({.function = function_of(*name, symbols),
                              .kind = vm ? FrameKind::JavaStub : FrameKind::Native});
  }
  return symbols.location(location);
}

profile::FunctionId JavaNames::function_of(std::string_view name, SymbolTable& symbols) const {
  const auto script = raw_names_ ? std::nullopt : symbolize::script_name(name);
  return script ? symbols.function(script->name, name, script->file) : symbols.function(name);
}

// Code that was made since the map was written, or of which the JVM has not told its agent yet.
// (Address, compile id) mean it for as long as the JVM lives.
bool JavaNames::may_come(const jt_frame& frame) const {
  if (!has_compile_id(frame)) return false;
  return (choice_ == JvmSymbols::PerfMap && perf_map_.written_for_us()) ||
         choice_ == JvmSymbols::Agent || (uses(NameSource::Agent) && agent_.has_log());
}

LocationId JavaNames::wait(const jt_frame& frame, std::uint64_t time, LocationId unknown,
                           SymbolTable& symbols) {
  const FrameKey key{frame.where, frame.info};
  if (const auto known = waiting_.find(key); known != waiting_.end()) {
    return known->second.location;
  }
  const LocationId id = late_.wait(address_of(frame), unknown, symbols);
  if (id != unknown) waiting_.emplace(key, Waiting{id, time});
  return id;
}

void JavaNames::name_waiting(Vm* vm, SymbolTable& symbols, bool last) {
  if (waiting_.empty()) return;
  if (last) {
    perf_map_.hurry();
    dump_.hurry();
    agent_.catch_up();
  }
  const bool asked = choice_ == JvmSymbols::PerfMap;
  if (!last && !(perf_map_.due() && (asked || vm == nullptr)) && !dump_.due()) return;
  std::erase_if(waiting_, [&](const auto& entry) {
    const auto& [key, waits] = entry;
    const jt_frame frame{.where = key.first, .info = key.second};
    const bool foreign = kind_of(frame) == JT_FRAME_NATIVE;
    std::optional<LocationId> named;
    if (!foreign) named = by_agent(frame, 0, symbols);
    if (!named) named = by_dump(frame, waits.time_ns, foreign ? nullptr : vm, symbols);
    if (!named && (vm || foreign)) {
      named = by_perf_map(frame, foreign ? nullptr : vm, symbols);
    }
    if (named) late_.settle(waits.location, *named);
    return named.has_value();
  });
}

}  // namespace jtrace::session
