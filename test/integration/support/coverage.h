// SPDX-License-Identifier: Apache-2.0
// Scenarios in which stacks must be whole and true on every JDK: which program of java/ runs with
// which flags, which events are traced, and how much of it was whole.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "integration/support/jdks.h"

namespace jtrace::test {

enum class Target {
  Java,      // the java launcher
  Embedded,  // a native program that makes a JVM in itself
  VmThreads  // the JVM's own threads are judged: native stacks, whole
};

struct Scenario {
  std::string name;
  std::string program;               // class of package truth
  std::vector<std::string> flags{};  // of the JVM
  bool quick = false;                // one of those that the tests run
  Target target = Target::Java;
  int since = 8;
};

[[nodiscard]] const std::vector<Scenario>& scenarios();

struct Coverage {
  std::uint64_t events = 0;  // of the judged paths, or of the JVM's threads
  double complete = 0;       // share of all that was kept, by jtrace's ledger
  double equal = 0;          // share of the judged events whose stack is the true one
  bool too_late = false;     // named_too_late(): `equal` says nothing
  std::vector<std::string> faults;
};

// Why this JDK has no such scenario; empty where it has.
[[nodiscard]] std::string not_for(const Scenario& scenario, const Jdk& jdk);

// `count`: how often each path is walked.
[[nodiscard]] Result<Coverage> run_scenario(const Scenario& scenario, const Jdk& jdk, int count);

}  // namespace jtrace::test
