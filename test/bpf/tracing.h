// SPDX-License-Identifier: Apache-2.0
// A Capture with the tables of its targets, as a session has them, and what came of it.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "event/tracepoint.h"
#include "traced_child.h"
#include "unwind/address_space.h"
#include "unwind/walker.h"

namespace jtrace::test {

struct KeyLess {
  bool operator()(const jt_stack_key& a, const jt_stack_key& b) const {
    return std::memcmp(&a, &b, sizeof(a)) < 0;
  }
};

class Tracing {
 public:
  explicit Tracing(const capture::CaptureConfig& config = {},
                   const capture::KernelFeatures& features = capture::probe_features());

  // Reads the mappings of a process anew; the first time, makes it a target.
  void refresh(pid_t pid, std::uint64_t code_lo = 1, std::uint64_t code_hi = 0);
  // Only system calls: "getppid".
  void attach(const std::string& call, std::uint32_t event = 0, bool kernel_stacks = false);
  void attach_lifecycle();
  void drain();
  // Detaches and drains.
  void finish();

  [[nodiscard]] capture::Capture& capture() { return *capture_; }
  [[nodiscard]] std::uint64_t counter(jt_counter which) const {
    return capture_->counters().at(which);
  }
  [[nodiscard]] std::uint64_t total() const;  // over the counts
  // A deferred event's walk by the tables that there are now.
  [[nodiscard]] unwind::WalkResult walk(const jt_deferred_record& record) const;
  // Gives code that has no CFI a rule, so that such walks pass it.
  void describe(std::uint64_t address, const jt_rule& rule) { described_[address] = rule; }

  std::map<jt_stack_key, std::vector<jt_frame>, KeyLess> stacks;
  std::vector<std::unique_ptr<jt_deferred_record>> deferred;
  std::vector<jt_notice_record> notices;

 private:
  static constexpr std::uint32_t kMaxRows = 2U << 20;

  capture::RecordHandlers handlers_;
  std::unique_ptr<capture::Capture> capture_;
  std::unique_ptr<event::Tracefs> tracefs_;
  unwind::TableStore store_{kMaxRows};
  unwind::DirectReader reader_;
  unwind::BinaryTables binaries_{store_, nullptr, reader_};
  std::map<pid_t, std::unique_ptr<unwind::AddressSpace>> spaces_;
  std::map<pid_t, std::vector<jt_range>> ranges_;
  std::map<std::uint64_t, jt_rule> described_;
};

// Addresses of frames, leaf first.
[[nodiscard]] Trace addresses(const std::vector<jt_frame>& frames);

}  // namespace jtrace::test
