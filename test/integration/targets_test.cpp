// SPDX-License-Identifier: Apache-2.0
// Processes that come while tracing: children, commands, those of a name, of a cgroup, all. What
// they do is known, so that each of their events must be there.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "integration/support/trace_run.h"
#include "integration/support/users.h"

namespace jtrace::test {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

constexpr int kChildren = 8, kGrandchildren = 3, kOpens = 50;

std::uint64_t opens_by(const std::vector<Stack>& stacks, const std::string& function) {
  std::uint64_t count = 0;
  for (const Stack& stack : stacks) {
    const bool has = std::ranges::any_of(
        stack.frames, [&](const Frame& frame) { return frame.name == function; });
    if (has) count += stack.count;
  }
  return count;
}

std::uint64_t sum(const std::vector<Stack>& stacks) {
  std::uint64_t count = 0;
  for (const Stack& stack : stacks) count += stack.count;
  return count;
}

Words family(const std::filesystem::path& program, bool waits) {
  Words words{program.string(), std::to_string(kChildren), std::to_string(kGrandchildren),
              std::to_string(kOpens)};
  if (!waits) words.emplace_back("now");
  return words;
}

// All four generations, each open of them with its whole stack.
void expect_family(const std::vector<Stack>& stacks) {
  EXPECT_EQ(opens_by(stacks, "parent_opens"), kOpens);
  EXPECT_EQ(opens_by(stacks, "child_opens"), kChildren * kOpens);
  EXPECT_EQ(opens_by(stacks, "grandchild_opens"), kChildren * kGrandchildren * kOpens);
  EXPECT_EQ(opens_by(stacks, "executed_opens"), kChildren * kOpens);
}

class Targets : public ::testing::Test {
 protected:
  void SetUp() override { JT_NEEDS("bpf", no_bpf()); }

