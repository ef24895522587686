// SPDX-License-Identifier: Apache-2.0
#include "session/perf_names.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "session/frames.h"

namespace jtrace::session {
namespace {

using jvmsym::hotspot::HotspotVm;

// One part in 20 of the time at most goes into maps, and ten maps a second: while its JVM writes
// one no compiler can install code.
constexpr int kRest = 20;
constexpr std::chrono::milliseconds kLeastRest{100};

}  // namespace

PerfNames::PerfNames(helper::FileReader& files, Attacher* attacher,
                     const process::ProcessInfo& info, int pidfd)
    : files_(files), attacher_(attacher), info_(info), pidfd_(pidfd) {}

void PerfNames::forget() {
  map_.reset();
  proven_.clear();
  asks_ = true;
  by_jvm_ = false;
  note_.clear();
  rested_ = {};
}

void PerfNames::prepare(HotspotVm& vm) {
  if (attacher_ == nullptr || map_) return;
  refresh(&vm);
  // The first question waits for the JVM to start the thread that answers, which is no measure.
  rested_ = Clock::now() + kLeastRest;
}

void PerfNames::read() {
  auto map = files_.perf_map(info_.key.tgid, info_.inner_tgid);
  if (!map) return;
  map_ = std::move(*map);
  figures_.entries = map_->size();
}

// One that refuses or does not answer is not asked again: an answer that does not come holds the
// trace.
PerfNames::Answer PerfNames::ask(HotspotVm& vm) {
  const auto answer = attacher_->ask(info_.key.tgid, pidfd_,
                                     {.name = "jcmd",
                                      .arguments = {"Compiler.perfmap"},
                                      .writes = fmt::format("perf-{}.map", info_.inner_tgid)});
  if (answer) return Answer::Written;
  asks_ = false;
  if (has_ended()) return Answer::None;
  const Error& error = answer.error();
  if (error.message.find("Unknown diagnostic command") != std::string::npos) {
    note_ = fmt::format("HotSpot {} cannot write a perf map (17 and later can)", vm.version());
    return Answer::Refused;
  }
  note_ = error.message + (error.hint.empty() ? "" : "; " + error.hint);
  return Answer::None;
}

bool PerfNames::has_ended() const {
  pollfd ended{.fd = pidfd_, .events = POLLIN, .revents = 0};
  return ::poll(&ended, 1, 0) != 0;
}

void PerfNames::read_proven(HotspotVm& vm, const Code& before) {
  read();
  proven_ = vm.live_code();
  std::erase_if(proven_, [&](const auto& blob) {
    const auto found = before.find(blob.first);
    return found == before.end() || found->second != blob.second;
  });
}

// Where there was no answer the JVM may write the map at any time from then on, of code that nobody
// has looked at meanwhile: what it wrote before, and was proven then, is all that counts.
void PerfNames::refresh(HotspotVm* vm) {
  const auto start = Clock::now();
  if (start < rested_ || has_ended()) return;
  if (vm != nullptr && attacher_ != nullptr && asks_) {
    const Code before = vm->live_code();
    const Answer answer = ask(*vm);
    by_jvm_ = answer != Answer::Refused;
    if (answer == Answer::Written) read_proven(*vm, before);
  }
  if (!by_jvm_) read();
  const auto took = Clock::now() - start;
  ++figures_.reads;
  figures_.all += took;
  figures_.longest = std::max(figures_.longest, took);
  rested_ = Clock::now() + std::max<Clock::duration>(kRest * took, kLeastRest);
}

// Compiled code that its map names: the same blob, and the same compile id in it.
bool PerfNames::proven(const jt_frame& frame) const {
  const bool stub = kind_of(frame) == JT_FRAME_STUB;
  const std::uint64_t distance = stub ? std::uint64_t{frame.info} : frame.info & 0xffffffffU;
  if (distance > address_of(frame)) return false;
  const auto found = proven_.find(address_of(frame) - distance);
  return found != proven_.end() &&
         (stub || found->second == static_cast<std::uint32_t>(frame.info >> 32));
}

std::optional<std::string_view> PerfNames::look_up(std::uint64_t pc) const {
  return map_ ? map_->find(pc) : std::nullopt;
}

std::optional<std::string_view> PerfNames::find(std::uint64_t pc) {
  if (const auto name = look_up(pc)) return name;
  refresh(nullptr);
  return look_up(pc);
}

std::optional<std::string_view> PerfNames::find(const jt_frame& frame, HotspotVm& vm) {
  const std::uint64_t pc = inside_of(frame);
  const auto known = [&]() -> std::optional<std::string_view> {
    if (by_jvm_ && !proven(frame)) return std::nullopt;
    return look_up(pc);
  };
  if (const auto name = known()) return name;
  refresh(&vm);
  return known();
}

}  // namespace jtrace::session
