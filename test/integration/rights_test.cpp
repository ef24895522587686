// SPDX-License-Identifier: Apache-2.0
// With which capabilities jtrace traces what, and what it says where one is missing (the table of
// docs/rights.md); what is left of them while it traces.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "integration/support/jdks.h"
#include "integration/support/users.h"

namespace jtrace::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr uid_t kTracer = 65533, kOther = 65532;  // nobody's
const std::string kOpenat = "syscalls:sys_enter_openat";

// As an ordinary user with exactly these capabilities.
Words with_rights(const Words& rights, const Words& command) {
  const std::string list = fmt::format("+{}", fmt::join(rights, ",+"));
  return as_user(kTracer, command,
                 {"--clear-groups", "--inh-caps=" + list, "--ambient-caps=" + list,
                  "--bounding-set=-all," + list});
}

const char* const kMounted =
    "{ umount -q /sys/kernel/tracing; mount -t tracefs tracefs /sys/kernel/tracing; }";
const char* const kUnmounted = "{ umount -q /sys/kernel/tracing; umount -q /sys/kernel/debug; :; }";

// A binary of the target's that is deleted, or in a directory of the owner's alone, at the attach.
enum class Binary { Usual, Deleted, Hidden };

struct Outcome {
  int status = -1;
  std::string log;
  std::vector<Stack> stacks;
  Ledger ledger;
  [[nodiscard]] std::uint64_t count(std::string_view name) const {
    return ledger.count(name).value_or(0);
  }
  [[nodiscard]] bool whole() const {
    return count("kept") > 0 && count("complete") == count("kept");
  }
};

class Rights : public ::testing::Test {
 protected:
  void SetUp() override {
    JT_NEEDS("bpf", no_bpf());
    JT_ASSERT_OK(const auto id, tracepoint_id("syscalls", "sys_enter_openat"));
    id_ = fmt::format("trace:{}", id);
    fs::permissions(directory_.path(), fs::perms::all);
  }
  [[nodiscard]] Words native() const {
    return {built("truth_native"), "200", built("libtruth_late.so")};
  }
  // Of `binary`, as that user; works once jtrace is attached.
  Result<Child> start_target(uid_t user, const Words& command, Binary binary = Binary::Usual) {
    Words argv = command;
    const fs::path home = directory_.path() / "home";
    if (binary != Binary::Usual) {
      fs::create_directory(home);
      constexpr auto kOpen = fs::perms{0755};
      fs::permissions(home, kOpen);
      fs::copy_file(command.front(), home / "program", fs::copy_options::overwrite_existing);
      argv.front() = home / "program";
    }
    auto target = start_ready(as_user(user, argv));
    if (binary == Binary::Deleted) fs::remove(home / "program");
    if (binary == Binary::Hidden) {
      fs::permissions(home, fs::perms::owner_all);
    }
    return target;
  }
  // `tracer` makes the command line of jtrace's arguments.
  template <class Tracer>
  Result<Outcome> run(Child& target, const Tracer& tracer, const Words& more) {
    const std::string collapsed = directory_.path() / "out.collapsed";
    const std::string text = directory_.path() / "out.txt";
    fs::remove(collapsed);
    fs::remove(text);
    const Words argv = tracer(Words{jtrace_binary(), "-p", std::to_string(target.pid()), "-q", "-f",
                                    collapsed, "-f", text} +
                              more);
    JT_TRY(Child jtrace, Child::start(argv));
    const auto attached = [](const Child& c) {
      return c.err().find("jtrace: tracing") != std::string::npos;
    };
    Outcome outcome;
    if (!jtrace.wait_until("attach", attached, kPatience)) {
      JT_TRY(outcome.status, jtrace.wait_exit(kPatience));
      outcome.log = jtrace.err();
      return outcome;
    }
    JT_CHECK_OK(target.send("\n"));
    JT_TRY(const int ended, target.wait_exit(kPatience));
    JT_TRY(outcome.status, jtrace.wait_exit(kPatience));
    outcome.log = jtrace.err();
    if (ended != 0 || outcome.status != 0) {
      return fail(Errc::Internal, fmt::format("{}, {}: {}", ended, outcome.status, outcome.log));
    }
    JT_TRY(const std::string stacks, read_text(collapsed));
    JT_TRY(outcome.stacks, parse_collapsed(stacks));
    JT_TRY(const std::string report, read_text(text));
    JT_TRY(outcome.ledger, parse_ledger(report));
    return outcome;
  }

  std::string id_;
  TemporaryDirectory directory_;
};

// ---- what each step takes

struct Missing {
  std::string right, message;
};
struct Step {
  std::string name;
  uid_t target = kTracer;
  std::vector<Missing> needs;
  const char* mounts = nullptr;
  Words arguments;  // {} for the event's id
};

