// SPDX-License-Identifier: Apache-2.0
// Who the processes of a run are, also after their end: for the labels of their samples.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "bpf/jtrace_abi.h"
#include "capture/capture.h"
#include "process/description.h"
#include "process/identity.h"
#include "profile/process.h"

namespace jtrace::session {

class Processes {
 public:
  // `proc`: where /proc is; tests have one of their own.
  explicit Processes(std::filesystem::path proc = "/proc");

  // Samples need labels: there are several processes, or there may be. Before, only those that
  // the run begins with are known.
  void expect_several() { several_ = true; }
  [[nodiscard]] bool several() const { return several_; }

  // It began, or executed something.
  void learn(const process::ProcessInfo& info, std::uint64_t birth);
  // A forked child, until it executes something: what its parent is, but for number and start.
  void inherit(const jt_notice_record& notice);
  // It had ended before it could be read: the program it ran, empty where that is not known.
  void learn_remains(const capture::Life& life, std::string_view program);
  // Its events are all counted in this window or the next one.
  void note_end(const capture::Life& life);
  // A window is published: who ended before the window before it began is forgotten.
  void note_window();

  // Its number alone where it is not known.
  [[nodiscard]] profile::Process find(std::uint32_t tgid) const;
  [[nodiscard]] std::size_t size() const { return by_tgid_.size(); }

  // Some 300 bytes each. Beyond that many they are told apart by their numbers alone.
  static constexpr std::size_t kMost = 32768;

 private:
  struct Known {
    std::shared_ptr<const process::Description> about;  // children share it with their parents
    std::int64_t start_ns = 0;                          // since the epoch
    std::uint64_t birth = 0;                            // capture::Life
    std::optional<std::uint64_t> ended;                 // in which window
  };
  void put(pid_t tgid, Known known);
  [[nodiscard]] std::shared_ptr<const process::Description> about(pid_t tgid) const;

  std::filesystem::path proc_;
  bool several_ = false;
  std::unordered_map<pid_t, Known> by_tgid_;
  std::uint64_t window_ = 0;
  std::int64_t boot_ns_;       // of the clock of /proc/PID/stat, since the epoch
  std::int64_t monotonic_ns_;  // of the kernel side's clock
  std::int64_t tick_ns_;
};

}  // namespace jtrace::session
