// SPDX-License-Identifier: Apache-2.0
#include "session/output_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/unique_fd.h"
#include "session/signals.h"

namespace jtrace::session {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "jtrace-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::ptrdiff_t entries() const {
    return std::distance(fs::directory_iterator(directory_), {});
  }
  static std::string text_of(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static struct stat of(const std::string& file) {
    struct stat info{};
    EXPECT_EQ(::lstat(file.c_str(), &info), 0) << file;
    return info;
  }

  fs::path directory_;
};

TEST_F(OutputFileTest, appearsWholeAndAlone) {
  ASSERT_TRUE(check_writable(path("a")));
  EXPECT_EQ(entries(), 0) << "the check left something";
  ASSERT_TRUE(write_file(path("a"), "one"));
  EXPECT_EQ(text_of(path("a")), "one");
  EXPECT_EQ(entries(), 1);
}

// A reader that has the old file open goes on reading the old file.
TEST_F(OutputFileTest, replacesAtOnce) {
  std::ofstream(path("a")) << "old";
  std::ifstream reader(path("a"));
  const ino_t before = of(path("a")).st_ino;
  ASSERT_TRUE(check_writable(path("a")));
  ASSERT_TRUE(write_file(path("a"), "new"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "old");
  EXPECT_EQ(text_of(path("a")), "new");
  EXPECT_NE(of(path("a")).st_ino, before);
  EXPECT_EQ(entries(), 1) << "left beside";
}

TEST_F(OutputFileTest, whatCannotBeWrittenIsSaidBefore) {
  EXPECT_THAT(check_writable(path("no/such/x")).error().message, HasSubstr("No such file"));
  ASSERT_EQ(::mkdir(path("d").c_str(), 0700), 0);
  EXPECT_THAT(check_writable(path("d")).error().message, HasSubstr("Is a directory"));
  EXPECT_THAT(check_writable(path(std::string(300, 'x'))).error().message,
              HasSubstr("name too long"));
  std::ofstream(path("f")) << "file";
  EXPECT_THAT(check_writable(path("f/x")).error().message, HasSubstr("Not a directory"));
  // Whose access() says yes, and where no file can be made.
  EXPECT_FALSE(check_writable("/proc/x.html"));
  EXPECT_EQ(check_writable("/proc/x.html").error().code, Errc::Internal);
}

TEST_F(OutputFileTest, ownLinkIsKeptAndWhatItNamesIsReplaced) {
  std::ofstream(path("real")) << "old";
  fs::create_symlink("real", path("link"));
  ASSERT_TRUE(check_writable(path("link")));
  ASSERT_TRUE(write_file(path("link"), "new"));
  EXPECT_TRUE(S_ISLNK(of(path("link")).st_mode));
  EXPECT_EQ(text_of(path("real")), "new");
}

TEST_F(OutputFileTest, standardOutputsNameReachesItAndStays) {
  const UniqueFd keep(::dup(STDOUT_FILENO));
  const UniqueFd file(::open(path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::dup2(file.get(), STDOUT_FILENO), STDOUT_FILENO);
  const auto written = write_file("/dev/stdout", "profile");
  ::dup2(keep.get(), STDOUT_FILENO);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_TRUE(S_ISLNK(of("/dev/stdout").st_mode));
  EXPECT_EQ(text_of(path("out")), "profile");
}

// A trap in a directory that everybody can write.
TEST_F(OutputFileTest, linkOfAStrangerIsNotFollowed) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: cannot make another user's link";
  std::ofstream(path("victim")) << "safe";
  ASSERT_EQ(::chmod(directory_.c_str(), 01777), 0);
  fs::create_symlink(path("victim"), path("a"));
  ASSERT_EQ(::lchown(path("a").c_str(), 4242, 4242), 0);
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0666), 0);
  ASSERT_EQ(::chown(path("fifo").c_str(), 4242, 4242), 0);
  for (const char* name : {"a", "fifo"}) {
    EXPECT_THAT(check_writable(path(name)).error().message, HasSubstr("of user 4242")) << name;
    EXPECT_FALSE(write_file(path(name), "spoiled")) << name;
  }
  EXPECT_EQ(text_of(path("victim")), "safe");
  // The same link is fine where it is of the user who called sudo.
  ASSERT_EQ(::setenv("SUDO_UID", "4242", 1), 0);
  ASSERT_EQ(::setenv("SUDO_GID", "4242", 1), 0);
  EXPECT_TRUE(check_writable(path("a")));
  ::unsetenv("SUDO_UID");
  ::unsetenv("SUDO_GID");
}

