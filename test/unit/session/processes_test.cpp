// SPDX-License-Identifier: Apache-2.0
#include "session/processes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace jtrace::session {
namespace {

class ProcessesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/jtrace-proc-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    std::filesystem::create_directories(root_ / "7");
    std::ofstream(root_ / "7/cmdline", std::ios::binary) << std::string("java\0-jar\0a.jar\0", 16);
    std::ofstream(root_ / "7/cgroup") << "0::/x.service\n";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static process::ProcessInfo java() {
    process::ProcessInfo info;
    info.key = {.tgid = 7, .start_ticks = 100};
    info.comm = "java";
    return info;
  }
  static jt_notice_record fork_of_java(std::uint32_t child, std::uint64_t birth) {
    jt_notice_record notice{};
    notice.tgid = child;
    notice.hi = 7;
    notice.lo = birth;
    return notice;
  }

  std::filesystem::path root_;
};

TEST_F(ProcessesTest, aChildIsWhatItsParentIs) {
  Processes processes(root_);
  processes.learn(java(), 5);
  processes.inherit(fork_of_java(8, 6));
  const auto child = processes.find(8);
  EXPECT_EQ(child.pid, 8);
  EXPECT_EQ(child.main, "a.jar");
  EXPECT_EQ(child.cgroup, "/x.service");
  EXPECT_NE(child.start, processes.find(7).start);
  EXPECT_EQ(child.start.size(), std::string("2026-11-27T01:50:12.120Z").size());
}

TEST_F(ProcessesTest, whatIsLeftOfOneIsItsProgramAndWhereItWas) {
  Processes processes(root_);
  processes.learn(java(), 5);
  processes.inherit(fork_of_java(8, 6));
  processes.learn_remains({.tgid = 8, .birth = 6}, "/usr/bin/a-name-that-is-long");
  EXPECT_EQ(processes.find(8).comm, "a-name-that-is-");
  EXPECT_EQ(processes.find(8).main, "");
  EXPECT_EQ(processes.find(8).cgroup, "/x.service");
}

TEST_F(ProcessesTest, theEndedAreKnownForTwoWindows) {
  Processes processes(root_);
  processes.learn(java(), 5);
  processes.note_end({.tgid = 7, .birth = 4});  // another one of that number, earlier
  processes.note_window();
  processes.note_window();
  EXPECT_EQ(processes.find(7).comm, "java");
  processes.note_end({.tgid = 7, .birth = 5});
  processes.note_window();
  EXPECT_EQ(processes.find(7).comm, "java");
  processes.note_window();
  EXPECT_EQ(processes.find(7), (profile::Process{.pid = 7}));
}

TEST_F(ProcessesTest, thereIsAnEndToHowManyAreKnown) {
  Processes processes(root_);
  processes.learn(java(), 5);
  for (std::uint32_t i = 0; i < Processes::kMost + 10; ++i)
    processes.inherit(fork_of_java(8 + i, 6));
  EXPECT_EQ(processes.size(), Processes::kMost);
  EXPECT_EQ(processes.find(8 + Processes::kMost).comm, "");
}

}  // namespace
}  // namespace jtrace::session
