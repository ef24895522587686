// SPDX-License-Identifier: Apache-2.0
// The JDKs of scripts/jdks.txt: each a root tree with the C libraries of its own suite, so that a
// target is of another distribution than the tracer.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "integration/support/stacks.h"
#include "integration/support/thread_entries.h"
#include "integration/support/trace_run.h"
#include "integration/support/truth.h"

namespace jtrace::test {

struct Jdk {
  std::string name;
  std::filesystem::path tree;  // "/": this machine's own
  std::filesystem::path home;  // inside the tree
  std::string version;         // of the package

  [[nodiscard]] int major() const;
  // The tree's libc, for a judge of its threads' roots.
  [[nodiscard]] Result<ThreadEntries> thread_entries() const;
};

// The names of scripts/jdks.txt.
[[nodiscard]] std::vector<std::string> jdk_names();
// The oldest, this machine's own and the newest of them: jdk_test has the proof on each. All, where
// $JTRACE_EVERY_JDK is set.
[[nodiscard]] std::vector<std::string> some_jdk_names();
// The first and the last of these, all where $JTRACE_EVERY_JDK is set.
[[nodiscard]] std::vector<std::string> some_of(std::vector<std::string> names);
// Fetches it where it is not there yet; the error says why it cannot be had.
[[nodiscard]] Result<Jdk> fetch_jdk(const std::string& name);
// That of jdk(), for tests of this machine's own.
[[nodiscard]] Jdk own_jdk();

// `java` of this JDK with the classes built beside the tests. In these, "{here}" stands for
// the directory of what is built: "{here}/libtruth_upcall.so".
[[nodiscard]] std::vector<std::string> java_command(const Jdk& jdk,
                                                    const std::vector<std::string>& flags,
                                                    const std::vector<std::string>& arguments);

// Paths of truth.TruthOpens with its library.
constexpr std::size_t kTruthPaths = 23;

// truth.TruthOpens on a JDK.
struct TruthRun {
  std::vector<std::string> flags;  // of the JVM
  std::string count = "5000";      // opens along each path
  std::string library = "libtruth_upcall.so";
  std::string warm{};  // opens before "ready"; empty: as many as the compilers need
};
[[nodiscard]] std::vector<std::string> truth_opens(const Jdk& jdk, const TruthRun& run);
// The same in a container whose root is an overlay on the JDK's tree: kContainerForks below.
[[nodiscard]] std::vector<std::string> contained_opens(const Jdk& jdk, const TruthRun& run,
                                                       bool writable);
constexpr int kContainerForks = 2;

// Expects of such a run that each open was counted, and its stack whole. Prints the verdict.
void expect_truth(const Traced& traced, const std::vector<Stack>& stacks,
                  const ThreadEntries& entries);

}  // namespace jtrace::test