const Missing kBpf{"bpf", "load BPF programs: CAP_BPF is missing"};
const Missing kPerfmon{"perfmon", "load BPF programs: CAP_PERFMON is missing"};
const Missing kPtrace{"sys_ptrace", "CAP_SYS_PTRACE is missing"};
const Missing kReadTracefs{"dac_read_search", "is not readable: CAP_DAC_READ_SEARCH is missing"};
const Missing kOpenTracefs{"dac_read_search", "open: CAP_DAC_READ_SEARCH is missing"};
const Missing kMountTracefs{"sys_admin", "fsopen: CAP_SYS_ADMIN is missing"};

std::vector<Step> steps(const std::string& id) {
  return {
      {"own process", kTracer, {kBpf, kPerfmon}, kUnmounted, {"-t", id}},
      {"own process, frame pointers",
       kTracer,
       {kBpf, kPerfmon},
       kUnmounted,
       {"-t", id, "--cstack", "fp"}},
      {"own process, threads", kTracer, {kBpf, kPerfmon}, kUnmounted, {"-t", id, "--threads"}},
      {"another user's process", kOther, {kBpf, kPerfmon, kPtrace}, kUnmounted, {"-t", id}},
      {"root's process", 0, {kBpf, kPerfmon, kPtrace}, kUnmounted, {"-t", id}},
      {"event by name", kTracer, {kBpf, kPerfmon, kReadTracefs}, kMounted, {"-t", kOpenat}},
      {"tracefs not mounted",
       kTracer,
       // CAP_SYS_ADMIN stands for both.
       {kMountTracefs, kOpenTracefs},
       kUnmounted,
       {"-t", kOpenat}},
  };
}

TEST_F(Rights, EachStepTakesTheseAndNoOthers) {
  for (const Step& step : steps(id_)) {
    SCOPED_TRACE(step.name);
    Words all;
    for (const auto& [right, message] : step.needs) all.push_back(right);
    const auto by = [&](const Words& rights) {
      return [&step, rights](const Words& jtrace) {
        return in_mounts(step.mounts, with_rights(rights, jtrace));
      };
    };
    JT_ASSERT_OK(Child target, start_target(step.target, native()));
    for (const auto& [right, message] : step.needs) {
      SCOPED_TRACE("without " + right);
      Words left = all;
      std::erase(left, right);
      JT_ASSERT_OK(const Outcome refused, run(target, by(left), step.arguments));
      EXPECT_EQ(refused.status, 3);
      EXPECT_THAT(refused.log, HasSubstr(message));
      EXPECT_THAT(refused.log, HasSubstr("(doctor: capabilities)"));
      EXPECT_EQ(std::ranges::count(refused.log, '\n'), 1) << refused.log;
    }
    JT_ASSERT_OK(const Outcome done, run(target, by(all), step.arguments));
    EXPECT_GT(done.count("kept"), 0U);
    EXPECT_EQ(done.count("kept"), done.count("fired"));
  }
}

TEST_F(Rights, JvmTakesNoMoreThanANativeProgram) {
  JT_NEEDS("java", no_jdk());
  for (const uid_t user : {kTracer, kOther}) {
    Words rights{"bpf", "perfmon", "dac_read_search"};
    if (user != kTracer) rights.emplace_back("sys_ptrace");
    JT_ASSERT_OK(
        Child target,
        start_target(user, truth_opens(own_jdk(), {.flags = {"-Xmx64m"}, .count = "200"})));
    const auto by = [&](const Words& jtrace) {
      return in_mounts(kMounted, with_rights(rights, jtrace));
    };
    JT_ASSERT_OK(const Outcome done, run(target, by, {"-t", kOpenat}));
    EXPECT_TRUE(done.whole()) << to_text(done.ledger);
    EXPECT_TRUE(std::ranges::any_of(done.stacks, [](const Stack& stack) {
      return std::ranges::any_of(stack.frames, &Frame::java);
    }));
  }
}

// ---- what is better with a right than without

TEST_F(Rights, WithoutSomeStacksAreNotWhole) {
  struct Case {
    Binary binary;
    Words enough, less;
  };
  const Words usual{"bpf", "perfmon", "sys_ptrace"};
  for (const auto& [binary, enough, less] :
       std::vector<Case>{{Binary::Deleted, usual + Words{"dac_read_search", "checkpoint_restore"},
                          usual + Words{"dac_read_search"}},
                         {Binary::Hidden, usual + Words{"dac_read_search"}, usual}}) {
    for (const bool whole : {true, false}) {
      // Not dlopen, which without tracefs leaves stacks in it partial.
      JT_ASSERT_OK(Child target,
                   start_target(kOther, {built("truth_launcher"), "wait", "--", "true"}, binary));
      const auto by = [&](const Words& jtrace) {
        return in_mounts(kUnmounted, with_rights(whole ? enough : less, jtrace));
      };
      JT_ASSERT_OK(const auto id, tracepoint_id("syscalls", "sys_exit_read"));
      JT_ASSERT_OK(const Outcome done, run(target, by, {"-t", fmt::format("trace:{}", id)}));
      EXPECT_GT(done.count("kept"), 0U);
      // The read of the launcher itself comes first.
      const auto partial = done.count("partial: no unwind info");
      EXPECT_EQ(partial == 0, whole) << to_text(done.ledger) << done.log;
    }
  }
}

