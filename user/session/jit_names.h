// SPDX-License-Identifier: Apache-2.0
// Names of generated code by the jitdump of its process, which is followed while it is written.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/unique_fd.h"
#include "helper/file_reader.h"
#include "jvmsym/jit_dump.h"
#include "process/identity.h"
#include "process/maps.h"

namespace jtrace::session {

class JitNames {
 public:
  JitNames(helper::FileReader& files, const process::ProcessInfo& info)
      : files_(files), info_(info) {}

  // Whoever writes one maps its first page executable, which says where it is. The file is kept: it
  // can be read when its process is gone.
  void look(std::span<const process::MapEntry> maps);
  [[nodiscard]] bool found() const { return file_.valid(); }

  // Of the code that lived at `pc` at `time`.
  [[nodiscard]] std::optional<std::string_view> find(std::uint64_t pc, std::uint64_t time);
  [[nodiscard]] bool due() const { return found() && Clock::now() >= rested_; }
  // The next look-up reads on, whatever the pace.
  void hurry() { rested_ = {}; }
  // The process has replaced its image.
  void forget();

 private:
  using Clock = std::chrono::steady_clock;
  void read_on();

  helper::FileReader& files_;
  process::ProcessInfo info_;
  UniqueFd file_;
  jvmsym::JitDump dump_;
  Clock::time_point rested_{};
};

}  // namespace jtrace::session
