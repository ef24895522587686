// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/attach/placement.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace jtrace::jvmsym::attach {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A directory that stands for the root of a process, and a library outside of it.
class PlacementTest : public testing::Test {
 protected:
  PlacementTest() {
    std::string name = fs::temp_directory_path() / "jtrace-placement-XXXXXX";
    base_ = ::mkdtemp(name.data());
    for (const char* directory : {"root/tmp", "root/var/tmp", "root/dev/shm", "lib"}) {
      fs::create_directories(base_ / directory);
    }
    std::ofstream(base_ / "lib/agent.so") << "an agent";
    fd_.reset(::open((base_ / "lib/agent.so").c_str(), O_RDONLY | O_CLOEXEC));
    root_.reset(::open((base_ / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~PlacementTest() override {
    std::error_code ignored;
    fs::remove_all(base_, ignored);
  }
  [[nodiscard]] Library library() const { return {fd_.get(), base_ / "lib/agent.so"}; }
  [[nodiscard]] Result<Placement> put(const std::string& maps = {}) const {
    return Placement::put(root_.get(), maps, library());
  }
  [[nodiscard]] std::string content(const std::string& path) const {
    std::ifstream in(base_ / "root" / path.substr(1));
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path base_;
  UniqueFd fd_, root_;
};

TEST_F(PlacementTest, oursWhereItIsSeen) {
  const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto placed = Placement::put(root.get(), "", library());
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(placed->path(), library().path);
}

TEST_F(PlacementTest, anotherFileOfThatNameIsNotOurs) {
  const fs::path there = base_ / "root" / fs::path(library().path).relative_path();
  fs::create_directories(there.parent_path());
  std::ofstream(there) << "evil";
  const auto placed = put();
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_NE(placed->path(), library().path);
}

TEST_F(PlacementTest, aCopyIsGoneWithItsObject) {
  std::string path;
  {
    const auto placed = put();
    ASSERT_TRUE(placed) << placed.error().message;
    path = placed->path();
    EXPECT_TRUE(path.starts_with("/tmp/.jtrace-agent-")) << path;
    EXPECT_EQ(content(path), "an agent");
    EXPECT_EQ(fs::status(base_ / "root" / path.substr(1)).permissions(),
              fs::perms::owner_read | fs::perms::owner_exec);
  }
  EXPECT_FALSE(fs::exists(base_ / "root" / path.substr(1)));
}

TEST_F(PlacementTest, oneThatIsLoadedServesAgain) {
  std::string path;
  {
    const auto placed = put();
    ASSERT_TRUE(placed) << placed.error().message;
    path = placed->path();
  }
  const auto again = put("7f-80 r-xp 00000000 00:28 4    " + path + " (deleted)\n");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->path(), path);
  EXPECT_EQ(content(path), "");
}

TEST_F(PlacementTest, whatWasLeftOverIsReplaced) {
  std::string path;
  if (const auto placed = put()) path = placed->path();
  std::ofstream(base_ / "root" / path.substr(1)) << "old";
  const auto placed = put();
  ASSERT_TRUE(placed);
  EXPECT_EQ(content(placed->path()), "an agent");
}

// It leads out of the process's root for us, not for the process.
TEST_F(PlacementTest, aLinkStaysInTheRoot) {
  fs::remove(base_ / "root/tmp");
  fs::create_directory_symlink("/var/tmp", base_ / "root/tmp");
  const auto placed = put();
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(content("/var" + placed->path()), "an agent");
}

TEST_F(PlacementTest, eachDirectoryIsTriedAndNamed) {
  fs::remove(base_ / "root/tmp");
  const auto placed = put();
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_TRUE(placed->path().starts_with("/var/tmp/"));
  fs::remove_all(base_ / "root/var");
  fs::remove_all(base_ / "root/dev");
  std::ofstream(base_ / "root/dev") << "no directory";
  const auto none = put();
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message,
              HasSubstr("/tmp: No such file or directory, /var/tmp: No such file or directory, "
                        "/dev/shm: Not a directory"));
  EXPECT_THAT(none.error().hint, HasSubstr("-agentpath:"));
}

}  // namespace
}  // namespace jtrace::jvmsym::attach
