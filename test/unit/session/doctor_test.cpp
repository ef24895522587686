// SPDX-License-Identifier: Apache-2.0
#include "session/doctor.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "unit/event/tracefs_fixture.h"

namespace jtrace::session {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using State = Check::State;

constexpr const char* kAllCapabilities = "CapEff:\t000001ffffffffff\n";

// A tree that stands for / of a host where everything is as jtrace wants it.
class HostTest : public event::TracefsFixture {
 protected:
  void SetUp() override {
    TracefsFixture::SetUp();
    add_usual();
    put("proc/sys/kernel/osrelease", "6.12.9-amd64\n");
    put("proc/self/status", kAllCapabilities);
    put("proc/self/limits", "Max locked memory         8388608              8388608    bytes\n");
    put("proc/sys/kernel/perf_event_paranoid", "3\n");
    put("proc/sys/kernel/kptr_restrict", "0\n");
    put("proc/sys/net/core/bpf_jit_enable", "1\n");
    put("proc/kallsyms", "ffffffff81000000 T _text\nffffffff81000100 T do_sys_open\n");
    put("sys/kernel/btf/vmlinux", "btf");
    put("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    std::filesystem::create_directories(root_ / "var/cache/jtrace");
    host_ = {.root = root_,
             .load_bpf = [] { return Status{}; },
             .features = [] { return capture::KernelFeatures{true, true, true, true, true}; },
             .in_initial_pid_namespace = [] { return true; },
             .cache = root_ / "var/cache/jtrace"};
  }
  void put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  [[nodiscard]] Check check(const std::string& name) const {
    const auto checks = check_host(host_);
    const auto found = std::ranges::find(checks, name, &Check::name);
    return found == checks.end() ? Check{"no check " + name, State::Info, {}, {}, false, {}}
                                 : *found;
  }
  void expect_gap(const std::string& name, bool fatal, const std::string& finding,
                  const std::string& command) const {
    const Check found = check(name);
    EXPECT_EQ(found.name, name);
    EXPECT_EQ(found.state, State::Gap);
    EXPECT_EQ(found.fatal, fatal);
    EXPECT_THAT(found.finding, HasSubstr(finding));
    EXPECT_THAT(found.command, HasSubstr(command));
    EXPECT_EQ(exit_status(check_host(host_)), fatal ? 3 : 0);
  }

  Host host_;
};

TEST_F(HostTest, nothingIsAmissOnAGoodHost) {
  const auto checks = check_host(host_);
  EXPECT_EQ(checks.size(), 19U);
  for (const Check& one : checks) EXPECT_NE(one.state, State::Gap) << one.name << one.finding;
  EXPECT_EQ(exit_status(checks), 0);
  EXPECT_THAT(checks_text(checks), HasSubstr("\ntracing works\n"));
}

TEST_F(HostTest, namesMissingCapabilities) {
  // Without 39, 38, 21, 19; 2 and 34 held.
  put("proc/self/status", "CapEff:\t0000000400000004\n");
  expect_gap("capabilities", true, "CAP_BPF (loads BPF programs), CAP_PERFMON", "");
  EXPECT_THAT(check("capabilities").finding, Not(HasSubstr("CAP_SYSLOG")));
  // CAP_SYS_ADMIN stands for both.
  put("proc/self/status", "CapEff:\t0000000000200004\n");
  expect_gap("capabilities", false, "without CAP_SYS_PTRACE (reads other users' processes)", "");
  put("proc/self/status", "CapEff:\tnot a number\n");
  EXPECT_EQ(check("capabilities").state, State::Info);
}

TEST_F(HostTest, everyGapHasItsCommand) {
  put("proc/sys/net/core/bpf_jit_enable", "0\n");
  expect_gap("bpf-jit", false, "off", "sysctl -w net.core.bpf_jit_enable=1");
  put("proc/sys/kernel/kptr_restrict", "2\n");
  put("proc/kallsyms", "0000000000000000 T _text\n0000000000000000 T do_sys_open\n");
  expect_gap("kernel-symbols", false, "kptr_restrict 2", "sysctl -w kernel.kptr_restrict=1");
  std::filesystem::remove_all(root_ / "sys/kernel/tracing/events");
  expect_gap("tracefs", false, "only trace:ID works", "mount -t tracefs");
  const auto checks = check_host(host_);
  EXPECT_EQ(std::ranges::count(checks, State::Gap, &Check::state), 3);
  EXPECT_THAT(checks_text(checks), HasSubstr("\ntracing works, with 3 gaps\n"));
}

TEST_F(HostTest, yamaMattersToWhoCannotPtrace) {
  EXPECT_EQ(check("ptrace-scope").state, State::Ok);
  put("proc/sys/kernel/yama/ptrace_scope", "1\n");
  EXPECT_EQ(check("ptrace-scope").state, State::Ok);
  put("proc/self/status", "CapEff:\t000000c000000004\n");
  expect_gap("ptrace-scope", false, "1: memory is not readable", "kernel.yama.ptrace_scope=0");
  put("proc/self/status", kAllCapabilities);
  put("proc/sys/kernel/yama/ptrace_scope", "3\n");
  expect_gap("ptrace-scope", false, "3: memory is not readable", "boot without");
}

TEST_F(HostTest, aUserNamespacesCapabilitiesDoNotCount) {
  put("proc/self/uid_map", "0 1000 1\n");
  expect_gap("user-namespace", true, "not the host's", "rootless");
}

TEST_F(HostTest, aFilterOfTheContainerIsSaid) {
  put("proc/self/status", std::string(kAllCapabilities) + "Seccomp:\t2\n");
  EXPECT_EQ(check("seccomp").state, State::Info);
  EXPECT_THAT(check("seccomp").finding, HasSubstr("a filter is on"));
}

TEST_F(HostTest, saysByWhichPathsItWillTrace) {
  EXPECT_EQ(check("paths").finding,
            "attach by perf tracepoint, events told apart by cookie; walk by bpf_loop, up to 2048 "
            "frames; registers by bpf_task_pt_regs");
  host_.features = [] { return capture::KernelFeatures{}; };
  EXPECT_THAT(check("paths").finding, HasSubstr("one event per run; walk by chained tail calls"));
}

TEST_F(HostTest, lentRightsAreFewer) {
  host_.rights_are_lent = true;
  put("proc/self/status", "CapPrm:\t000000c400800004\nCapEff:\t0000000000000000\n");
  EXPECT_EQ(check("capabilities").state, State::Ok);
  EXPECT_THAT(check("capabilities").finding, HasSubstr("lent to user "));
  EXPECT_THAT(check("capabilities").finding, Not(HasSubstr("CAP_SYS_PTRACE")));
  EXPECT_EQ(check("cache").state, State::Info);
  put("proc/self/status", "CapPrm:\t0000000000000004\nCapEff:\t0000000000000000\n");
  expect_gap("capabilities", true, "without CAP_BPF", "scripts/install_group");
}

TEST_F(HostTest, lockdownForReadingIsFatal) {
  put("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  EXPECT_EQ(check("lockdown").state, State::Ok);
  put("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  expect_gap("lockdown", true, "confidentiality", "lockdown=integrity");
}

TEST_F(HostTest, withoutBtfNothingGoes) {
  std::filesystem::remove(root_ / "sys/kernel/btf/vmlinux");
  expect_gap("btf", true, "No such file", "CONFIG_DEBUG_INFO_BTF");
}

TEST_F(HostTest, sayWhyNoProgramLoads) {
  host_.load_bpf = [] {
    return Status(fail(Errc::Environment, "load a BPF program: Operation not permitted"));
  };
  expect_gap("bpf", true, "Operation not permitted",
             ::geteuid() == 0 ? "docker run" : "sudo jtrace doctor");
  EXPECT_EQ(check("bpf-features").name, "no check bpf-features");
}

TEST_F(HostTest, namesWhatFallsBack) {
  host_.features = [] { return capture::KernelFeatures{false, true, true, true, true}; };
  expect_gap("bpf-features", false, "no bpf_loop", "newer kernel");
}

TEST_F(HostTest, memlockMattersToOldKernelsOnly) {
  put("proc/sys/kernel/osrelease", "5.10.0-1-amd64\n");
  EXPECT_EQ(check("memlock").state, State::Ok);
  put("proc/self/status", "CapEff:\t000000c000080004\n");
  expect_gap("memlock", false, "8388608 bytes", "ulimit -l unlimited");
  put("proc/self/limits", "Max locked memory         unlimited            unlimited  bytes\n");
  EXPECT_EQ(check("memlock").state, State::Ok);
}

TEST_F(HostTest, paranoidMattersWithoutTheCapabilityOnly) {
  EXPECT_EQ(check("perf-event-paranoid").state, State::Ok);
  put("proc/self/status", "CapEff:\t0000000000000000\n");
  EXPECT_EQ(check("perf-event-paranoid").state, State::Gap);
  put("proc/sys/kernel/perf_event_paranoid", "-1\n");
  EXPECT_EQ(check("perf-event-paranoid").state, State::Ok);
  std::filesystem::remove(root_ / "proc/sys/kernel/perf_event_paranoid");
  EXPECT_TRUE(check("perf-event-paranoid").fatal);
}

TEST_F(HostTest, aContainersNumbersAreNotTheHosts) {
  host_.in_initial_pid_namespace = [] { return false; };
  expect_gap("pid-namespace", true, "not the host's", "--pid=host");
}

TEST_F(HostTest, aCacheThatCannotBeUsedCostsSpeed) {
  host_.cache.clear();
  expect_gap("cache", false, "no HOME", "XDG_CACHE_HOME");
  host_.cache = root_ / "not/there/yet";
  EXPECT_THAT(check("cache").finding, HasSubstr("made at the first run"));
  put("a/file", "");
  host_.cache = root_ / "a/file";
  expect_gap("cache", false, "is no directory", "rm ");
}

TEST_F(HostTest, survivesAnEmptyTree) {
  std::filesystem::remove_all(root_);
  std::filesystem::create_directories(root_);
  EXPECT_EQ(exit_status(check_host(host_)), 3);
}

TEST(DoctorOutput, hostileTextStaysText) {
  const std::vector<Check> checks{{"vm", State::Gap, "a\x1b[31m\nok  forged", "x\ny", false, 7}};
  EXPECT_EQ(checks_text(checks),
            "process 7\n"
            "gap   vm  a?[31m?ok  forged\n"
            "          mend: x?y\n"
            "tracing works, with 1 gap\n");
  const auto json = nlohmann::json::parse(checks_json(checks));
  EXPECT_EQ(json["checks"][0]["pid"], 7);
  EXPECT_EQ(json["checks"][0]["state"], "gap");
  EXPECT_EQ(json["works"], true);
}

TEST(DoctorOutput, theHostComesBeforeTheProcess) {
  std::vector<Check> checks{{"process", State::Gap, "no such process: 7", "", true, 7}};
  EXPECT_EQ(exit_status(checks), 4);
  EXPECT_THAT(checks_text(checks), HasSubstr("process 7 cannot be traced: see process"));
  checks.insert(checks.begin(), {"btf", State::Gap, "none", "", true, {}});
  EXPECT_EQ(exit_status(checks), 3);
  EXPECT_EQ(nlohmann::json::parse(checks_json(checks))["works"], false);
}

TEST(DoctorOutput, aRightThatIsMissingIsOfTheHost) {
  std::vector<Check> checks{{"memory", State::Gap, "user 1 may not trace it", "", true, 7, true}};
  EXPECT_EQ(exit_status(checks), 3);
  EXPECT_THAT(checks_text(checks), HasSubstr("process 7 cannot be traced: see memory"));
}

TEST(DoctorProcess, readsThisProcess) {
  const auto checks = check_process(::getpid(), {});
  std::vector<std::string> names;
  for (const Check& one : checks) {
    names.push_back(one.name);
    EXPECT_EQ(one.pid, ::getpid());
    EXPECT_FALSE(one.fatal) << one.name << ": " << one.finding;
  }
  EXPECT_THAT(names, ::testing::ElementsAre("process", "mappings", "memory", "vm", "perf-map",
                                            "namespaces", "unwind-tables"));
  EXPECT_EQ(checks[2].finding, "readable");
  EXPECT_EQ(checks[3].finding, "not a JVM; native stacks");
  EXPECT_EQ(checks[5].finding, "ours");
}

TEST(DoctorProcess, oneThatDoesNotExistIsATargetError) {
  const auto checks = check_process(0x7fffffff, {});
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks[0].finding, "no such process: 2147483647");
  EXPECT_EQ(exit_status(checks), 4);
}

}  // namespace
}  // namespace jtrace::session
