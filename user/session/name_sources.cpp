// SPDX-License-Identifier: Apache-2.0
#include "session/name_sources.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>

#include "base/counted.h"
#include "export/exporter.h"

namespace jtrace::session {
namespace {

using cli::JvmSymbols;
using Milliseconds = std::chrono::duration<double, std::milli>;

void add_perf_map(const Target& target, std::vector<Remark>& remarks) {
  const auto pid = target.info().key.tgid;
  const PerfNames& names = target.names().perf_map();
  const auto& [reads, all, longest, entries] = names.figures();
  if (const std::string& note = names.note(); !note.empty()) {
    const std::string_view instead = entries == 0 ? "Java code stays unnamed: there is no perf map"
                                     : names.written_for_us()
                                         ? "the last perf map that it wrote is used"
                                         : "the perf map that is there is used";
    remarks.push_back({0, fmt::format("{}: {}; {}", pid, exporting::safe_text(note), instead)});
  }
  if (reads == 0) return;
  remarks.push_back(
      {1, fmt::format("{}: its perf map was read {}, {:.0f} ms in all, {:.0f} ms at most, "
                      "{} the last time",
                      pid, counted(reads, "time"), Milliseconds(all).count(),
                      Milliseconds(longest).count(), counted(entries, "entry", "entries"))});
}

void add_agent(const Target& target, JvmSymbols choice, std::vector<Remark>& remarks) {
  const auto pid = target.info().key.tgid;
  const AgentNames& agent = target.names().agent();
  if (const std::string& note = target.names().agent_note(); !note.empty()) {
    remarks.push_back({0, fmt::format("{}: {}; its compiled frames have no names", pid,
                                      exporting::safe_text(note))});
  } else if (!agent.has_log() && choice == JvmSymbols::Agent) {
    remarks.push_back(
        {0, fmt::format("process {} has no agent loaded: its compiled frames have no names", pid)});
  } else if (agent.dropped() != 0) {
    remarks.push_back(
        {0, fmt::format("the agent's log of process {} left out {} records: frames without names",
                        pid, agent.dropped())});
  }
}

}  // namespace

std::string source_text(const Target& target, JvmSymbols choice) {
  const auto& [reads, all, longest, entries] = target.names().perf_map().figures();
  switch (choice) {
    case JvmSymbols::None:
      return "no names of Java code (--jvm-symbols none)";
    case JvmSymbols::Agent:
      return target.names().agent().has_log()
                 ? "names of compiled code by its agent's log, of interpreted code by vmStructs"
                 : "names of compiled code by its agent, of which there is none yet";
    case JvmSymbols::PerfMap:
      return fmt::format("names of Java code by its perf map, {} entries, read in {:.0f} ms",
                         entries, Milliseconds(longest).count());
    case JvmSymbols::VmStructs:
      return "names of Java code by vmStructs (--jvm-symbols vmstructs)";
    case JvmSymbols::Auto:
      break;
  }
  return target.names().agent().has_log()
             ? "names of Java code by vmStructs, of code that is gone by its agent's log"
             : "names of Java code by vmStructs, which know inlined and interpreted code too";
}

std::vector<Remark> what_names_lack(const Target& target, JvmSymbols choice) {
  std::vector<Remark> remarks;
  add_perf_map(target, remarks);
  if (target.is_jvm()) add_agent(target, choice, remarks);
  return remarks;
}

}  // namespace jtrace::session
