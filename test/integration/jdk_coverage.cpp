// SPDX-License-Identifier: Apache-2.0
// jdk_coverage [COUNT [JDK[:SCENARIO]]...]: each scenario of support/coverage.h on each JDK, or on
// those named. Prints a markdown table; what was not whole goes to standard error.
// scripts/jdk_coverage calls it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "integration/support/coverage.h"

namespace jtrace::test {
namespace {

struct Wanted {
  std::vector<Jdk> jdks;
  std::vector<std::pair<std::string, std::string>> cells;  // JDK, scenario; empty is any

  [[nodiscard]] bool has(const std::string& jdk, const std::string& scenario) const {
    return cells.empty() || std::ranges::any_of(cells, [&](const auto& cell) {
             return (cell.first.empty() || cell.first == jdk) &&
                    (cell.second.empty() || glob(cell.second, scenario));
           });
  }
};

std::string run_cell(const Scenario& scenario, const Jdk& jdk, int count, std::string& faults) {
  if (!not_for(scenario, jdk).empty()) return "-";
  const auto fault = [&](const std::string& text) {
    faults += fmt::format("JDK {}, {}: {}\n", jdk.name, scenario.name, text);
  };
  const auto coverage = run_scenario(scenario, jdk, count);
  if (!coverage) {
    fault(coverage.error().message);
    return "failed";
  }
  for (const std::string& text : coverage->faults) fault(text);
  return fmt::format("{:.2f} / {:.2f}", 100 * coverage->complete, 100 * coverage->equal);
}

// The number of rows that are not whole.
int run(const Wanted& wanted, int count) {
  std::string header = "| scenario |";
  std::string line = "| --- |";
  for (const Jdk& jdk : wanted.jdks) {
    header += fmt::format(" {} |", jdk.version);
    line += " --- |";
  }
  fmt::print("{}\n{}\n", header, line);
  int bad = 0;
  for (const Scenario& scenario : scenarios()) {
    std::string row = fmt::format("| {} |", scenario.name);
    std::string faults;
    bool any = false;
    for (const Jdk& jdk : wanted.jdks) {
      const bool here = wanted.has(jdk.name, scenario.name);
      any = any || here;
      row += fmt::format(" {} |", here ? run_cell(scenario, jdk, count, faults) : "");
    }
    if (any) fmt::print("{}\n", row);
    std::fflush(stdout);
    fmt::print(stderr, "{}", faults);
    bad += faults.empty() ? 0 : 1;
  }
  return bad;
}

}  // namespace
}  // namespace jtrace::test

int main(int argc, char** argv) {
  using namespace jtrace::test;
  Wanted wanted;
  for (int i = 2; i < argc; ++i) {
    const std::string cell = argv[i];
    const auto colon = std::min(cell.find(':'), cell.size());
    wanted.cells.emplace_back(cell.substr(0, colon), cell.substr(std::min(colon + 1, cell.size())));
  }
  for (const std::string& name : jdk_names()) {
    const bool named = wanted.cells.empty() || std::ranges::any_of(wanted.cells, [&](auto& cell) {
                         return cell.first.empty() || cell.first == name;
                       });
    if (!named) continue;
    auto jdk = fetch_jdk(name);
    if (!jdk) {
      fmt::print(stderr, "jdk_coverage: {}\n", jdk.error().message);
      return 3;
    }
    wanted.jdks.push_back(std::move(*jdk));
  }
  const int bad = run(wanted, argc > 1 ? std::atoi(argv[1]) : 1000);
  if (bad != 0) fmt::print(stderr, "jdk_coverage: {} scenarios are not whole\n", bad);
  return bad == 0 ? 0 : 1;
}
