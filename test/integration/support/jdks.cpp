// SPDX-License-Identifier: Apache-2.0
#include "integration/support/jdks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

#include "integration/support/child.h"
#include "integration/support/environment.h"

namespace jtrace::test {
namespace {

// Packages of 100 MB from a slow mirror.
constexpr std::chrono::minutes kFetch{10};
constexpr double kWhole = 0.999;
constexpr const char* kInside = "/truth";  // where what is built here is seen in a tree

// `java` with these arguments, in which "{here}" stands for `here`.
void append_java(const Jdk& jdk, const std::vector<std::string>& flags,
                 const std::vector<std::string>& arguments, const std::filesystem::path& here,
                 std::vector<std::string>& argv) {
  const auto add = [&](std::string argument) {
    constexpr std::string_view kHere = "{here}";
    const auto at = argument.find(kHere);
    if (at != std::string::npos) argument.replace(at, kHere.size(), here.string());
    argv.push_back(std::move(argument));
  };
  argv.push_back(jdk.home / "bin/java");
  std::ranges::for_each(flags, add);
  argv.insert(argv.end(), {"-cp", here / "classes"});
  std::ranges::for_each(arguments, add);
}

bool every_jdk() { return std::getenv("JTRACE_EVERY_JDK") != nullptr; }

std::vector<std::string> opens_arguments(const TruthRun& run) {
  // Enough for C2 (Tier4InvocationThreshold 5 000, CompileThreshold 10 000); the interpreter has
  // nothing to warm up but Method.invoke.
  const bool interpreter = std::ranges::find(run.flags, "-Xint") != run.flags.end();
  const std::string warm = !run.warm.empty() ? run.warm : interpreter ? "100" : "20000";
  return {"truth.TruthOpens", run.count, warm, "upcall={here}/" + run.library};
}

}  // namespace

int Jdk::major() const { return std::atoi(name.c_str()); }

Result<ThreadEntries> Jdk::thread_entries() const {
  ThreadEntries entries;
  if (tree == "/") {
    JT_CHECK_OK(entries.add_own_libc());
    return entries;
  }
  for (const char* directory : {"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"}) {
    std::error_code error;
    // glibc 2.31 and before: libc.so.6 is a link to the file that is mapped, libc-2.31.so.
    const auto libc = std::filesystem::canonical(tree / directory / "libc.so.6", error);
    if (error) continue;
    JT_CHECK_OK(entries.add(libc));
    return entries;
  }
  return fail(Errc::Internal, tree.string() + " has no libc");
}

std::vector<std::string> jdk_names() {
  std::vector<std::string> names;
  std::ifstream table(JTRACE_TEST_SOURCE_DIR "/scripts/jdks.txt");
  for (std::string line; std::getline(table, line);) {
    if (!line.empty() && line.front() != '#') names.push_back(line.substr(0, line.find(' ')));
  }
  return names;
}

Result<Jdk> fetch_jdk(const std::string& name) {
  JT_TRY(Child script, Child::start({JTRACE_TEST_SOURCE_DIR "/scripts/fetch_jdks", name}));
  JT_TRY(const int status, script.wait_exit(kFetch));
  Jdk jdk;
  std::istringstream line(script.out());
  if (status != 0 || !(line >> jdk.name >> jdk.tree >> jdk.home >> jdk.version)) {
    return fail(Errc::Environment, "no JDK " + name + ": " + script.out() + script.err());
  }
  return jdk;
}

std::vector<std::string> some_jdk_names() {
  std::vector<std::string> names = jdk_names();
  constexpr std::size_t kSome = 3;
  if (every_jdk() || names.size() <= kSome) return names;
  return {names.front(), "17", names.back()};
}

std::vector<std::string> some_of(std::vector<std::string> names) {
  if (!every_jdk() && names.size() > 2) names.erase(names.begin() + 1, names.end() - 1);
  return names;
}

Jdk own_jdk() { return {.name = "own", .tree = "/", .home = jdk(), .version = ""}; }

std::vector<std::string> java_command(const Jdk& jdk, const std::vector<std::string>& flags,
                                      const std::vector<std::string>& arguments) {
  std::vector<std::string> argv;
  std::filesystem::path here = built("");
  if (jdk.tree != "/") {
    argv = {built("truth_launcher"), "root", jdk.tree, here, kInside, "--"};
    here = kInside;
  }
  append_java(jdk, flags, arguments, here, argv);
  return argv;
}

std::vector<std::string> truth_opens(const Jdk& jdk, const TruthRun& run) {
  return java_command(jdk, run.flags, opens_arguments(run));
}

std::vector<std::string> contained_opens(const Jdk& jdk, const TruthRun& run, bool writable) {
  constexpr const char* kNobody = "65534";
  std::vector<std::string> argv{
      built("truth_launcher"), "container", jdk.tree, built(""), kInside, kNobody,
      writable ? "rw" : "ro",  "--"};
  append_java(jdk, run.flags, opens_arguments(run), kInside, argv);
  return argv;
}

void expect_truth(const Traced& traced, const std::vector<Stack>& stacks,
                  const ThreadEntries& entries) {
  JT_ASSERT_OK(const auto truth, parse_truth(traced.target_output));
  const Verdict verdict = judge(truth, stacks, Chain::Java, entries);
  fmt::print("{}{}", verdict.table(), to_text(traced.ledger));
  for (const Stack& stack : verdict.others) {
    const std::string why = not_whole(stack, entries);
    fmt::print("other: {} x {} ... {} {}\n", stack.count, stack.frames.front().name,
               stack.frames.back().name, why.empty() ? "" : "(" + why + ")");
  }
  EXPECT_EQ(verdict.paths.size(), kTruthPaths);
  EXPECT_EQ(verdict.miscounts(), "");
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_GE(traced.complete_share(), kWhole);
  for (const PathFigures& path : verdict.paths) {
    EXPECT_GE(static_cast<double>(path.whole), kWhole * static_cast<double>(path.performed))
        << path.marker << ": " << path.example;
  }
}

}  // namespace jtrace::test
