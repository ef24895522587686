// SPDX-License-Identifier: Apache-2.0
// What the real program says, and with which status, where this host or a process does not allow
// it: each obstacle is really put in its way.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/sanitized.h"
#include "integration/support/trace_run.h"
#include "integration/support/users.h"

namespace jtrace::test {
namespace {

using testing::HasSubstr;

const std::string kOpenat = "syscalls:sys_enter_openat";
constexpr pid_t kNobody = 65534;

struct Ended {
  int status = -1;
  std::string log;
  std::string out;
};

Ended ended(const Words& argv) {
  auto child = Child::start(argv);
  if (!child) return {-1, child.error().message, {}};
  const auto status = child->wait_exit(kPatience);
  if (!status) return {-1, status.error().message, {}};
  return {*status, child->err(), child->out()};
}

Ended jtrace(const Words& arguments) { return ended(Words{jtrace_binary()} + arguments); }

Words without(const std::string& capabilities) {
  return {"setpriv", "--bounding-set=" + capabilities};
}

// The one line of an error: what failed, and behind it what mends it.
std::string error_of(const Ended& run) {
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(run.log.starts_with("jtrace: ")) << run.log;
  EXPECT_EQ(run.log.find('\n') + 1, run.log.size()) << "more than one line:\n" << run.log;
  return run.log;
}

class Message : public ::testing::Test {
 protected:
  // Waits for a byte that never comes.
  void SetUp() override {
    JT_NEEDS("bpf", no_bpf());
    JT_ASSERT_OK(Child idle, start_ready({built("truth_launcher"), "wait", "--", "true"}));
    idle_.emplace(std::move(idle));
    JT_ASSERT_OK(id_, tracepoint_id("syscalls", "sys_enter_openat"));
  }
  [[nodiscard]] std::string pid() const { return std::to_string(idle_->pid()); }
  [[nodiscard]] std::string file(const char* name) const { return directory_.path() / name; }
  // Needs no tracefs, so that what comes later is met.
  [[nodiscard]] Words by_id() const {
    return {jtrace_binary(), "-t", fmt::format("trace:{}", id_), "-p", pid(), "-d", "100ms", "-q"};
  }

