// SPDX-License-Identifier: Apache-2.0
// One HotSpot JVM read from outside: what the BPF walker needs of it, and the names of its frames.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "bpf/jtrace_abi.h"
#include "jvmsym/hotspot/java_step.h"
#include "jvmsym/hotspot/vm_structs.h"
#include "process/memory.h"
#include "profile/symbol_table.h"

namespace jtrace::jvmsym::hotspot {

// Reads HotSpot by its own description of itself (gHotSpotVMStructs & co., exported by libjvm.so).
// Not thread-safe. Everything read is hostile: bounds, caps, no crash, no hang.
class HotspotVm {
 public:
  // `libjvm_fd`: libjvm.so as mapped; `bias`: process address minus ELF address; `memory` outlives
  // the object. Errc::Target "not ready" where the code cache does not exist yet (retry later), or
  // where a structure that the walk cannot do without is missing.
  [[nodiscard]] static Result<std::unique_ptr<HotspotVm>> attach(
      const process::MemoryReader& memory, int libjvm_fd, std::uint64_t bias);
  // The same with libjvm's symbols as they lie in the process.
  [[nodiscard]] static Result<std::unique_ptr<HotspotVm>> attach(
      const process::MemoryReader& memory, const VmSymbols& symbols);
  HotspotVm(const HotspotVm&) = delete;
  HotspotVm& operator=(const HotspotVm&) = delete;
  virtual ~HotspotVm() = default;

  // For the BPF side. Heaps' reserved ranges, interpreter bounds, offsets.
  [[nodiscard]] virtual const jt_hotspot& walk_config() const = 0;

  // Learns what was not there at attach: the two names that tell nmethods exist once the first
  // method was compiled. True where walk_config() changed. Cheap once nothing is missing.
  [[nodiscard]] virtual bool refresh_walk_config() = 0;

  // Thread id in the JVM's pid namespace -> its JavaThread; empty where they cannot be read.
  [[nodiscard]] virtual std::unordered_map<pid_t, ProcessAddr> java_threads() = 0;

  // What Java calls the thread with that id there. nullopt: it is none of Java's, or cannot be
  // read.
  [[nodiscard]] virtual std::optional<std::string> thread_name(pid_t thread) = 0;

  // Names a frame of kind INTERPRETED, COMPILED, WRAPPER, STUB or ENTRY. Cached: by (blob, compile
  // id, pc) for compiled code, whose compile id is checked again after its tables were read; by
  // (Method*, bcp) for interpreted frames. Never fails: what has no name says why in its Location.
  // `epoch`: of class unloading when the frame was met (jt_stack_record::epoch): an interpreted
  // frame's name is proven while no class was unloaded since.
  [[nodiscard]] virtual profile::LocationId symbolize(const jt_frame& frame, std::uint64_t epoch,
                                                      profile::SymbolTable& symbols) = 0;

  // Blobs of the code cache that live now, with the compile ids of those that are compiled code.
  // What two pictures have alike was there all the time between them. Walks the code heaps.
  [[nodiscard]] virtual std::unordered_map<std::uint64_t, std::uint32_t> live_code() = 0;

  // A second way through Java frames, for --check-walks.
  [[nodiscard]] virtual JavaStepper& stepper() = 0;

  // Names of lambdas and hidden classes as the JVM has them, with counters and addresses. To be
  // said before the first symbolize.
  virtual void use_raw_names() = 0;

  [[nodiscard]] virtual std::string version() const = 0;  // "17.0.15+6"
  [[nodiscard]] virtual const std::vector<std::string>& missing()
      const = 0;  // features without a field

 protected:
  HotspotVm() = default;
};

}  // namespace jtrace::jvmsym::hotspot