TEST_F(Rights, WithoutCapSyslogKernelFramesHaveNoNames) {
  const Words usual{"bpf", "perfmon"};
  for (const Words& rights : {usual, usual + Words{"syslog"}}) {
    JT_ASSERT_OK(Child target, start_target(kTracer, native()));
    const auto by = [&](const Words& jtrace) {
      return in_mounts(kUnmounted, with_rights(rights, jtrace));
    };
    JT_ASSERT_OK(const Outcome done, run(target, by, {"-t", id_, "--kernel", "yes"}));
    const bool named = std::ranges::any_of(done.stacks, [](const Stack& stack) {
      return stack.frames.back().kind == FrameKind::Kernel &&
             !stack.frames.back().name.starts_with('[');
    });
    EXPECT_EQ(named, rights.size() > usual.size());
  }
}

// ---- what is left while it traces

std::vector<std::string> open_files(pid_t pid) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", pid))) {
    std::error_code gone;
    names.push_back(fs::read_symlink(entry.path(), gone).string());
  }
  return names;
}

TEST_F(Rights, LittleIsLeftWhileItTraces) {
  JT_ASSERT_OK(Child jtrace,
               start_jtrace({"-t", "sched:sched_switch", "-p", std::to_string(getpid()), "-f",
                             directory_.path() / "out.html"}));
  for (const pid_t thread : threads_of(jtrace.pid())) {
    // CAP_CHECKPOINT_RESTORE, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH.
    expect_shut(thread, "0000010000080004");
    EXPECT_EQ(status_line(thread, "CapBnd"), kNoRights);
    EXPECT_EQ(status_line(thread, "Uid"), "65534\t65534\t65534\t65534");
    EXPECT_EQ(status_line(thread, "Groups"), " ");
  }
  // The second one, if it has begun, takes symbols in.
  EXPECT_LE(threads_of(jtrace.pid()).size(), 2U);
  const auto files = open_files(jtrace.pid());
  const auto count = [&](std::string_view part) {
    return std::ranges::count_if(files, [&](const auto& name) { return name.contains(part); });
  };
  EXPECT_EQ(count("trac"), 0) << fmt::format("{}", fmt::join(files, "\n"));  // tracefs, or detached
  EXPECT_EQ(count("btf"), 0);
  EXPECT_EQ(count("bpf-prog"), 1);
  EXPECT_GT(count("bpf_link"), 0);
  EXPECT_EQ(count("out.html"), 0);
  // Who writes in the end: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER.
  const auto writer = child_named(jtrace.pid(), "jtrace-writer");
  ASSERT_TRUE(writer.has_value());
  expect_shut(*writer, "000000000000000f");
  std::vector<pid_t> children{*writer};
  // Who has files read: CAP_DAC_READ_SEARCH, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_PTRACE.
  for (const char* name : {"jtrace-files", "jtrace-symbols"}) {
    const auto keeper = child_named(jtrace.pid(), name);
    ASSERT_TRUE(keeper.has_value()) << name;
    EXPECT_EQ(status_line(*keeper, "CapPrm"), "00000000000800e4");
    EXPECT_EQ(status_line(*keeper, "CapBnd"), kNoRights);
    EXPECT_EQ(status_line(*keeper, "NoNewPrivs"), "1");
    children.push_back(*keeper);
  }
  for (const pid_t child : children) {
    for (const std::string& name : open_files(child)) {
      EXPECT_FALSE(name.contains("anon_inode:bpf") || name.contains("perf_event")) << name;
    }
  }
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const std::string page, read_text(directory_.path() / "out.html"));
  EXPECT_TRUE(page.contains("</html>"));
}

TEST_F(Rights, ATracedExecIsFollowedWithWhatIsLeft) {
  // The program comes after the attach, and another one by dlopen.
  JT_ASSERT_OK(Child target,
               start_ready({built("truth_launcher"), "wait", "--", built("truth_native"), "200",
                            built("libtruth_late.so")}));
  const std::string collapsed = directory_.path() / "out.collapsed";
  const auto both = [&](const Child& c) { return c.out().find("ready\n", 6) != std::string::npos; };
  JT_ASSERT_OK(Child jtrace, Child::start({jtrace_binary(), "-t", kOpenat, "-p",
                                           std::to_string(target.pid()), "-f", collapsed}));
  const auto tracing = [](const Child& c) { return c.err().contains("jtrace: tracing"); };
  ASSERT_TRUE(jtrace.wait_until("attach", tracing, kPatience).has_value());
  ASSERT_TRUE(target.send("\n").has_value());
  ASSERT_TRUE(target.wait_until("second program", both, kPatience).has_value());
  ASSERT_TRUE(target.send("\n").has_value());
  JT_ASSERT_OK(const int ended, target.wait_exit(kPatience));
  EXPECT_EQ(ended, 0);
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const std::string text, read_text(collapsed));
  EXPECT_THAT(text, HasSubstr("dlopen_path"));
  EXPECT_TRUE(text.contains("__libc_start_main")) << text;
}

}  // namespace
}  // namespace jtrace::test
