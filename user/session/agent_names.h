// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "bpf/jtrace_abi.h"
#include "jvmsym/agent/agent_log.h"
#include "profile/symbol_table.h"

namespace jtrace::session {

// Names of one process's compiled frames, from the log of the agent inside of it . A compiled frame
// carries its compile id, and so does its record: which of the methods that had that address it is
// does not depend on any time, and may be found out as late as one likes. That matters, for a
// method runs before the JVM tells of it.
class AgentNames {
 public:
  // `expected`: it was asked for, so that where there is no log it is looked for often.
  AgentNames(pid_t tgid, bool raw_names, bool expected)
      : tgid_(tgid), raw_names_(raw_names), expected_(expected) {}

  // Looks for the log where it is not open yet, or has ended. Soon enough, its process may end.
  void look();
  void look_now() {
    look_again_ = {};
    look();
  }
  // Reads no more: the agent sees that.
  void close() { log_.reset(); }
  // The frame's name; nullopt where the log does not tell (yet). `time`: when it was met; of no
  // matter for compiled code, stubs have no ids.
  [[nodiscard]] std::optional<profile::LocationId> locate(const jt_frame& frame, std::uint64_t time,
                                                          profile::SymbolTable& symbols);
  void forget_image() {
    log_.reset();
    code_ = jvmsym::agent::CodeMap();
    known_.clear();
    look_again_ = {};
  }
  // At the end: reads all that was told. What was met before it was told is found then.
  void catch_up();
  // What the log had no room for, by its own word.
  [[nodiscard]] std::uint64_t dropped() const { return log_ ? log_->dropped() : 0; }
  [[nodiscard]] bool has_log() const { return log_.has_value(); }

 private:
  [[nodiscard]] const jvmsym::agent::CompiledCode* find(const jt_frame& frame,
                                                        std::uint64_t time) const;
  [[nodiscard]] profile::LocationId location(const jvmsym::agent::CompiledCode& code,
                                             const jt_frame& frame,
                                             profile::SymbolTable& symbols) const;

  using FrameKey = std::pair<std::uint64_t, std::uint64_t>;
  pid_t tgid_;
  bool raw_names_;
  bool expected_;
  std::optional<jvmsym::agent::AgentLog> log_;
  jvmsym::agent::CodeMap code_;
  std::chrono::steady_clock::time_point look_again_{};
  std::map<FrameKey, profile::LocationId> known_;
  std::uint64_t known_in_ = 0;  // serial of its table
};

}  // namespace jtrace::session
