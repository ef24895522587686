// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event/tracepoint.h"
#include "unit/event/tracefs_fixture.h"

namespace jtrace::event {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TracefsTest : public TracefsFixture {
 protected:
  [[nodiscard]] Result<std::vector<Tracepoint>> resolve(const std::string& text) const {
    JT_TRY(const Tracefs tracefs, Tracefs::open(root_));
    JT_TRY(const std::vector<EventSpec> specs, parse_event_specs(text));
    return resolve_events(specs, &tracefs, Error{});
  }
  [[nodiscard]] std::vector<std::string> names(const std::string& text) const {
    const auto found = resolve(text);
    if (!found) return {"error: " + found.error().message};
    std::vector<std::string> shown;
    for (const Tracepoint& one : *found) {
      shown.push_back(one.display() + "=" + std::to_string(one.id));
    }
    return shown;
  }
  [[nodiscard]] Error error(const std::string& text) const {
    const auto found = resolve(text);
    return found ? Error{Errc::Internal, "it was found", ""} : found.error();
  }
};

TEST_F(TracefsTest, prefersTracingOverDebugTracing) {
  add_usual();
  place_ = "sys/kernel/debug/tracing";
  add("only", "here", "9\n");
  EXPECT_EQ(Tracefs::open(root_)->source(), Tracefs::Source::Tracing);
  // Mount points exist whether or not something is mounted on them.
  std::filesystem::remove_all(root_ / "sys/kernel/tracing/events");
  const auto tracefs = Tracefs::open(root_);
  ASSERT_TRUE(tracefs);
  EXPECT_EQ(tracefs->source(), Tracefs::Source::DebugTracing);
  EXPECT_THAT(names("only:here"), ElementsAre("only:here=9"));
}

TEST_F(TracefsTest, aRootNeedsNoSlashAndMayHaveOne) {
  add_usual();
  EXPECT_TRUE(Tracefs::open(root_.string()));
  EXPECT_TRUE(Tracefs::open(root_.string() + "/"));
}

TEST_F(TracefsTest, aFixtureWithoutTracefsIsNeverMounted) {
  std::filesystem::create_directories(root_ / "sys/kernel/tracing");
  const auto tracefs = Tracefs::open(root_);
  ASSERT_FALSE(tracefs);
  EXPECT_EQ(tracefs.error().code, Errc::Environment);
  EXPECT_EQ(tracefs.error().message,
            "tracefs is not mounted on " + root_.string() + "/sys/kernel/tracing");
  EXPECT_THAT(tracefs.error().hint, HasSubstr("mount -t tracefs tracefs /sys/kernel/tracing"));
}

TEST_F(TracefsTest, findsNamesGlobsAndIds) {
  add_usual();
  EXPECT_THAT(names("syscalls:sys_enter_openat"), ElementsAre("syscalls:sys_enter_openat=701"));
  EXPECT_THAT(names("syscalls:sys_enter_open*"),
              ElementsAre("syscalls:sys_enter_open=700", "syscalls:sys_enter_openat=701",
                          "syscalls:sys_enter_openat2=703"));
  EXPECT_THAT(names("sched:sched_[st]*"), ElementsAre("sched:sched_switch=300"));
  EXPECT_THAT(names("*:sys_e????"), ElementsAre("raw_syscalls:sys_enter=20"));
  EXPECT_THAT(names("trace:300"), ElementsAre("sched:sched_switch=300"));
}

TEST_F(TracefsTest, eachTracepointOnceInTheOrderAskedFor) {
  add_usual();
  EXPECT_THAT(names("trace:703,sched:sched_switch,syscalls:sys_*_openat*,trace:300"),
              ElementsAre("syscalls:sys_enter_openat2=703", "sched:sched_switch=300",
                          "syscalls:sys_enter_openat=701", "syscalls:sys_exit_openat=702"));
}

TEST_F(TracefsTest, listsSorted) {
  add_usual();
  const auto tracefs = Tracefs::open(root_);
  std::vector<std::string> shown;
  const auto found = tracefs->list("sched:*");
  for (const Tracepoint& one : *found) shown.push_back(one.display());
  EXPECT_THAT(shown, ElementsAre("sched:sched_switch", "sched:sched_wakeup"));
  EXPECT_EQ(tracefs->list()->size(), 8U);
  EXPECT_THAT(*tracefs->list("nothing:*"), IsEmpty());
}

TEST_F(TracefsTest, noSuchCategory) {
  add_usual();
  const Error near = error("syscall:sys_enter_openat");
  EXPECT_EQ(near.code, Errc::Usage);
  EXPECT_EQ(near.message, "no such category 'syscall'");
  EXPECT_EQ(near.hint, "did you mean syscalls or raw_syscalls?");
  EXPECT_EQ(error("shced:sched_switch").hint, "did you mean sched?");
  EXPECT_THAT(error("zzz:a").hint, HasSubstr("/sys/kernel/tracing/events/"));
  EXPECT_EQ(error("zzz*:a").message, "no category matches 'zzz*'");
}

TEST_F(TracefsTest, aKernelWithoutSyscallTracepointsIsNamed) {
  add("sched", "sched_switch", "300\n");
  EXPECT_EQ(error("syscalls:sys_enter_openat").hint,
            "this kernel is built without CONFIG_FTRACE_SYSCALLS");
}

TEST_F(TracefsTest, noSuchEventSuggestsThreeNames) {
  add_usual();
  const Error typo = error("syscalls:sys_enter_opneat");
  EXPECT_EQ(typo.code, Errc::Usage);
  EXPECT_EQ(typo.message, "no such event 'syscalls:sys_enter_opneat'");
  EXPECT_EQ(typo.hint,
            "did you mean syscalls:sys_enter_openat, syscalls:sys_enter_openat2 or "
            "syscalls:sys_enter_open?");
  EXPECT_EQ(error("syscalls:openat").hint,
            "did you mean syscalls:sys_enter_openat, syscalls:sys_exit_openat or "
            "syscalls:sys_enter_openat2?");
  EXPECT_EQ(error("sched:qqqqqq").hint,
            "this kernel's names are the directories in /sys/kernel/tracing/events/sched");
}

TEST_F(TracefsTest, theSameNameInAnotherCategoryComesFirst) {
  add_usual();
  EXPECT_EQ(error("syscalls:sched_switch").hint, "did you mean sched:sched_switch?");
}

TEST_F(TracefsTest, aGlobWithoutMatchSuggestsNearNames) {
  add_usual();
  const Error none = error("syscalls:sys_enter_opn*");
  EXPECT_EQ(none.code, Errc::Usage);
  EXPECT_EQ(none.message, "no event matches 'syscalls:sys_enter_opn*'");
  EXPECT_EQ(none.hint,
            "did you mean syscalls:sys_enter_open, syscalls:sys_enter_openat or "
            "syscalls:sys_enter_openat2?");
  EXPECT_EQ(error("*:openat[3-9]*").hint,
            "did you mean syscalls:sys_enter_openat, syscalls:sys_exit_openat or "
            "syscalls:sys_enter_openat2?");
  EXPECT_EQ(error("syscalls:sys_open*").hint,
            "did you mean syscalls:sys_enter_open, syscalls:sys_enter_openat or "
            "syscalls:sys_enter_openat2?");
  EXPECT_THAT(error("sched:[x]").hint, HasSubstr("/events/sched"));
}

TEST_F(TracefsTest, unknownId) {
  add_usual();
  const Error unknown = error("trace:4000");
  EXPECT_EQ(unknown.code, Errc::Usage);
  EXPECT_EQ(unknown.message, "no tracepoint of this kernel has the id 4000");
}

TEST_F(TracefsTest, filesThatAreNoDirectoriesAreNoEvents) {
  add_usual();
  EXPECT_EQ(error("sched:filter").message, "no such event 'sched:filter'");
  EXPECT_EQ(error("enable:x").message, "no such category 'enable'");
}

TEST_F(TracefsTest, anEventWithoutIdIsLeftOutOfGlobsAndExplained) {
  add_usual();
  std::filesystem::create_directories(events() / "sched" / "sched_noid");
  EXPECT_THAT(names("sched:*"), ElementsAre("sched:sched_switch=300", "sched:sched_wakeup=301"));
  EXPECT_EQ(error("sched:sched_noid").message,
            "event 'sched:sched_noid' has no id: the kernel does not let programs attach to it");
}

TEST_F(TracefsTest, refusesIdsThatAreNoNumbers) {
  for (const char* text : {"", "\n", "0\n", "-3\n", "12x\n", "12\n13\n", "4294967296\n",
                           "99999999999999999999999999999999999999999999\n"}) {
    add("bad", "one", text);
    EXPECT_EQ(error("bad:one").message, "tracefs: events/bad/one/id does not hold a tracepoint id")
        << text;
  }
}

TEST_F(TracefsTest, doesNotFollowLinksNorWaitForPipes) {
  add_usual();
  std::filesystem::create_directory_symlink("/", events() / "link");
  EXPECT_EQ(error("link:etc").message, "no such category 'link'");
  std::filesystem::create_directories(events() / "pipe" / "one");
  ASSERT_EQ(::mkfifo((events() / "pipe" / "one" / "id").c_str(), 0600), 0);
  EXPECT_EQ(error("pipe:one").message, "tracefs: events/pipe/one/id does not hold a tracepoint id");
}

TEST_F(TracefsTest, withoutTracefsIdsPassAndNamesFail) {
  const Error why{Errc::Environment, "no tracefs here", "hint"};
  const auto ids = resolve_events(*parse_event_specs("trace:5,trace:6,trace:5"), nullptr, why);
  ASSERT_TRUE(ids);
  ASSERT_EQ(ids->size(), 2U);
  EXPECT_EQ(ids->at(1).display(), "trace:6");
  const auto names = resolve_events(*parse_event_specs("trace:5,a:b"), nullptr, why);
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().message, why.message);
}

