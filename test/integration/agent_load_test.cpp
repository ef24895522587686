// SPDX-License-Identifier: Apache-2.0
// --jvm-symbols agent where there is no agent yet: it is brought into JVMs that run, wherever their
// root is, once, and goes to rest when tracing ends.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "integration/support/jdks.h"
#include "integration/support/users.h"
#include "session/attacher.h"

namespace jtrace::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

TraceOptions by_agent() {
  TraceOptions options;
  options.extra = {"--jvm-symbols", "agent"};
  return options;
}

std::uint64_t count(const Traced& traced, std::string_view name) {
  return traced.ledger.count(name).value_or(0);
}

// How many agents a process has loaded: by device and inode of what it maps.
std::size_t agents_of(pid_t pid) {
  std::set<std::string> files;
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  std::string range, rights, offset, device, inode, path;
  while (maps >> range >> rights >> offset >> device >> inode && std::getline(maps, path)) {
    if (path.find("jtrace-agent") != std::string::npos) files.insert(device + ' ' + inode);
  }
  return files.size();
}

bool has_log(pid_t pid) {
  std::error_code error;
  for (const auto& fd : fs::directory_iterator(fmt::format("/proc/{}/fd", pid), error)) {
    const auto link = fs::read_symlink(fd.path(), error).string();
    if (link.find("/memfd:jtrace-jvm-symbols") == 0) return true;
  }
  return false;
}

class AgentLoad : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    JT_NEEDS("jdks", no_jdk());
    auto jdk = fetch_jdk(GetParam());
    JT_NEEDS("jdks", jdk ? std::nullopt : std::optional(jdk.error().message));
    jdk_ = std::move(*jdk);
  }
  [[nodiscard]] std::vector<std::string> opens(const std::vector<std::string>& flags = {}) const {
    TruthRun run{.flags = {"-Xmx256m"}, .count = "1000"};
    run.flags.insert(run.flags.end(), flags.begin(), flags.end());
    return truth_opens(jdk_, run);
  }
  Jdk jdk_;
};

// One tracer before this one had it loaded, and left nothing that runs.
TEST_P(AgentLoad, OnceForAllTracers) {
  JT_ASSERT_OK(const ThreadEntries entries, jdk_.thread_entries());
  TraceOptions options = by_agent();
  options.before_attach = [](pid_t pid) -> Status {
    const TemporaryDirectory folder;
    JT_TRY(Child first, start_jtrace({"-p", std::to_string(pid), "-t", "syscalls:sys_enter_close",
                                      "--jvm-symbols", "agent", "-d", "100ms", "-f",
                                      folder.path() / "out.txt"}));
    JT_TRY(const int status, first.wait_exit(kPatience));
    if (status != 0) return fail(Errc::Internal, first.err());
    if (agents_of(pid) != 1) return fail(Errc::Internal, "it was not loaded: " + first.err());
    if (has_log(pid)) return fail(Errc::Internal, "its log goes on");
    return {};
  };
  std::size_t agents = 0;
  options.before_go = [&](pid_t pid) -> Status {
    agents = agents_of(pid);
    return {};
  };
  JT_ASSERT_OK(const Traced traced, trace(opens(), options));
  expect_truth(traced, traced.stacks, entries);
  EXPECT_EQ(agents, 1U);
  EXPECT_GT(count(traced, "named by agent"), 10'000U);
  EXPECT_EQ(count(traced, "unnamed: no source of Java names"), 0U);
  EXPECT_EQ(traced.target_status, 0);
  EXPECT_THAT(traced.jtrace_log, HasSubstr("loading the agent into its JVM"));
}

// Process 2 of a pid namespace, nobody, with a root of its own in which nothing is ours.
TEST_P(AgentLoad, IntoAContainer) {
  TraceOptions options = by_agent();
  options.forks = kContainerForks;
  options.before_attach = [](pid_t pid) -> Status {
    const fs::path tmp = fmt::format("/proc/{}/root/tmp", pid);
    fs::create_directory(tmp);
    fs::permissions(tmp, fs::perms::all);
    return {};
  };
  std::vector<std::string> left;
  options.before_go = [&](pid_t pid) -> Status {
    for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/root/tmp", pid))) {
      left.push_back(entry.path().filename());
    }
    return {};
  };
  const TruthRun run{.flags = {"-Xmx256m"}, .count = "1000"};
  JT_ASSERT_OK(const Traced traced, trace(contained_opens(jdk_, run, true), options));
  EXPECT_GT(count(traced, "named by agent"), 10'000U) << traced.jtrace_log;
  EXPECT_EQ(count(traced, "unnamed: no source of Java names"), 0U);
  EXPECT_EQ(ledger_faults(traced.ledger), "");
  EXPECT_TRUE(std::ranges::none_of(left, [](const std::string& name) {
    return name.find("agent") != std::string::npos || name.starts_with(".attach_pid");
  })) << testing::PrintToString(left);
}

// 8 has no such flag: it always loads them.
TEST_P(AgentLoad, WhereAgentsAreRefused) {
  if (jdk_.major() < 9) return;
  JT_ASSERT_OK(const Traced traced, trace(opens({"-XX:-EnableDynamicAgentLoading"}), by_agent()));
  EXPECT_THAT(traced.jtrace_log, HasSubstr("its JVM loads no agents while it runs"));
  EXPECT_THAT(traced.jtrace_log, HasSubstr("-XX:+EnableDynamicAgentLoading"));
  EXPECT_EQ(count(traced, "named by agent"), 0U);
  EXPECT_GT(count(traced, "unnamed: no source of Java names"), 0U);
  EXPECT_EQ(traced.target_status, 0);
}

std::int64_t resident_kb(pid_t pid) {
  return std::strtoll(status_line(pid, "VmRSS").c_str(), nullptr, 10);
}

// Safepoints that a JVM has told of (-Xlog:safepoint, JDK 9 on), but for those that it makes for
// itself from time to time.
std::int64_t pauses(const std::string& output) {
  std::int64_t count = 0;
  for (const std::string_view line : split(output, '\n')) {
    const bool own = line.find("Cleanup") != line.npos || line.find("ICBuffer") != line.npos ||
                     line.find("Halt") != line.npos;
    count += line.find("[safepoint] Safepoint \"") != line.npos && !own ? 1 : 0;
  }
  return count;
}

// The figures of docs/symbols.md: how long until all that was compiled is written down, what the
// JVM grows by. Java threads go on.
TEST_P(AgentLoad, TakesNoPause) {
  const bool told = jdk_.major() >= 9;
  JT_ASSERT_OK(Child jvm, start_ready(opens(told ? std::vector<std::string>{"-Xlog:safepoint*"}
                                                 : std::vector<std::string>{})));
  JT_ASSERT_OK(auto attacher, session::Attacher::start());
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, jvm.pid(), 0)));
  const fs::path path = fs::path(jtrace_binary()).parent_path() / "libjtrace-agent.so";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // The first question starts the thread that answers, which is no cost of the agent's.
  ASSERT_TRUE(attacher.ask(jvm.pid(), pidfd.get(), {.name = "jcmd", .arguments = {"VM.version"}}));
  const std::int64_t before = resident_kb(jvm.pid());
  const std::int64_t pauses_before = pauses(jvm.out());
  const auto begin = std::chrono::steady_clock::now();
  const auto loaded = attacher.load(jvm.pid(), pidfd.get(), {file.get(), path}, "");
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(has_log(jvm.pid()));
  const std::int64_t after = resident_kb(jvm.pid());
  ASSERT_TRUE(attacher.ask(jvm.pid(), pidfd.get(), {.name = "jcmd", .arguments = {"VM.version"}}));
  const std::int64_t paused = pauses(jvm.out()) - pauses_before;
  fmt::print("JDK {}: loaded in {:.1f} ms, {} kB more resident, {} pauses\n", jdk_.name,
             std::chrono::duration<double, std::milli>(took).count(), after - before,
             told ? std::to_string(paused) : "?");
  EXPECT_EQ(paused, 0);
  ASSERT_TRUE(jvm.send("\n"));
  JT_ASSERT_OK(const int status, jvm.wait_exit(kPatience));
  EXPECT_EQ(status, 0);
}

