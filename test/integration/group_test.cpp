// SPDX-License-Identifier: Apache-2.0
// An installation with file capabilities for a group, in a directory of its own: what its members
// can do with it, and what they and others cannot.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "integration/support/users.h"

namespace jtrace::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr uid_t kMember = 65533, kOther = 65532;  // nobody's
// A group of every Debian that no process of a test is in.
constexpr const char* kGroup = "games";

struct Ended {
  int status = -1;
  std::string log;
};

class Group : public ::testing::Test {
 protected:
  void SetUp() override {
    JT_NEEDS("bpf", no_bpf());
    JT_NEEDS("bpf", no_program("setpriv"));
    struct statvfs info{};
    ASSERT_EQ(statvfs(directory_.path().c_str(), &info), 0);
    JT_NEEDS("bpf", (info.f_flag & ST_NOSUID) != 0
                        ? std::optional<std::string>("temporary files are mounted nosuid")
                        : std::nullopt);
    fs::permissions(directory_.path(),
                    fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    fs::create_directory(home());
    ASSERT_EQ(chown(home().c_str(), kMember, kMember), 0);
    JT_ASSERT_OK(Child install, Child::start({JTRACE_SOURCE_DIR "/scripts/install_group", "--group",
                                              kGroup, "--to", program(), jtrace_binary()}));
    JT_ASSERT_OK(const int status, install.wait_exit(kPatience));
    ASSERT_EQ(status, 0) << install.err();
    JT_ASSERT_OK(const auto id, tracepoint_id("syscalls", "sys_enter_openat"));
    id_ = fmt::format("trace:{}", id);
  }
  [[nodiscard]] std::string program() const { return directory_.path() / "jtrace"; }
  [[nodiscard]] fs::path home() const { return directory_.path() / "home"; }
  // With tracefs mounted where it is usual, in a mount namespace of its own.
  [[nodiscard]] Words member(const Words& command) const {
    return in_mounts(
               "umount -q /sys/kernel/tracing; mount -t tracefs tracefs /sys/kernel/tracing && "
               "cd " +
               home().string()) +
           as_user(kMember, command, {std::string("--groups=") + kGroup});
  }
  [[nodiscard]] static Result<Ended> ended(const Words& command, const Words& environment = {}) {
    JT_TRY(Child child, Child::start(command, environment));
    JT_TRY(const int status, child.wait_exit(kPatience));
    return Ended{status, child.err() + child.out()};
  }
  [[nodiscard]] Result<Ended> traced(pid_t pid, const Words& more = {}) const {
    return ended(
        member(Words{program(), "-t", id_, "-p", std::to_string(pid), "-d", "100ms"} + more));
  }
  [[nodiscard]] static Words native() {
    return {built("truth_native"), "200", built("libtruth_late.so")};
  }
  static Result<Child> attach(const Words& command, const Words& environment = {}) {
    JT_TRY(Child jtrace, Child::start(command, environment));
    const auto attached = [](const Child& c) { return c.err().contains("jtrace: tracing"); };
    JT_CHECK_OK(jtrace.wait_until("attach", attached, kPatience));
    return jtrace;
  }
  // A copy of truth_native of root's.
  [[nodiscard]] std::string copy(const char* name, mode_t mode) const {
    const std::string path = directory_.path() / name;
    fs::copy_file(built("truth_native"), path);
    chmod(path.c_str(), mode);
    return path;
  }

  std::string id_;
  TemporaryDirectory directory_;
};

TEST_F(Group, MemberTracesHisOwnProcess) {
  JT_ASSERT_OK(Child target, start_ready(as_user(kMember, native())));
  // What the environment says would be an error, or leave its traces.
  JT_ASSERT_OK(Child jtrace, attach(member({program(), "-t", "syscalls:sys_enter_openat",
                                            "--kernel", "yes", "-p", std::to_string(target.pid()),
                                            "-f", "out.collapsed", "-f", "out.txt"}),
                                    {"JTRACE_CSTACK=nonsense", "JTRACE_MAX_DEPTH=1",
                                     "XDG_CACHE_HOME=" + (home() / "cache").string()}));
  expect_shut(jtrace.pid(), kNoRights);
  EXPECT_EQ(status_line(jtrace.pid(), "Uid"), "65533\t65533\t65533\t65533");
  // CAP_SYS_NICE is lent for this.
  EXPECT_EQ(getpriority(PRIO_PROCESS, static_cast<id_t>(jtrace.pid())), -15);
  ASSERT_TRUE(target.send("\n").has_value());
  JT_ASSERT_OK(const int target_status, target.wait_exit(kPatience));
  EXPECT_EQ(target_status, 0);
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const std::string stacks, read_text(home() / "out.collapsed"));
  EXPECT_THAT(stacks, HasSubstr("dlopen_path"));
  EXPECT_THAT(stacks, HasSubstr("_[k]"));
  JT_ASSERT_OK(const std::string text, read_text(home() / "out.txt"));
  EXPECT_THAT(text, Not(HasSubstr("0xffffffff"))) << "where the kernel lies";
  JT_ASSERT_OK(const Ledger ledger, parse_ledger(text));
  EXPECT_EQ(ledger.count("complete"), ledger.count("kept")) << to_text(ledger);
  EXPECT_GT(ledger.count("kept").value_or(0), 200U);
  struct stat info{};
  ASSERT_EQ(stat((home() / "out.txt").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, kMember);
  EXPECT_FALSE(fs::exists(home() / "cache"));
}

TEST_F(Group, OthersCannotEvenStartIt) {
  JT_ASSERT_OK(const Ended run, ended(as_user(kMember, {program(), "--version"})));
  EXPECT_NE(run.status, 0);
  EXPECT_THAT(run.log, HasSubstr("Permission denied"));
  struct stat info{};
  ASSERT_EQ(stat(program().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750U);
}

TEST_F(Group, NobodyElsesProcess) {
  struct Case {
    const char* name;
    Words command;
  };
  const Words late{"200", built("libtruth_late.so")};
  for (const auto& [name, command] : std::vector<Case>{
           {"another user's", as_user(kOther, native())},
           {"root's", native()},
           {"a set-uid program", as_user(kMember, Words{copy("setuid", 04755)} + late)},
           {"one that may not be read", as_user(kMember, Words{copy("unreadable", 0711)} + late)},
           {"one with a capability",
            as_user(kMember, native(),
                    {"--clear-groups", "--inh-caps=+net_raw", "--ambient-caps=+net_raw"})}}) {
    SCOPED_TRACE(name);
    JT_ASSERT_OK(Child target, start_ready(command));
    JT_ASSERT_OK(const Ended run, traced(target.pid()));
    EXPECT_EQ(run.status, 3);
    EXPECT_EQ(run.log, fmt::format("jtrace: read process {}: user {} may not trace it; only root "
                                   "may, or its own user (doctor: memory)\n",
                                   target.pid(), kMember));
  }
}

TEST_F(Group, AProgramThatIsNotHisIsLeftAlone) {
  JT_ASSERT_OK(Child target, start_ready(as_user(kMember, {built("truth_launcher"), "wait", "--",
                                                           copy("setuid", 04755), "200",
                                                           built("libtruth_late.so")})));
  JT_ASSERT_OK(Child jtrace, attach(member({program(), "-t", id_, "-p",
                                            std::to_string(target.pid()), "-f", "x.collapsed"})));
  ASSERT_TRUE(target.send("\n").has_value());
  // It ends by itself: nothing is left to trace.
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0);
  EXPECT_THAT(jtrace.err(), HasSubstr("executed a program that its user may not trace"));
  ASSERT_TRUE(target.send("\n").has_value());
  JT_ASSERT_OK(const int ended, target.wait_exit(kPatience));
  EXPECT_EQ(ended, 0);
  // No frame of it, not even an address.
  JT_ASSERT_OK(const std::string stacks, read_text(home() / "x.collapsed"));
  EXPECT_THAT(stacks, Not(HasSubstr("main")));
  EXPECT_THAT(stacks, Not(HasSubstr("0x")));
}

TEST_F(Group, FilesAreTheCallers) {
  JT_ASSERT_OK(Child target, start_ready(as_user(kMember, native())));
  const fs::path secret = directory_.path() / "secret";
  std::ofstream(secret) << "root's";
  chmod(secret.c_str(), 0600);
  fs::create_symlink(secret, home() / "link.txt");
  for (const std::string& file :
       {(directory_.path() / "new.txt").string(), secret.string() + ".txt", std::string("link.txt"),
        std::string("/proc/self/mem"), std::string("/etc/passwd"), std::string("/proc/1/comm")}) {
    SCOPED_TRACE(file);
    JT_ASSERT_OK(const Ended run, traced(target.pid(), {"-f", file, "-o", "text"}));
    EXPECT_EQ(run.status, 1) << run.log;
  }
  JT_ASSERT_OK(const std::string text, read_text(secret));
  EXPECT_EQ(text, "root's");
  // What is read, too.
  JT_ASSERT_OK(const Ended read,
               ended(member({program(), "convert", secret, "-f", "y.collapsed"})));
  EXPECT_EQ(read.status, 3) << read.log;
  EXPECT_THAT(read.log, Not(HasSubstr("root's")));
}

TEST_F(Group, DoctorFindsThatItWorks) {
  JT_ASSERT_OK(const Ended run, ended(member({program(), "doctor"})));
  EXPECT_EQ(run.status, 0) << run.log;
  EXPECT_THAT(run.log, HasSubstr("lent to user 65533"));
  // CAP_SYS_PTRACE is not for members, whatever the file has.
  JT_ASSERT_OK(Child setcap, Child::start({"setcap",
                                           "cap_sys_ptrace,cap_dac_override,cap_dac_read_search,"
                                           "cap_bpf,cap_perfmon=ep",
                                           program()}));
  ASSERT_TRUE(setcap.wait_exit(kPatience).has_value());
  JT_ASSERT_OK(Child target, start_ready(as_user(kOther, native())));
  JT_ASSERT_OK(const Ended other, traced(target.pid()));
  EXPECT_EQ(other.status, 3);
  EXPECT_THAT(other.log, HasSubstr("user 65533 may not trace it"));
  JT_ASSERT_OK(const Ended asked,
               ended(member({program(), "doctor", "-p", std::to_string(target.pid())})));
  EXPECT_EQ(asked.status, 3);
  EXPECT_THAT(asked.log, HasSubstr(fmt::format("process {} cannot be traced", target.pid())));
}

TEST_F(Group, SetUidIsNoMoreThanThat) {
  ASSERT_EQ(chmod(program().c_str(), 04755), 0);
  JT_ASSERT_OK(Child target, start_ready(as_user(kOther, native())));
  JT_ASSERT_OK(const Ended other, traced(target.pid()));
  EXPECT_EQ(other.status, 3);
  EXPECT_THAT(other.log, HasSubstr("user 65533 may not trace it"));
  JT_ASSERT_OK(Child own, start_ready(as_user(kMember, native())));
  JT_ASSERT_OK(const Ended run, traced(own.pid(), {"-f", "mine.txt"}));
  EXPECT_EQ(run.status, 0) << run.log;
  struct stat info{};
  ASSERT_EQ(stat((home() / "mine.txt").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, kMember);
}

}  // namespace
}  // namespace jtrace::test