TEST_F(TracefsTest, leavesNoDescriptorOpen) {
  add_usual();
  const auto next_fd = [] { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get(); };
  const int before = next_fd();
  EXPECT_THAT(names("trace:300,syscalls:*"), ::testing::SizeIs(6));
  EXPECT_EQ(error("a:b").message, "no such category 'a'");
  EXPECT_EQ(next_fd(), before);
}

// Runs `body` as an ordinary user in a child: exit status 0 is success.
int as_nobody(int (*body)(const std::string&), const std::string& root) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(99);
    ::_exit(body(root));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(TracefsTest, aTracefsThatMayNotBeReadIsToldApart) {
  add_usual();
  std::filesystem::permissions(root_, std::filesystem::perms(0755));
  std::filesystem::permissions(root_ / "sys/kernel/tracing", std::filesystem::perms::none);
  const int status = as_nobody(
      [](const std::string& root) {
        const auto tracefs = Tracefs::open(root);
        if (tracefs || tracefs.error().code != Errc::Environment) return 1;
        const std::string text =
            "tracefs on " + root +
            "/sys/kernel/tracing is not readable: CAP_DAC_READ_SEARCH is missing";
        return tracefs.error().message == text ? 0 : 2;
      },
      root_);
  std::filesystem::permissions(root_ / "sys/kernel/tracing", std::filesystem::perms(0755));
  EXPECT_EQ(status, 0);
}

TEST_F(TracefsTest, idsThatMayNotBeReadAreToldApart) {
  add_usual();
  std::filesystem::permissions(root_, std::filesystem::perms(0755));
  const auto id = events() / "sched" / "sched_switch" / "id";
  std::filesystem::permissions(id, std::filesystem::perms::none);
  const int status = as_nobody(
      [](const std::string& root) {
        const auto tracefs = Tracefs::open(root);
        if (!tracefs) return 1;
        const auto found = tracefs->resolve(TracepointName{"sched", "sched_switch"});
        if (found) return 2;
        const char* text =
            "tracefs is not readable: events/sched/sched_switch/id: CAP_DAC_READ_SEARCH is missing";
        return found.error().message == text ? 0 : 3;
      },
      root_);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace jtrace::event
