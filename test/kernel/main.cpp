// SPDX-License-Identifier: Apache-2.0
// kernel_checks load | entry [NAME TREE HOME] | all NAME TREE HOME: runs in a freshly booted kernel
// with nothing else in it. NAME, TREE, HOME: the JDK, as scripts/fetch_jdks prints it.
//
// Prints `PLAN n`, for each of n checks a line `PASS what` or `FAIL what`, and what it measured.
#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <string>

#include "kernel/check.h"

namespace jtrace::test {
namespace {

bool run(const Check& check) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = check.run();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%s %s: %s (%.1f s)\n", result ? "PASS" : "FAIL", check.name.c_str(),
              (result ? *result : result.error().message).c_str(), seconds);
  return result.has_value();
}

int run_all(const capture::KernelFeatures& features, bool loading, const Jdk* jdk) {
  VerifiedInstructions verified;
  const auto loads = loading ? load_checks(features, verified) : std::vector<Check>();
  auto entries = entry_checks(features);
  std::ranges::move(perf_checks(features), std::back_inserter(entries));
  const auto traces = jdk ? trace_checks(features, *jdk) : std::vector<Check>();
  utsname host{};
  ::uname(&host);
  std::printf("KERNEL %s\nPLAN %zu\n", host.release, loads.size() + entries.size() + traces.size());
  bool good = true;
  for (const Check& check : loads) good &= run(check);
  for (const auto& [program, instructions] : verified) {
    std::printf("VERIFIED %s %u\n", program.c_str(), instructions);
  }
  for (const Check& check : entries) good &= run(check);
  print_features(features, verified);
  for (const Check& check : traces) {
    // What is started now must raise it itself.
    allow_little_locked_memory();
    good &= run(check);
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace jtrace::test

int main(int argc, char** argv) {
  using namespace jtrace::test;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string what = argc > 1 ? argv[1] : "";
  const bool alone = what == "load" || what == "entry";
  if (!(alone && argc == 2) && !(what == "entry" && argc == 5) && !(what == "all" && argc == 5)) {
    std::fputs("usage: kernel_checks load | entry [NAME TREE HOME] | all NAME TREE HOME\n", stderr);
    return 2;
  }
  allow_little_locked_memory();
  const auto features = jtrace::capture::probe_features();
  if (alone && argc == 2) return run_all(features, what == "load", nullptr);
  const Jdk jdk{.name = argv[2], .tree = argv[3], .home = argv[4], .version = ""};
  return run_all(features, what == "all", &jdk);
}