  [[nodiscard]] std::string file(const std::string& name) const {
    return (directory_.path() / name).string();
  }
  [[nodiscard]] Words arguments(const Words& more) const {
    Words all{"-t", "syscalls:sys_enter_openat", "-f", file("x.collapsed"), "-f", file("x.txt")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  [[nodiscard]] std::vector<Stack> stacks() const {
    const auto text = read_text(file("x.collapsed"));
    const auto parsed = text ? parse_collapsed(*text) : std::vector<Stack>{};
    EXPECT_TRUE(text && parsed);
    return parsed.value_or(std::vector<Stack>{});
  }
  [[nodiscard]] Ledger ledger() const {
    const auto text = read_text(file("x.txt"));
    const auto parsed = text ? parse_ledger(*text) : Ledger{};
    EXPECT_TRUE(text && parsed);
    return parsed.value_or(Ledger{});
  }
  // Runs jtrace to its end, without `tracing` having to come.
  [[nodiscard]] static Result<std::pair<int, std::string>> run(const Words& words) {
    Words argv{jtrace_binary()};
    argv.insert(argv.end(), words.begin(), words.end());
    JT_TRY(Child child, Child::start(argv));
    JT_TRY(const int status, child.wait_exit(kPatience));
    return std::pair(status, child.err());
  }
  static void stop(Child& jtrace) {
    ASSERT_TRUE(jtrace.signal(SIGINT));
    JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
    EXPECT_EQ(status, 0) << jtrace.err();
  }
  // Runs a program to its end.
  static void run_through(const Words& argv) {
    JT_ASSERT_OK(Child program, Child::start(argv));
    JT_ASSERT_OK(const int status, program.wait_exit(kPatience));
    EXPECT_EQ(status, 0) << program.err();
  }
  // The program under another name.
  [[nodiscard]] std::filesystem::path named(const std::string& name) const {
    const auto path = directory_.path() / name;
    std::filesystem::copy_file(built("truth_family"), path);
    return path;
  }

  TemporaryDirectory directory_;
};

TEST_F(Targets, FollowedChildrenLoseNotOneEvent) {
  JT_ASSERT_OK(const Traced traced, trace(family(built("truth_family"), true),
                                          {.extra = {"--follow"}, .before_go = {}}));
  expect_family(traced.stacks);
  EXPECT_EQ(ledger_faults(traced.ledger), "");
}

TEST_F(Targets, WithoutFollowChildrenAreOthers) {
  JT_ASSERT_OK(const Traced traced, trace(family(built("truth_family"), true)));
  EXPECT_EQ(opens_by(traced.stacks, "parent_opens"), kOpens);
  EXPECT_EQ(traced.ledger.count("fired"), kOpens);
}

TEST_F(Targets, CommandIsTracedFromItsFirstInstruction) {
  Words words = arguments({"--strict", "--"});
  std::ranges::copy(family(built("truth_family"), false), std::back_inserter(words));
  JT_ASSERT_OK(const auto ended, run(words));
  EXPECT_EQ(ended.first, 0) << ended.second;
  EXPECT_THAT(ended.second, HasSubstr("jtrace: tracing syscalls:sys_enter_openat of"));
  expect_family(stacks());
  EXPECT_EQ(ledger_faults(ledger()), "");
  // The dynamic linker's own, before main.
  EXPECT_GE(opens_by(stacks(), "_dl_start") + opens_by(stacks(), "_dl_map_object"), 1U)
      << ended.second;
}

// The return of the execve that made it is its first event, and not one of jtrace's own before.
TEST_F(Targets, CommandsExecIsItsFirstEvent) {
  JT_ASSERT_OK(const auto ended, run({"-t", "syscalls:sys_*_execve", "-f", file("x.collapsed"),
                                      "-f", file("x.txt"), "--", "/bin/true"}));
  EXPECT_EQ(ended.first, 0) << ended.second;
  EXPECT_EQ(ledger().count("fired"), 1U) << to_text(ledger());
  ASSERT_EQ(stacks().size(), 1U);
  EXPECT_EQ(stacks().front().frames.back().name, "syscalls:sys_exit_execve");
}

TEST_F(Targets, ExitStatusIsTheCommandsOwn) {
  struct Case {
    Words command;
    int status;
    std::string says;
  };
  std::ofstream(file("script")) << "no program\n";
  const std::vector<Case> cases{
      {{"true"}, 0, ""},
      {{"false"}, 1, ""},
      {{"sh", "-c", "exit 7"}, 7, ""},
      {{"sh", "-c", "kill -KILL $$"}, 128 + SIGKILL, ""},
      {{"no-such-program"}, 127, "jtrace: run no-such-program: no such program in PATH"},
      {{"./no/such"}, 127, "jtrace: run ./no/such: No such file or directory"},
      {{file("script")}, 126, "Permission denied"},
      {{"/"}, 126, "jtrace: run /: Permission denied"}};
  for (const auto& [command, status, says] : cases) {
    Words words{"-t", "syscalls:sys_enter_openat", "-f", "/dev/null", "-o", "text", "-q", "--"};
    words.insert(words.end(), command.begin(), command.end());
    JT_ASSERT_OK(const auto ended, run(words));
    EXPECT_EQ(ended.first, status) << command.front() << ": " << ended.second;
    EXPECT_THAT(ended.second, HasSubstr(says));
  }
}

TEST_F(Targets, CommandBesideAProcessOnlySetsTheDuration) {
  JT_ASSERT_OK(Child program, start_ready(family(built("truth_family"), true)));
  JT_ASSERT_OK(Child jtrace, start_jtrace(arguments({"-p", std::to_string(program.pid()), "--",
                                                     "sh", "-c", "sleep 3; exit 3"})));
  ASSERT_TRUE(program.send("\n"));
  JT_ASSERT_OK(const int program_status, program.wait_exit(kPatience));
  EXPECT_EQ(program_status, 0);
  // The process has ended before the command: that is no status of jtrace's.
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  EXPECT_EQ(ledger().count("fired"), kOpens) << "only the process";
}

TEST_F(Targets, CommThatComesIsTracedWhatHasAnotherNameIsNot) {
  JT_ASSERT_OK(Child jtrace, start_jtrace(arguments({"--comm", "jtfam[0-9]*"})));
  run_through(family(named("jtfam1"), false));
  run_through(family(named("other_family"), false));
  run_through(family(named("jtfam2x"), false));
  stop(jtrace);
  const auto all = stacks();
  EXPECT_EQ(opens_by(all, "parent_opens"), 2 * kOpens);
  EXPECT_EQ(opens_by(all, "grandchild_opens"), 2 * kChildren * kGrandchildren * kOpens);
  EXPECT_EQ(opens_by(all, "executed_opens"), 2 * kChildren * kOpens);
  EXPECT_EQ(ledger_faults(ledger()), "");
}

// A process whose file takes long to read is waited for; others that end meanwhile are not kept.
TEST_F(Targets, OneWhoseFileIsSlowKeepsNoOther) {
  constexpr std::size_t kRuns = 8;
  const auto known = named("jt_known"), slow = named("jt_slow");
  JT_ASSERT_OK(Child jtrace, start_jtrace(arguments({"--comm", "jt_*"})));
  const auto open_files = [&] {
    const std::filesystem::directory_iterator all(fmt::format("/proc/{}/fd", jtrace.pid()));
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  };
  const auto are_buried = [&](std::size_t most) {
    const auto are = [&](const Child&) { return open_files() <= most; };
    return jtrace.wait_until("end of those that have ended", are, kPatience).has_value();
  };
  const std::size_t before = open_files();
  run_through(family(known, false));
  // Named, too: those that are not are not buried.
  ASSERT_TRUE(are_buried(before + 8)) << open_files() << " behind " << before;

  const auto keeper = child_named(jtrace.pid(), "jtrace-symbols");
  ASSERT_TRUE(keeper.has_value());
  std::vector<pid_t> readers = children_of(*keeper);
  readers.push_back(*keeper);
  for (const pid_t reader : readers) ASSERT_EQ(::kill(reader, SIGSTOP), 0);
  run_through(family(slow, false));
  // Who executed something has tables of its own.
  const auto waits = [&](const Child&) { return open_files() >= before + kChildren; };
  ASSERT_TRUE(jtrace.wait_until("processes that wait", waits, kPatience).has_value());
  const std::size_t with_slow = open_files();
  for (std::size_t i = 0; i < kRuns; ++i) run_through(family(known, false));
  EXPECT_TRUE(are_buried(with_slow + 16)) << open_files() << " behind " << with_slow;
  for (const pid_t reader : readers) ASSERT_EQ(::kill(reader, SIGCONT), 0);
  EXPECT_TRUE(are_buried(before + 8)) << open_files() << " behind " << before;

  stop(jtrace);
  const auto all = stacks();
  EXPECT_EQ(opens_by(all, "parent_opens"), (kRuns + 2) * kOpens);
  EXPECT_EQ(opens_by(all, "grandchild_opens"), (kRuns + 2) * kChildren * kGrandchildren * kOpens);
  EXPECT_EQ(ledger_faults(ledger()), "");
}

TEST_F(Targets, EveryProcessButJtraceItself) {
  JT_ASSERT_OK(Child jtrace, start_jtrace(arguments({"-a"})));
  EXPECT_THAT(jtrace.err(), HasSubstr("every process but jtrace itself"));
  run_through(family(built("truth_family"), false));
  stop(jtrace);
  const auto all = stacks();
  EXPECT_EQ(opens_by(all, "parent_opens"), kOpens);
  EXPECT_EQ(opens_by(all, "child_opens"), kChildren * kOpens);
  EXPECT_EQ(opens_by(all, "grandchild_opens"), kChildren * kGrandchildren * kOpens);
  EXPECT_EQ(opens_by(all, "executed_opens"), kChildren * kOpens);
  for (const Stack& stack : all) {
    EXPECT_THAT(to_text(stack), testing::Not(HasSubstr("jtrace::")));
  }
}

TEST_F(Targets, OneThread) {
  std::mutex mutex;
  std::condition_variable turn;
  std::vector<pid_t> tids;
  bool go = false;
  const auto work = [&](int times) {
    std::unique_lock lock(mutex);
    tids.push_back(static_cast<pid_t>(::syscall(SYS_gettid)));
    turn.notify_all();
    turn.wait(lock, [&] { return go; });
    for (int i = 0; i < times; ++i) std::ifstream("/dev/null").get();
  };
  std::thread first(work, kOpens);
  std::pair<int, int> counts{kOpens, 0};
  {
    std::unique_lock lock(mutex);
    turn.wait(lock, [&] { return tids.size() == 1; });
  }
  std::thread second(work, 3 * kOpens);
  {
    std::unique_lock lock(mutex);
    turn.wait(lock, [&] { return tids.size() == 2; });
  }
  // Without -p: a thread has a process.
  JT_ASSERT_OK(Child jtrace, start_jtrace(arguments({"--tid", std::to_string(tids.front())})));
  {
    const std::lock_guard lock(mutex);
    go = true;
    turn.notify_all();
  }
  first.join();
  second.join();
  stop(jtrace);
  EXPECT_EQ(ledger().count("fired"), counts.first);
}

// A directory of the cgroup tree, removed when the processes in it have ended.
class OwnCgroup {
 public:
  explicit OwnCgroup(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
  }
  OwnCgroup(const OwnCgroup&) = delete;
  OwnCgroup& operator=(const OwnCgroup&) = delete;
  ~OwnCgroup() { ::rmdir(path_.c_str()); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::filesystem::path cgroup_tree() {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string device, at, type, rest; mounts >> device >> at >> type;) {
    std::getline(mounts, rest);
    if (type == "cgroup2") return at;
  }
  return {};
}

std::optional<std::string> no_cgroups() {
  const auto tree = cgroup_tree();
  if (tree.empty()) return "no cgroup2 is mounted";
  if (::access(tree.c_str(), W_OK) != 0) return "the cgroup tree cannot be written";
  return std::nullopt;
}

Words in_cgroup(const OwnCgroup& cgroup, const Words& argv) {
  Words words{"sh", "-c", "echo $$ >" + (cgroup.path() / "cgroup.procs").string() + "; exec \"$@\"",
              "sh"};
  words.insert(words.end(), argv.begin(), argv.end());
  return words;
}

TEST_F(Targets, CgroupHasItsDescendants) {
  JT_NEEDS("bpf", no_cgroups());
  const auto name = fmt::format("jtrace-test-{}", ::getpid());
  const OwnCgroup above(cgroup_tree() / name);
  const OwnCgroup below(above.path() / "below");
  const OwnCgroup beside(cgroup_tree() / (name + "-beside"));
  JT_ASSERT_OK(Child jtrace, start_jtrace(arguments({"--cgroup", "/" + name})));
  for (const OwnCgroup* cgroup : {&above, &below, &beside}) {
    run_through(in_cgroup(*cgroup, family(built("truth_family"), false)));
  }
  stop(jtrace);
  const auto all = stacks();
  EXPECT_EQ(opens_by(all, "parent_opens"), 2 * kOpens);
  EXPECT_EQ(opens_by(all, "child_opens"), 2 * kChildren * kOpens);
  EXPECT_EQ(opens_by(all, "executed_opens"), 2 * kChildren * kOpens);
  EXPECT_GT(ledger().count("fired"), sum(all) / 2);

  // By the id in its directory's name.
  const std::string id = fmt::format("{:0>64x}", ::getpid() + 0xabc000000000ULL);
  const OwnCgroup container(above.path() / ("docker-" + id + ".scope"));
  JT_ASSERT_OK(Child second, start_jtrace(arguments({"--container", id.substr(0, 63)})));
  run_through(in_cgroup(container, family(built("truth_family"), false)));
  run_through(family(built("truth_family"), false));
  stop(second);
  EXPECT_EQ(opens_by(stacks(), "parent_opens"), kOpens);
}

// Of two that wait, one opens files while jtrace stands still: its tables are in the kernel by
// then, so that nothing waits for jtrace, which could not keep up.
class ReadyAhead : public Targets {
 protected:
  void expect_ready(const Words& selection, const Words& first, const Words& second) {
    const auto with = [](Words words, const Words& more) {
      words.insert(words.end(), more.begin(), more.end());
      return words;
    };
    JT_ASSERT_OK(Child steady, start_ready(with(first, {"100", "2"})));
    JT_ASSERT_OK(const Child idle, start_ready(with(second, {"0", "1"})));
    JT_ASSERT_OK(Child jtrace, start_jtrace(arguments(with(selection, {"-v"}))));
    ASSERT_TRUE(jtrace.signal(SIGSTOP));
    ASSERT_TRUE(steady.send("\n"));
    const auto is_over = [](const Child& child) { return child.out().ends_with("over\n"); };
    ASSERT_TRUE(steady.wait_until("over", is_over, kPatience).has_value());
    ASSERT_TRUE(jtrace.signal(SIGCONT));
    stop(jtrace);
    unsigned long once = 0, twice = 0;
    ASSERT_EQ(
        std::sscanf(steady.out().c_str(), "ready open_once %lu open_twice %lu", &once, &twice), 2)
        << steady.out();
    EXPECT_GT(once, 1000U);
    EXPECT_EQ(opens_by(stacks(), "open_once"), once);
    EXPECT_EQ(opens_by(stacks(), "open_twice"), twice);
    EXPECT_EQ(ledger_faults(ledger()), "");
    EXPECT_EQ(ledger().count("walk finished in user space"), 0U) << to_text(ledger());
    EXPECT_THAT(jtrace.err(), HasSubstr("jtrace: 1 process, 0 JVMs of them, 1 at a time"))
        << "who only stands by is not counted";
  }
};

TEST_F(ReadyAhead, WhatHasTheName) {
  const auto named = [&](const std::string& name) {
    std::filesystem::copy_file(built("truth_steady"), directory_.path() / name);
    return Words{file(name)};
  };
  expect_ready({"--comm", "jtready*"}, named("jtready1"), named("jtready2"));
}

TEST_F(ReadyAhead, WhatIsInTheCgroup) {
  JT_NEEDS("bpf", no_cgroups());
  const auto name = fmt::format("jtrace-test-ready-{}", ::getpid());
  const OwnCgroup above(cgroup_tree() / name);
  const OwnCgroup below(above.path() / "below");
  const Words steady{built("truth_steady").string()};
  expect_ready({"--cgroup", "/" + name}, in_cgroup(below, steady), in_cgroup(above, steady));
}

TEST_F(Targets, WhatDoesNotExistIsTold) {
  JT_NEEDS("bpf", no_cgroups());
  const Words event{"-t", "syscalls:sys_enter_openat"};
  const auto says = [&](const Words& more, int status, const std::string& text) {
    Words words = event;
    words.insert(words.end(), more.begin(), more.end());
    const auto ended = run(words);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->first, status) << ended->second;
    EXPECT_THAT(ended->second, HasSubstr(text));
  };
  says({"--cgroup", "/no/such"}, 4, "jtrace: --cgroup /no/such: no such cgroup below");
  says({"--container", "ffffffff"}, 4, "no cgroup has a container of that id");
  says({"--tid", "4194304"}, 4, "no such thread: 4194304");
  says({"--comm", "["}, 2, "--comm '[': not a glob");
}

TEST_F(Targets, ChildrenThatGoOnAreTold) {
  JT_ASSERT_OK(const auto ended,
               run(arguments({"--", "sh", "-c", "sleep 3 >/dev/null 2>&1 & exit 5"})));
  EXPECT_EQ(ended.first, 5) << ended.second;
  EXPECT_THAT(ended.second, HasSubstr("1 process that sh started, untraced from here on"));
}

}  // namespace
}  // namespace jtrace::test
