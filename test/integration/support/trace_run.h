// SPDX-License-Identifier: Apache-2.0
// One run of the real program over one target, in the only order that gives exact counts: the
// target is ready and waits, jtrace is attached, the target works and ends.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "integration/support/child.h"
#include "integration/support/environment.h"
#include "integration/support/stacks.h"
#include "integration/support/truth.h"

namespace jtrace::test {

// Longer than anything takes on a busy two-core machine, shorter than the test's own limit.
constexpr std::chrono::seconds kPatience{120};

struct Traced {
  std::string target_output;
  int target_status = -1;
  int jtrace_status = -1;
  std::string jtrace_log;  // standard error
  std::string jtrace_output;
  std::vector<Stack> stacks;
  Ledger ledger;

  // Of all events kept, the share that the ledger calls complete.
  [[nodiscard]] double complete_share() const;
};

struct TraceOptions {
  std::vector<std::string> events{"syscalls:sys_enter_openat"};
  std::vector<std::string> extra;                 // further arguments of jtrace
  std::function<Status(pid_t target)> before_go;  // jtrace is attached, the target waits
  std::vector<std::string> environment{};         // of the target
  int forks = 0;  // between the program that is started and the target
  std::function<Status(pid_t target)> before_attach{};  // the target is ready
  // While both run, until it returns.
  std::function<Status(Child& target, Child& jtrace)> meanwhile{};
};

// Did the target end before all was named, by a jtrace that a sanitizer makes some times slower? It
// says so itself. Never in another build.
[[nodiscard]] bool named_too_late(const Traced& traced);

// Starts `target`, which prints "ready" and waits for a byte.
[[nodiscard]] Result<Child> start_ready(const std::vector<std::string>& target,
                                        const std::vector<std::string>& environment = {});

// jtrace with `-p PID` and these arguments, returned once it is attached.
[[nodiscard]] Result<Child> start_jtrace(const std::vector<std::string>& arguments);

// The whole run; `target` ends by itself and so does jtrace.
[[nodiscard]] Result<Traced> trace(const std::vector<std::string>& target,
                                   const TraceOptions& options = {});

[[nodiscard]] Result<std::string> read_text(const std::filesystem::path& file);

// What `fired = kept + lost` and `kept = complete + partial` say; empty where the ledger adds up
// and nothing was lost, else what does not.
[[nodiscard]] std::string ledger_faults(const Ledger& ledger);

// Its lines that are not 0, for a person.
[[nodiscard]] std::string to_text(const Ledger& ledger);

}  // namespace jtrace::test
