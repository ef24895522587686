// SPDX-License-Identifier: Apache-2.0
#include "process/cgroups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace jtrace::process {
namespace {

using testing::HasSubstr;

const std::string kFirst = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kSecond = "0123f00000000000000000000000000000000000000000000000000000000000";

TEST(ContainerId, isReadOfTheNamesThatEnginesGive) {
  EXPECT_EQ(container_id("docker-" + kFirst + ".scope"), kFirst);
  EXPECT_EQ(container_id("cri-containerd-" + kFirst + ".scope"), kFirst);
  EXPECT_EQ(container_id("crio-" + kFirst + ".scope"), kFirst);
  EXPECT_EQ(container_id("libpod-" + kFirst), kFirst);
  EXPECT_EQ(container_id(kFirst), kFirst);
  EXPECT_EQ(container_id("lxc.payload.web"), "web");
  for (const auto* name : {"system.slice", "cron.service", "user-1000.slice", "session-3.scope", "",
                           "init.scope", "podabc", "kubepods-besteffort.slice"}) {
    EXPECT_EQ(container_id(name), "") << name;
  }
  EXPECT_EQ(container_id("libpod-conmon-" + kFirst + ".scope"), "");
}

TEST(Cgroup2Mount, isTheWholeTree) {
  EXPECT_EQ(cgroup2_mount("1 2 0:3 / /sys rw - sysfs sysfs rw\n"
                          "30 1 0:26 /part /elsewhere rw - cgroup2 cgroup2 rw\n"
                          "31 1 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"),
            "/sys/fs/cgroup");
  EXPECT_EQ(cgroup2_mount("30 1 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"), "");
  EXPECT_EQ(cgroup2_mount(""), "");
  EXPECT_EQ(cgroup2_mount("nonsense\n - \n1 - cgroup2 \n"), "");
}

class Tree : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/jtrace-cgroups-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    for (const std::string& path :
         {std::string("system.slice/web.service"), std::string("system.slice/db.service"),
          "machine/docker-" + kFirst + ".scope/init",
          "machine/docker-" + kFirst + ".scope/" + kFirst,
          "machine/crio-conmon-" + kFirst + ".scope", "kubepods/" + kSecond}) {
      std::filesystem::create_directories(root_ / path);
    }
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  [[nodiscard]] CgroupTree tree() const { return CgroupTree(root_); }

  std::filesystem::path root_;
};

TEST_F(Tree, pathsAreThoseOfTheTreeOrOfTheFileSystem) {
  for (const std::string& path :
       {std::string("/system.slice/web.service"), std::string("system.slice/web.service/"),
        (root_ / "system.slice/web.service").string()}) {
    const auto found = tree().open(path);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->path, "/system.slice/web.service");
    EXPECT_TRUE(found->directory.valid());
  }
  const auto root = tree().open(root_.string());
  ASSERT_TRUE(root) << root.error().message;
}

TEST_F(Tree, aMistypedPathIsToldNearOnes) {
  const auto found = tree().open("/system.slice/weg.service");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::Target);
  EXPECT_THAT(found.error().message, HasSubstr("no such cgroup"));
  EXPECT_THAT(found.error().hint, HasSubstr("/system.slice/web.service"));
}

TEST_F(Tree, containersAreFoundByTheBeginningOfTheirId) {
  const auto found = tree().open_container(kFirst.substr(0, 12));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->path, "/machine/docker-" + kFirst + ".scope") << "the topmost of its groups";
  EXPECT_TRUE(tree().open_container(kSecond));
}

TEST_F(Tree, noneOrSeveralAreNotGuessed) {
  const auto several = tree().open_container("0123");
  ASSERT_FALSE(several);
  EXPECT_THAT(several.error().message, HasSubstr("2 containers begin so"));
  const auto none = tree().open_container("ffff");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::Target);
  EXPECT_EQ(tree().open_container("012").error().code, Errc::Usage);
}

}  // namespace
}  // namespace jtrace::process