  std::optional<Child> idle_;
  std::uint64_t id_ = 0;
  TemporaryDirectory directory_;
};

TEST_F(Message, namesTheCapabilityThatIsMissing) {
  struct Case {
    Words prefix;
    std::string message;
  };
  for (const auto& [prefix, message] : std::vector<Case>{
           {without("-bpf,-sys_admin"), "load BPF programs: CAP_BPF is missing"},
           {without("-perfmon,-sys_admin"), "load BPF programs: CAP_PERFMON is missing"},
           {without("-bpf,-perfmon,-sys_admin"), "CAP_BPF and CAP_PERFMON are missing"},
           {without("-sys_ptrace"),
            fmt::format("read process {}: CAP_SYS_PTRACE is missing", pid())},
           {{"setpriv", fmt::format("--reuid={}", kNobody), "--clear-groups"},
            "CAP_SYS_PTRACE is missing"}}) {
    const Ended run = ended(prefix + by_id());
    EXPECT_EQ(run.status, 3) << message;
    EXPECT_THAT(error_of(run), HasSubstr(message));
    EXPECT_THAT(run.log, HasSubstr("run with sudo (doctor: capabilities)"));
  }
}

TEST_F(Message, tracefsThatIsNotMountedOrNotReadable) {
  const Words traced{jtrace_binary(), "-t", kOpenat, "-p", pid(), "-d", "100ms"};
  Ended run = ended(in_mounts("umount -q /sys/kernel/tracing; umount -q /sys/kernel/debug; true") +
                    without("-sys_admin") + traced);
  EXPECT_EQ(run.status, 3);
  EXPECT_THAT(error_of(run), HasSubstr("tracefs is not mounted on /sys/kernel/tracing"));
  EXPECT_THAT(run.log, HasSubstr("fsopen: CAP_SYS_ADMIN is missing"));
  EXPECT_THAT(run.log, HasSubstr("mount -t tracefs tracefs /sys/kernel/tracing"));
  EXPECT_THAT(run.log, HasSubstr("(doctor: "));

  run = ended(in_mounts("mount -t tracefs tracefs /sys/kernel/tracing") +
              Words{"setpriv", fmt::format("--reuid={}", kNobody), "--clear-groups"} + traced);
  EXPECT_EQ(run.status, 3);
  EXPECT_THAT(error_of(run), HasSubstr("tracefs on /sys/kernel/tracing is not readable: "
                                       "CAP_DAC_READ_SEARCH is missing"));
  EXPECT_THAT(run.log, HasSubstr("trace:ID needs no tracefs"));
}

TEST_F(Message, kernelWithoutBtf) {
  // What was kept of it would do.
  const Ended run = ended(in_mounts("mount -t tmpfs none /sys/kernel/btf && "
                                    "mkdir -p /var/cache/jtrace && "
                                    "mount -t tmpfs none /var/cache/jtrace") +
                          by_id());
  EXPECT_EQ(run.status, 3);
  EXPECT_THAT(error_of(run), HasSubstr("this kernel has no BTF: /sys/kernel/btf/vmlinux"));
  EXPECT_THAT(run.log, HasSubstr("(doctor: btf)"));
}

TEST_F(Message, noMemoryForTheMaps) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer takes terabytes of addresses";
  // More than the program itself takes, less than the program and its maps.
  const Ended run = ended(Words{"prlimit", "--as=60000000"} + by_id());
  EXPECT_EQ(run.status, 3);
  EXPECT_THAT(error_of(run), HasSubstr("Cannot allocate memory; raise memory.max of the cgroup"));
  EXPECT_THAT(run.log, HasSubstr("(doctor: memlock)"));
}

TEST_F(Message, namespacesThatAreNotTheHosts) {
  Ended run = ended(Words{"unshare", "--fork", "--pid", "--mount-proc"} +
                    Words{jtrace_binary(), "-t", kOpenat, "-p", "1", "-d", "100ms"});
  EXPECT_EQ(run.status, 3);
  EXPECT_THAT(error_of(run), HasSubstr("jtrace runs in a pid namespace of its own"));
  EXPECT_THAT(run.log, HasSubstr("(doctor: pid-namespace)"));

  run = ended(Words{"unshare", "--user", "--map-root-user"} + by_id());
  EXPECT_EQ(run.status, 3);
  EXPECT_THAT(error_of(run), HasSubstr("the capabilities of a user namespace do not count"));
}

TEST_F(Message, eventsThatAreNot) {
  struct Case {
    std::string event, message, hint;
  };
  for (const auto& [event, message, hint] : std::vector<Case>{
           {"syscalls:sys_enter_opennat", "no such event",
            "did you mean syscalls:sys_enter_openat"},
           {"syscall:sys_enter_openat", "no such category 'syscall'", "did you mean syscalls"},
           {"syscalls:sys_enter_opn*", "no event matches", "sys_enter_open"},
           {"nosuch*:x", "no category matches", "/sys/kernel/tracing/events/"},
           {"trace:999999999", "no tracepoint of this kernel has the id", "ids differ"},
           {"openat", "did you mean syscalls:sys_enter_openat?", ""}}) {
    const Ended run = jtrace({"-t", event, "-p", pid(), "-d", "100ms"});
    EXPECT_EQ(run.status, 2) << event;
    EXPECT_THAT(error_of(run), HasSubstr(message));
    EXPECT_THAT(run.log, HasSubstr(hint));
  }
}

TEST_F(Message, commandLinesThatCannotWork) {
  for (const auto& [more, message] : std::vector<std::pair<Words, std::string>>{
           {{"-d", "1x"}, "-d '1x': not a duration; a duration is e.g. 30, 30s"},
           {{"-d", "0"}, "must be more than zero"},
           {{"-f", file("x.nope")}, "the suffix names no format; suffixes: .collapsed"},
           {{"-f", file("x.html"), "-o", "nope"}, "no such format; formats: collapsed"},
           {{"-f", file("%q.html")}, "unknown %q"}}) {
    const Ended run = jtrace(Words{"-t", kOpenat, "-p", pid()} + more);
    EXPECT_EQ(run.status, 2) << message;
    // Where the process was looked at first, a line says what it is.
    EXPECT_THAT(run.log, HasSubstr(message));
    EXPECT_EQ(run.log.find("jtrace: tracing"), std::string::npos);
  }
}

TEST_F(Message, outputIsTriedBeforeTracing) {
  for (const std::string& place : {file("no/such.html"), std::string("/proc/x.html")}) {
    const Ended run = jtrace({"-t", kOpenat, "-p", pid(), "-f", place});  // no -d: it would go on
    EXPECT_EQ(run.status, 1) << place;
    EXPECT_THAT(run.log, HasSubstr("write " + place + ": No such file"));
    EXPECT_EQ(run.log.find("jtrace: tracing"), std::string::npos);
  }
}

TEST_F(Message, processesThatAreNotThere) {
  // The highest process id there can be is 4 194 304 (PID_MAX_LIMIT), and it is never given out.
  Ended run = jtrace({"-t", kOpenat, "-p", "4194304"});
  EXPECT_EQ(run.status, 4);
  EXPECT_THAT(error_of(run), HasSubstr("no such process: 4194304; "));
  run = jtrace({"-t", kOpenat, "-p", "2"});  // kthreadd
  EXPECT_EQ(run.status, 4);
  EXPECT_THAT(error_of(run), HasSubstr("is a kernel thread"));
}

TEST_F(Message, processThatGoesBeforeTheAttach) {
  std::optional<Child> started;
  const auto found = [](const Child& c) { return c.err().find("not a JVM") != std::string::npos; };
  const auto traces = [](const Child& c) {
    return c.err().find("jtrace: tracing") != std::string::npos;
  };
  // Programs are loaded next, which takes 40 ms: mostly long enough to stop it there.
  for (int tries = 0; tries < 10; ++tries) {
    auto next = Child::start({jtrace_binary(), "-t", kOpenat, "-p", pid()});
    ASSERT_TRUE(next.has_value());
    started.emplace(std::move(*next));
    ASSERT_TRUE(started->wait_until("found process", found, kPatience).has_value());
    ASSERT_TRUE(started->signal(SIGSTOP).has_value());
    started->gather();
    if (!traces(*started)) break;
  }
  Child& traced = *started;
  ASSERT_TRUE(idle_->signal(SIGKILL).has_value());
  ASSERT_TRUE(idle_->wait_exit(kPatience).has_value());
  ASSERT_TRUE(traced.signal(SIGCONT).has_value());
  JT_ASSERT_OK(const int status, traced.wait_exit(kPatience));
  EXPECT_EQ(status, 4) << traced.err();
  EXPECT_THAT(traced.err(), HasSubstr(fmt::format("process {} has exited", pid())));
  EXPECT_EQ(traced.err().find("jtrace: tracing"), std::string::npos);
}

// ---- 0 events explain themselves

class NoEvents : public Message {
 protected:
  // Of the idle process, while this one opens files.
  [[nodiscard]] std::string said(const std::string& event, const std::string& target,
                                 const Words& more = {}) const {
    auto run = start_jtrace(Words{"-t", event, "-p", target, "-f", file("x.txt")} + more);
    if (!run) return run.error().message;
    for (int i = 0; i < 5; ++i) close(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC));
    if (!run->signal(SIGINT)) return "not stopped";
    const auto status = run->wait_exit(kPatience);
    EXPECT_EQ(status.value_or(-1), 0);
    return run->err();
  }
};

TEST_F(NoEvents, nothingFiredThem) {
  EXPECT_THAT(said("syscalls:sys_enter_swapoff", pid()),
              HasSubstr("0 events: nothing on this host fired them"));
}

TEST_F(NoEvents, theyFiredForOthers) {
  EXPECT_THAT(said(kOpenat, pid()),
              testing::ContainsRegex(fmt::format(
                  "0 events of truth_launcher \\(pid {}\\): they fired [0-9]+ times", pid())));
}

TEST_F(NoEvents, openIsOpenat) {
  EXPECT_THAT(said("syscalls:sys_enter_open", pid()),
              HasSubstr("glibc opens files by openat, not open: try -t preset:file-open"));
}

TEST_F(NoEvents, allAreLeftOut) {
  const std::string self = std::to_string(getpid());
  EXPECT_THAT(said(kOpenat, self, {"-I", "no_such_frame"}),
              HasSubstr("0 events shown: -I and -X left out all 5"));
  EXPECT_THAT(said(kOpenat, self, {"-i", "1000000"}),
              HasSubstr("0 events kept: they fired 5 times, and -i 1000000 keeps"));
}

}  // namespace
}  // namespace jtrace::test
