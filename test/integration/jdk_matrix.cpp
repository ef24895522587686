// SPDX-License-Identifier: Apache-2.0
// jdk_matrix [COUNT [JDK[:SETTING[:COLLECTOR]]...]]: truth.TruthOpens on every JDK with every
// setting of the compilers and every garbage collector that it has, or on those named. Prints a
// markdown table: complete by jtrace's own ledger, equal to the truth by the judge; then what was
// wrong in each cell that is not whole. scripts/jdk_matrix calls it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

struct Setting {
  const char* name;
  std::vector<std::string> flags;
  int since = 8;
  int until = 99;
};

const std::vector<Setting>& compilers() {
  static const std::vector<Setting> kAll{
      {"stock", {}},
      {"-Xint", {"-Xint"}},
      {"C1 only", {"-XX:TieredStopAtLevel=1"}},
      {"C2 only", {"-XX:-TieredCompilation"}},
      {"-Xcomp", {"-Xcomp"}},
      {"frame pointers", {"-XX:+PreserveFramePointer"}},
      {"one code heap", {"-XX:-SegmentedCodeCache"}, 9},
      // The least that all of them start with: code is thrown away and compiled again, as
      // -XX:+PrintCodeCache tells (max_used above used, half the nmethods of a large cache).
      {"small code cache",
       {"-XX:ReservedCodeCacheSize=2100k", "-XX:InitialCodeCacheSize=160k"},
       8,
       8},
      {"small code cache",
       {"-XX:ReservedCodeCacheSize=2100k", "-XX:InitialCodeCacheSize=160k",
        "-XX:-SegmentedCodeCache"},
       9},
  };
  return kAll;
}

const std::vector<Setting>& collectors() {
  static const std::vector<Setting> kAll{
      {"Serial", {"-XX:+UseSerialGC"}},
      {"Parallel", {"-XX:+UseParallelGC"}},
      {"G1", {"-XX:+UseG1GC"}},
      {"ZGC", {"-XX:+UnlockExperimentalVMOptions", "-XX:+UseZGC"}, 11},
      {"Shenandoah", {"-XX:+UnlockExperimentalVMOptions", "-XX:+UseShenandoahGC"}, 11},
  };
  return kAll;
}

struct Cell {
  std::string text;
  std::vector<std::string> faults;
};

Cell failed(const std::string& why) { return {"failed", {why}}; }

Cell run_cell(const Jdk& jdk, const TruthRun& run) {
  const auto traced = trace(truth_opens(jdk, run));
  if (!traced) return failed(traced.error().message);
  const auto truth = parse_truth(traced->target_output);
  const auto entries = jdk.thread_entries();
  if (!truth) return failed(truth.error().message);
  if (!entries) return failed(entries.error().message);
  const Verdict verdict = judge(*truth, traced->stacks, Chain::Java, *entries);
  const double whole =
      static_cast<double>(verdict.whole()) / static_cast<double>(verdict.performed());
  if (verdict.paths.size() != kTruthPaths) return failed("not all paths were walked");
  Cell cell{fmt::format("{:.2f} / {:.2f}", 100 * traced->complete_share(), 100 * whole), {}};
  const auto fault = [&](std::string text) {
    if (!text.empty()) cell.faults.push_back(std::move(text));
  };
  fault(verdict.miscounts());
  fault(ledger_faults(traced->ledger));
  if (traced->complete_share() < 1) fault("\n" + to_text(traced->ledger));
  for (const PathFigures& path : verdict.paths) {
    if (path.whole < path.performed) {
      fault(fmt::format("{}: {} of {} whole: {}", path.marker, path.whole, path.performed,
                        path.example));
    }
  }
  for (const Stack& stack : verdict.others) {
    const std::string why = not_whole(stack, *entries);
    if (!why.empty()) fault(fmt::format("other: {}: {} x {}", why, stack.count, to_text(stack)));
  }
  return cell;
}

// What an argument asks for; an empty name is any.
struct Wanted {
  std::string jdk, compiler, collector;
};

Wanted parse_wanted(const std::string& argument) {
  const auto parts = split(argument, ':');
  const auto part = [&](std::size_t i) {
    return i < parts.size() ? std::string(parts[i]) : std::string();
  };
  return {part(0), part(1), part(2)};
}

bool has(const Jdk& jdk, const Setting& setting, const std::string& wanted) {
  return jdk.major() >= setting.since && jdk.major() <= setting.until &&
         (wanted.empty() || wanted == setting.name);
}

std::string header() {
  std::string names = "| JDK | setting |";
  std::string line = "| --- | --- |";
  for (const Setting& collector : collectors()) {
    names += fmt::format(" {} |", collector.name);
    line += " --- |";
  }
  return names + "\n" + line + "\n";
}

bool known(const Wanted& wanted) {
  const auto named = [](const std::vector<Setting>& settings, const std::string& name) {
    return name.empty() || std::ranges::any_of(settings, [&](const Setting& setting) {
             return name == setting.name;
           });
  };
  return named(compilers(), wanted.compiler) && named(collectors(), wanted.collector);
}

// One row; the number of cells that are not whole.
int run_row(const Jdk& jdk, const Setting& compiler, const Wanted& wanted,
            const std::string& count) {
  std::string row = fmt::format("| {} | {} |", jdk.version, compiler.name);
  std::string faults;
  int bad = 0;
  for (const Setting& collector : collectors()) {
    if (!has(jdk, collector, wanted.collector)) {
      row += " - |";
      continue;
    }
    TruthRun run{.flags = compiler.flags, .count = count};
    run.flags.insert(run.flags.end(), collector.flags.begin(), collector.flags.end());
    const Cell cell = run_cell(jdk, run);
    row += fmt::format(" {} |", cell.text);
    bad += cell.faults.empty() ? 0 : 1;
    for (const std::string& fault : cell.faults) {
      faults += fmt::format("JDK {}, {}, {}: {}\n", jdk.name, compiler.name, collector.name, fault);
    }
  }
  fmt::print("{}\n", row);
  std::fflush(stdout);
  fmt::print(stderr, "{}", faults);
  return bad;
}

}  // namespace
}  // namespace jtrace::test

int main(int argc, char** argv) {
  using namespace jtrace::test;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string count = arguments.empty() ? "1000" : arguments[0];
  std::vector<std::string> cells(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (cells.empty()) cells = jdk_names();
  fmt::print("{}", header());
  int bad = 0;
  for (const std::string& cell : cells) {
    const Wanted wanted = parse_wanted(cell);
    if (!known(wanted)) {
      fmt::print(stderr, "jdk_matrix: no such setting or collector: {}\n", cell);
      return 2;
    }
    const auto jdk = fetch_jdk(wanted.jdk);
    if (!jdk) {
      fmt::print(stderr, "jdk_matrix: {}\n", jdk.error().message);
      return 3;
    }
    for (const Setting& compiler : compilers()) {
      if (has(*jdk, compiler, wanted.compiler)) bad += run_row(*jdk, compiler, wanted, count);
    }
  }
  if (bad != 0) fmt::print(stderr, "jdk_matrix: {} cells are not whole\n", bad);
  return bad == 0 ? 0 : 1;
}