TEST_F(OutputFileTest, callerOfSudoOwnsWhatHeCouldHaveMade) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: cannot give files away";
  ASSERT_EQ(::setenv("SUDO_UID", "4242", 1), 0);
  ASSERT_EQ(::setenv("SUDO_GID", "4243", 1), 0);
  ASSERT_TRUE(write_file(path("roots"), "x"));  // 0700, root's
  EXPECT_EQ(of(path("roots")).st_uid, 0U);
  ASSERT_EQ(::chown(directory_.c_str(), 4242, 4243), 0);
  ASSERT_TRUE(write_file(path("theirs"), "x"));
  EXPECT_EQ(of(path("theirs")).st_uid, 4242U);
  EXPECT_EQ(of(path("theirs")).st_gid, 4243U);
  ASSERT_EQ(::setenv("SUDO_UID", "4242x", 1), 0);
  ASSERT_TRUE(write_file(path("odd"), "x"));
  EXPECT_EQ(of(path("odd")).st_uid, 0U);
  ::unsetenv("SUDO_UID");
  ::unsetenv("SUDO_GID");
}

TEST(MayOwn, asTheModeOfTheDirectorySays) {
  const Caller caller{1000, 100};
  const auto directory = [](mode_t mode, uid_t uid, gid_t gid) {
    struct stat info{};
    info.st_mode = S_IFDIR | mode;
    info.st_uid = uid;
    info.st_gid = gid;
    return info;
  };
  struct stat roots_file{};
  EXPECT_TRUE(may_own(caller, directory(0700, 1000, 0), nullptr));
  EXPECT_FALSE(may_own(caller, directory(0755, 0, 0), nullptr));  // /etc
  EXPECT_TRUE(may_own(caller, directory(01777, 0, 0), nullptr));  // /tmp
  EXPECT_TRUE(may_own(caller, directory(0770, 0, 100), nullptr));
  EXPECT_FALSE(may_own(caller, directory(0770, 0, 101), nullptr));
  EXPECT_FALSE(may_own(caller, directory(0077, 1000, 0), nullptr)) << "the owner's bits decide";
  EXPECT_FALSE(may_own(caller, directory(0200, 1000, 0), nullptr)) << "not searchable";
  // In a sticky directory nobody replaces another's file, elsewhere everybody who writes.
  EXPECT_FALSE(may_own(caller, directory(01777, 0, 0), &roots_file));
  EXPECT_TRUE(may_own(caller, directory(0777, 0, 0), &roots_file));
}

TEST_F(OutputFileTest, whereFilesNeedANameNothingIsLeftEither) {
  std::ofstream(path("a")) << "old";
  ASSERT_TRUE(write_file(path("a"), "new", false));
  EXPECT_EQ(text_of(path("a")), "new");
  EXPECT_EQ(entries(), 1);
  // Ended while it writes.
  const pid_t child = ::fork();
  if (child == 0) {
    const HeldSignals held;
    ::raise(SIGINT);
    (void)write_file(path("a"), "half", false);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  EXPECT_EQ(text_of(path("a")), "new");
  EXPECT_EQ(entries(), 1);
}

TEST_F(OutputFileTest, fullDeviceIsAnError) {
  const auto status = write_file("/dev/full", "x");
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("No space left"));
}

}  // namespace
}  // namespace jtrace::session
