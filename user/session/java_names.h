// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "bpf/jtrace_abi.h"
#include "cli/options.h"
#include "jvmsym/hotspot/hotspot.h"
#include "profile/symbol_table.h"
#include "session/agent_file.h"
#include "session/agent_names.h"
#include "session/jit_names.h"
#include "session/late_names.h"
#include "session/pace.h"
#include "session/perf_names.h"

namespace jtrace::session {

// CPU time that a real JVM never takes: naming a frame takes 20 us, reading its threads or looking
// through its code heaps a few milliseconds.
inline constexpr std::chrono::milliseconds kNaming{10}, kReading{60};

// When the stack of a frame was met first.
struct Moment {
  std::uint64_t epoch = JT_NO_EPOCH;  // jt_stack_record::epoch
  std::uint64_t time_ns = 0;          // jt_record_head::time_ns
};

// Names of one process's generated code, by the sources that --jvm-symbols allows, best first: the
// JVM's own tables, its agent's log, a jitdump, its perf map. A source that has no name for a frame
// leaves it to the next one. `vm`: null where the process is no JVM that we know.
class JavaNames {
 public:
  using Vm = jvmsym::hotspot::HotspotVm;

  // Who reads files, asks JVMs and has the agent for them; null where nobody is to be asked.
  struct Means {
    helper::FileReader& files;
    Attacher* attacher;
    const AgentFile* agent;
  };
  JavaNames(const cli::Options& options, const Means& means, const process::ProcessInfo& info,
            int pidfd, LateNames& late);

  // As soon as it is a JVM: its log may outlive it.
  void open_log();
  // Before there are events: has its JVM load the agent, or write a map.
  void prepare(Vm& vm);
  // Tells the agent that was loaded so that nobody reads any more.
  void release();
  [[nodiscard]] profile::LocationId locate(const jt_frame& frame, const Moment& moment, Vm* vm,
                                           Pace& pace, profile::SymbolTable& symbols);
  // Code in no file that is not HotSpot's, or not known as such.
  [[nodiscard]] std::optional<profile::LocationId> locate_foreign(const jt_frame& frame,
                                                                  const Moment& moment,
                                                                  profile::SymbolTable& symbols);
  // The same in a file without symbols.
  [[nodiscard]] std::optional<profile::LocationId> locate_builtin(const jt_frame& frame,
                                                                  const Moment& moment,
                                                                  profile::SymbolTable& symbols);
  // After the mappings of the process were read.
  void look_for_dump(std::span<const process::MapEntry> maps);
  // Gives up on those that wait: no table has their locations any more.
  void forget_waiting() { waiting_.clear(); }
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }
  // Names what waits, where a newer map is due; at the end whatever the pace.
  void name_waiting(Vm* vm, profile::SymbolTable& symbols, bool last);
  // The process has replaced its image.
  void forget_image();

  [[nodiscard]] const PerfNames& perf_map() const { return perf_map_; }
  [[nodiscard]] const AgentNames& agent() const { return agent_; }
  // Why the agent was not loaded; empty where it was, or was there.
  [[nodiscard]] const std::string& agent_note() const { return agent_note_; }

 private:
  void load_agent();
  [[nodiscard]] bool uses(profile::NameSource source) const;
  [[nodiscard]] std::optional<profile::LocationId> by_agent(const jt_frame& frame,
                                                            std::uint64_t time,
                                                            profile::SymbolTable& symbols);
  [[nodiscard]] std::optional<profile::LocationId> by_dump(const jt_frame& frame,
                                                           std::uint64_t time, const Vm* vm,
                                                           profile::SymbolTable& symbols);
  [[nodiscard]] std::optional<profile::LocationId> by_perf_map(const jt_frame& frame, Vm* vm,
                                                               profile::SymbolTable& symbols);
  [[nodiscard]] profile::FunctionId function_of(std::string_view name,
                                                profile::SymbolTable& symbols) const;
  [[nodiscard]] bool may_come(const jt_frame& frame) const;
  [[nodiscard]] profile::LocationId wait(const jt_frame& frame, std::uint64_t time,
                                         profile::LocationId unknown,
                                         profile::SymbolTable& symbols);

  using FrameKey = std::pair<std::uint64_t, std::uint64_t>;
  cli::JvmSymbols choice_;
  bool raw_names_;
  LateNames& late_;
  Means means_;
  pid_t tgid_;
  int pidfd_;
  bool loaded_ = false;  // by us
  std::string agent_note_;
  AgentNames agent_;
  JitNames dump_;
  PerfNames perf_map_;
  struct Waiting {
    profile::LocationId location;
    std::uint64_t time_ns = 0;  // when it was met first
  };
  std::map<FrameKey, Waiting> waiting_;
};

}  // namespace jtrace::session