INSTANTIATE_TEST_SUITE_P(Jdk, AgentLoad, ::testing::ValuesIn(some_jdk_names()),
                         [](const auto& jdk) { return "Jdk" + jdk.param; });

// This machine's own JDK with mounts of its own: another file lies where ours is, and `directories`
// says what its /tmp, /var/tmp and /dev/shm are.
Result<Traced> in_mounts(const std::string& directories) {
  constexpr const char* kScript =
      "mount -t tmpfs none /run; cp \"$1\" /run/copy; mount --bind /run/copy \"$1\"; ";
  std::vector<std::string> argv{"unshare",
                                "-m",
                                "/bin/sh",
                                "-ec",
                                kScript + directories + "; shift; exec \"$@\"",
                                "sh",
                                fs::path(jtrace_binary()).parent_path() / "libjtrace-agent.so"};
  const auto opens = truth_opens(own_jdk(), {.flags = {"-Xmx256m"}, .count = "1000"});
  argv.insert(argv.end(), opens.begin(), opens.end());
  return trace(argv, by_agent());
}

TEST(AgentMounts, NoexecIsSaid) {
  JT_NEEDS("java", no_jdk());
  JT_ASSERT_OK(const Traced traced, in_mounts("for d in /tmp /var/tmp /dev/shm; do "
                                              "mount -t tmpfs -o noexec,mode=1777 none $d; done"));
  EXPECT_THAT(traced.jtrace_log,
              HasSubstr("no directory of its takes the agent: /tmp: mounted noexec, "
                        "/var/tmp: mounted noexec, /dev/shm: mounted noexec"));
  EXPECT_EQ(traced.target_status, 0);
}

TEST(AgentMounts, AnotherDirectoryServes) {
  JT_NEEDS("java", no_jdk());
  JT_ASSERT_OK(const Traced traced, in_mounts("mount -t tmpfs -o noexec,mode=1777 none /tmp; "
                                              "mount -t tmpfs -o ro none /var/tmp; "
                                              "mount -t tmpfs -o mode=1777 none /dev/shm"));
  EXPECT_THAT(traced.jtrace_log, Not(HasSubstr("takes the agent")));
  EXPECT_GT(count(traced, "named by agent"), 10'000U);
  EXPECT_EQ(traced.target_status, 0);
}

}  // namespace
}  // namespace jtrace::test
