// SPDX-License-Identifier: Apache-2.0
#include "session/agent_names.h"

#include <algorithm>
#include <string>
#include <vector>

#include "jvmsym/hotspot/java_name.h"
#include "session/frames.h"

namespace jtrace::session {
namespace {

using jvmsym::agent::CompiledCode;
using profile::FrameKind;
using profile::LocationId;

constexpr std::size_t kMaxFrames = 1'000'000;

FrameKind kind_of_root(const CompiledCode& code, const jt_frame& frame) {
  if (kind_of(frame) == JT_FRAME_WRAPPER) return FrameKind::JavaNative;
  return code.comp_level() >= 1 && code.comp_level() <= 3 ? FrameKind::JavaC1 : FrameKind::JavaC2;
}

}  // namespace

void AgentNames::look() {
  using std::chrono::steady_clock;
  const auto begin = steady_clock::now();
  if (begin < look_again_ || (log_ && log_->ended() == 0)) return;
  if (auto log = jvmsym::agent::AgentLog::open(tgid_)) {
    if (!log_ || log_->start_ns() != log->start_ns()) {
      // The new one begins with all that lives; what the old one says stays true.
      if (log_) (void)log_->poll(code_);
      log_.emplace(std::move(*log));
    }
  }
  // A process may have very many descriptors: a twentieth of the time, at most.
  const auto now = steady_clock::now();
  const std::chrono::milliseconds least{expected_ ? 20 : 1000};
  look_again_ = now + std::max<steady_clock::duration>(least, 20 * (now - begin));
}

const CompiledCode* AgentNames::find(const jt_frame& frame, std::uint64_t time) const {
  const std::uint64_t pc = address_of(frame);
  if (has_compile_id(frame)) return code_.find(pc, static_cast<std::uint32_t>(frame.info >> 32));
  const CompiledCode* code = code_.at(inside_of(frame), time);
  return code != nullptr && code->is_stub() ? code : nullptr;
}

LocationId AgentNames::location(const CompiledCode& code, const jt_frame& frame,
                                profile::SymbolTable& symbols) const {
  profile::Location result{.mapping = {},
                           .address = address_of(frame),
                           .reason = {},
                           .source = profile::NameSource::Agent,
                           .lines = {}};
  if (code.is_stub()) {
    result.lines.push_back(
        {.function = symbols.function(code.stub_name()), .kind = FrameKind::JavaStub});
    return symbols.location(result);
  }
  // Where code was interrupted the JVM describes no call: the method itself is certain.
  const auto calls = is_exact(frame) ? std::vector{code.self()} : code.calls(address_of(frame));
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto& call = calls[i];
    const std::string name =
        jvmsym::agent::class_name(call.class_text) + '.' + std::string(call.name);
    const bool root = i + 1 == calls.size();
    const bool wrapper = kind_of(frame) == JT_FRAME_WRAPPER;
    result.lines.push_back(
        {.function = symbols.function(raw_names_ ? name : jvmsym::hotspot::normalise_name(name),
                                      name + std::string(call.signature), call.source),
         .kind = root ? kind_of_root(code, frame) : FrameKind::JavaInlined,
         .line = wrapper ? 0 : call.line,
         .bci = wrapper ? -1 : call.bci});
  }
  return symbols.location(result);
}

std::optional<LocationId> AgentNames::locate(const jt_frame& frame, std::uint64_t time,
                                             profile::SymbolTable& symbols) {
  const FrameKey key{frame.where, frame.info};
  if (std::exchange(known_in_, symbols.serial()) != symbols.serial()) known_.clear();
  if (const auto it = known_.find(key); it != known_.end()) return it->second;
  const CompiledCode* code = find(frame, time);
  if (code == nullptr) {
    look();
    if (!log_ || !log_->poll(code_)) return std::nullopt;
    code = find(frame, time);
    if (code == nullptr) return std::nullopt;
  }
  const LocationId id = location(*code, frame, symbols);
  // That of a stub is right at its time only.
  if (has_compile_id(frame)) {
    if (known_.size() >= kMaxFrames) known_.clear();
    known_.emplace(key, id);
  }
  return id;
}

void AgentNames::catch_up() {
  look_again_ = {};
  look();
  while (log_ && log_->poll(code_)) {
  }
}

}  // namespace jtrace::session
