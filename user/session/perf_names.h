// SPDX-License-Identifier: Apache-2.0
// Names of generated code by the perf map of its process, kept as fresh as pays.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "bpf/jtrace_abi.h"
#include "helper/file_reader.h"
#include "jvmsym/hotspot/hotspot.h"
#include "jvmsym/perf_map.h"
#include "process/identity.h"
#include "session/attacher.h"

namespace jtrace::session {

class PerfNames {
 public:
  // `attacher`: who has JVMs write their map; null: what is there is read.
  PerfNames(helper::FileReader& files, Attacher* attacher, const process::ProcessInfo& info,
            int pidfd);

  // Has the map written before there are events, so that the first of them find it.
  void prepare(jvmsym::hotspot::HotspotVm& vm);

  // Code of a runtime that writes its map itself, as it makes code.
  [[nodiscard]] std::optional<std::string_view> find(std::uint64_t pc);
  // A frame of HotSpot's. Of a map that the JVM wrote for us only what was there both before and
  // after: code that took the place of other code has no name until the map is written again.
  [[nodiscard]] std::optional<std::string_view> find(const jt_frame& frame,
                                                     jvmsym::hotspot::HotspotVm& vm);

  // The JVM wrote the map at our request: a frame that it does not name may get its name from a
  // later one.
  [[nodiscard]] bool written_for_us() const { return by_jvm_; }
  [[nodiscard]] bool has_map() const { return map_.has_value(); }
  [[nodiscard]] bool due() const { return Clock::now() >= rested_; }
  // The next look-up reads the map again, whatever the pace: the last one does.
  void hurry() { rested_ = {}; }

  // The process has replaced its image.
  void forget();

  // Why its JVM writes no map; empty where it does, or was not asked.
  [[nodiscard]] const std::string& note() const { return note_; }
  // How often the map was read, how long that took in all, and how long the longest.
  struct Figures {
    std::size_t reads = 0;
    std::chrono::steady_clock::duration all{}, longest{};
    std::size_t entries = 0;
  };
  [[nodiscard]] const Figures& figures() const { return figures_; }

 private:
  using Clock = std::chrono::steady_clock;

  using Code = std::unordered_map<std::uint64_t, std::uint32_t>;  // blob, compile id
  enum class Answer { Written, Refused, None };

  void refresh(jvmsym::hotspot::HotspotVm* vm);
  void read();
  void read_proven(jvmsym::hotspot::HotspotVm& vm, const Code& before);
  [[nodiscard]] Answer ask(jvmsym::hotspot::HotspotVm& vm);
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] bool proven(const jt_frame& frame) const;
  [[nodiscard]] std::optional<std::string_view> look_up(std::uint64_t pc) const;

  helper::FileReader& files_;
  Attacher* attacher_;
  process::ProcessInfo info_;
  int pidfd_;
  std::optional<jvmsym::PerfMap> map_;
  bool asks_ = true;     // the JVM has answered so far
  bool by_jvm_ = false;  // it may have written the file at our request, as map_ if that is there
  Code proven_;          // of map_
  Clock::time_point rested_{};
  std::string note_;
  Figures figures_;
};

}  // namespace jtrace::session
