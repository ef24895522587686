// SPDX-License-Identifier: Apache-2.0
// name_churn [SECONDS [JDK]...]: truth.NameChurn again and again, for SECONDS on each JDK, with one
// setting of compilers and collectors after the other. Prints a markdown table; the status is 1
// where a name was wrong. scripts/name_churn calls it.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "integration/support/churn.h"

namespace jtrace::test {
namespace {

struct Setting {
  std::vector<std::string> flags;
  int since = 8;
};

const std::vector<Setting>& settings() {
  static const std::string kCache = "-XX:ReservedCodeCacheSize=8m";
  static const std::string kExperimental = "-XX:+UnlockExperimentalVMOptions";
  static const std::vector<Setting> kAll{
      {{kCache}},
      {{"-Xint"}},
      {{kCache, "-Xcomp"}},
      {{kCache, "-XX:TieredStopAtLevel=1"}},
      {{kCache, "-XX:-TieredCompilation"}},
      {{kCache, "-XX:+UseG1GC", "-XX:+ExplicitGCInvokesConcurrent"}},
      {{kCache, "-XX:+UseParallelGC"}},
      {{kCache, "-XX:-UsePerfData"}},
      {{kCache, kExperimental, "-XX:+UseZGC"}, 15},
      {{kCache, kExperimental, "-XX:+UseShenandoahGC"}, 17},
  };
  return kAll;
}

// False where a run failed or a name was wrong.
bool run_jdk(const std::string& name, std::chrono::seconds time) {
  const auto jdk = fetch_jdk(name);
  if (!jdk) {
    fmt::print(stderr, "{}\n", jdk.error().message);
    return false;
  }
  ChurnVerdict sum;
  int runs = 0;
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    const Setting& setting = settings().at(static_cast<std::size_t>(runs) % settings().size());
    ++runs;
    if (jdk->major() < setting.since) continue;
    const ChurnRun run{.flags = setting.flags, .classes = 4000};
    const auto traced = trace(name_churn(*jdk, run));
    const auto verdict = traced ? judge_churn(traced->target_output, traced->stacks)
                                : Result<ChurnVerdict>(std::unexpected(traced.error()));
    if (!verdict) {
      fmt::print(stderr, "JDK {}: {}\n", name, verdict.error().message);
      return false;
    }
    if (verdict->wrong != 0) fmt::print(stderr, "{} {}", setting.flags.back(), verdict->text());
    sum += *verdict;
  }
  std::string why;
  for (const auto& [reason, count] : sum.unnamed) {
    // Those with an address are of one kind.
    if (!reason.contains("0x")) why += fmt::format("{} {:.3f} % ", reason, sum.share(count));
  }
  fmt::print("| {} | {} | {} | {} | {:.3f} | {}| {} |\n", jdk->version, runs, sum.opens,
             sum.frames(), sum.share(sum.named), why, sum.wrong);
  std::fflush(stdout);
  return sum.wrong == 0;
}

}  // namespace
}  // namespace jtrace::test

int main(int argc, char** argv) {
  using namespace jtrace::test;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::chrono::seconds time(arguments.empty() ? 100 : std::atoi(arguments[0].c_str()));
  std::vector<std::string> jdks(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (jdks.empty()) jdks = jdk_names();
  fmt::print(
      "| JDK | runs | opens | generated frames | named, % | unnamed | wrong stacks |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n");
  bool good = true;
  for (const std::string& jdk : jdks) good = run_jdk(jdk, time) && good;
  return good ? 0 : 1;
}
