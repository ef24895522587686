// SPDX-License-Identifier: Apache-2.0
// Targets elsewhere: another pid and mount namespace, another distribution's files on an overlay,
// no /tmp, nothing writable, an ordinary user; libraries that are deleted or upgraded under the
// process.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include "integration/support/jdks.h"

namespace jtrace::test {
namespace {

namespace fs = std::filesystem;

// What the target mapped from the files of its JVM and its libc, by their names in its root.
std::set<std::string> mapped_libraries(pid_t pid) {
  std::set<std::string> paths;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto at = line.find('/');
    if (at != std::string::npos && line.find(".so", at) != std::string::npos &&
        line.find(" r-xp ") != std::string::npos) {
      paths.insert(line.substr(at));
    }
  }
  return paths;
}

bool any_ends(const std::set<std::string>& paths, std::string_view end) {
  return std::ranges::any_of(paths, [&](const std::string& path) { return path.ends_with(end); });
}

// Every library that the target runs, but for those that other tests use, too.
Status change_libraries(pid_t pid, const std::function<bool(const fs::path&)>& change) {
  const auto paths = mapped_libraries(pid);
  if (!any_ends(paths, "libjvm.so") || !any_ends(paths, "libjava.so")) {
    return fail(Errc::Internal, "the target maps no libjvm");
  }
  for (const std::string& path : paths) {
    if (path.starts_with("/truth/")) continue;
    if (!change("/proc/" + std::to_string(pid) + "/root" + path)) {
      return fail(Errc::Internal, "cannot change " + path);
    }
  }
  const auto after = mapped_libraries(pid);
  if (!any_ends(after, "libjvm.so (deleted)")) {
    return fail(Errc::Internal, "libjvm is not deleted: " + *after.begin());
  }
  return {};
}

bool remove_file(const fs::path& file) {
  std::error_code error;
  return fs::remove(file, error);
}

// As package managers do: another file under the name. This one is no library at all.
bool replace_file(const fs::path& file) {
  const fs::path fresh = file.string() + ".new";
  std::ofstream(fresh) << std::string(100'000, 'x');
  std::error_code error;
  fs::rename(fresh, file, error);
  return !error;
}

class Container : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    JT_NEEDS("jdks", no_jdk());
    auto jdk = fetch_jdk(GetParam());
    JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
    jdk_ = std::move(*jdk);
  }

  void expect_whole_and_exact(bool writable, const TraceOptions& options) {
    const TruthRun run{.flags = {"-Xmx256m"}, .count = "1000"};
    JT_ASSERT_OK(const Traced traced, trace(contained_opens(jdk_, run, writable), options));
    JT_ASSERT_OK(const ThreadEntries entries, jdk_.thread_entries());
    expect_truth(traced, traced.stacks, entries);
  }

  Jdk jdk_;
};

TEST_P(Container, NothingWritable) {
  TraceOptions options;
  options.forks = kContainerForks;
  options.before_attach = [](pid_t pid) -> Status {
    const std::string root = "/proc/" + std::to_string(pid) + "/root";
    if (fs::exists(root + "/tmp")) return fail(Errc::Internal, "it has a /tmp");
    return {};
  };
  expect_whole_and_exact(false, options);
}

TEST_P(Container, LibrariesDeleted) {
  TraceOptions options;
  options.forks = kContainerForks;
  options.before_attach = [](pid_t pid) { return change_libraries(pid, remove_file); };
  expect_whole_and_exact(true, options);
}

TEST_P(Container, LibrariesUpgraded) {
  TraceOptions options;
  options.forks = kContainerForks;
  options.before_attach = [](pid_t pid) { return change_libraries(pid, replace_file); };
  expect_whole_and_exact(true, options);
}

INSTANTIATE_TEST_SUITE_P(Jdk, Container, ::testing::ValuesIn(some_of({"8", "17", "21", "25"})),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });

}  // namespace
}  // namespace jtrace::test
