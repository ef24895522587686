// SPDX-License-Identifier: Apache-2.0
#include "process/description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace jtrace::process {
namespace {

const std::string kId(64, 'a');
constexpr const char* kUid = "0a1b2c3d-0000-4111-8222-333344445555";

std::string words(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) text += one + '\0';
  return text;
}

TEST(MainOf, isWhatTheLauncherStarts) {
  using Words = std::vector<std::string>;
  const std::vector<std::pair<Words, std::string>> cases{
      {{"java", "Main"}, "Main"},
      {{"/opt/jdk/bin/java", "-Xmx1g", "-Dx=y z", "com.example.Main", "-jar", "no.jar"},
       "com.example.Main"},
      {{"java", "-cp", "a.jar:b.jar", "Main", "arg"}, "Main"},
      {{"java", "--class-path", "-x", "-XX:+UseZGC", "Main"}, "Main"},
      {{"java", "--class-path=a", "--add-opens", "java.base/x=ALL-UNNAMED", "Main"}, "Main"},
      {{"java", "-jar", "/srv/app.jar", "serve"}, "app.jar"},
      {{"java", "-p", "mods", "-m", "shop/com.example.Main", "x"}, "shop/com.example.Main"},
      {{"java", "--module=shop"}, "shop"},
      {{"java", "--source", "21", "/src/Once.java"}, "Once.java"},
      {{"java", "@options", "Main"}, ""},
      {{"java", "--disable-@files", "@Main"}, "@Main"},
      {{"java", "Main", "@args"}, "Main"},
      {{"java"}, ""},
      {{"java", "-jar"}, ""},
      {{"java", "-cp"}, ""},
      {{"java", "-version"}, ""},
      {{"", "Main"}, ""},
      {{"python3", "Main"}, ""},
      {{"javac", "Main.java"}, ""},
  };
  for (const auto& [given, main] : cases) EXPECT_EQ(main_of(words(given)), main) << given.back();
  EXPECT_EQ(main_of(""), "");
  EXPECT_EQ(main_of(std::string("java\0Ma", 7)), "") << "a word that was cut off";
}

TEST(MainOf, isBoundedAndPlain) {
  const std::string found = main_of(words({"java", "a\x1b[31m\n\x7f" + std::string(9999, 'b')}));
  EXPECT_EQ(found.substr(0, 6), "a[31mb");
  EXPECT_LE(found.size(), kMostWords);
}

TEST(CgroupOf, isThatOfTheSecondVersion) {
  EXPECT_EQ(cgroup_of("0::/system.slice/x.service\n"), "/system.slice/x.service");
  EXPECT_EQ(cgroup_of("12:cpu:/a\n1:name=systemd:/b\n0::/c\n"), "/c");
  EXPECT_EQ(cgroup_of("1:cpu:/a\n"), "");
  EXPECT_EQ(cgroup_of(""), "");
}

TEST(Pod, isReadOfBothWaysToNameItsCgroup) {
  std::string slice(kUid);
  std::ranges::replace(slice, '-', '_');
  const std::string systemd = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" +
                              slice + ".slice/cri-containerd-" + kId + ".scope";
  EXPECT_EQ(pod_of(systemd), kUid);
  EXPECT_EQ(container_of(systemd), kId);
  const std::string plain = "/kubepods/besteffort/pod" + std::string(kUid) + "/" + kId;
  EXPECT_EQ(pod_of(plain), kUid);
  EXPECT_EQ(container_of(plain), kId);
  // Of a static pod: the hash of its manifest.
  EXPECT_EQ(pod_of("/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice"),
            "0123456789abcdef0123456789abcdef");
  for (const auto* path :
       {"", "/", "/system.slice/podman.service", "/kubepods/podX", "/kubepods.slice/kubepods-pod",
        "/pod0123456789abcdef0123456789abcdef"}) {
    EXPECT_EQ(pod_of(path), "") << path;
  }
}

TEST(ContainerOf, isTheInnermost) {
  EXPECT_EQ(container_of("/docker-" + std::string(64, 'b') + ".scope/libpod-" + kId + "/init"),
            kId);
  EXPECT_EQ(container_of("/user.slice/user-0.slice/session-1.scope"), "");
  EXPECT_EQ(container_of("no slash"), "");
}

class ProcTree : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/jtrace-proc-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    std::filesystem::create_directories(root_ / "7");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const char* file, const std::string& text) const {
    std::ofstream(root_ / "7" / file, std::ios::binary) << text;
  }

  std::filesystem::path root_;
};

TEST_F(ProcTree, hasAllOfIt) {
  put("cmdline", words({"java", "-jar", "app.jar"}));
  put("cgroup", "0::/machine.slice/docker-" + kId + ".scope\n");
  EXPECT_EQ(describe(root_, 7, "java"),
            (Description{.comm = "java",
                         .main = "app.jar",
                         .container = kId,
                         .cgroup = "/machine.slice/docker-" + kId + ".scope",
                         .pod = ""}));
}

TEST_F(ProcTree, whoHasEndedHasWhatWasThere) {
  put("cmdline", "");
  EXPECT_EQ(describe(root_, 7, "a\tb\n"), Description{.comm = "ab"});
  EXPECT_EQ(describe(root_, 8, "gone"), Description{.comm = "gone"});
}

TEST_F(ProcTree, nothingIsLongerThanItMayBe) {
  put("cmdline", words({"java", "-cp", std::string(100'000, 'x'), std::string(9'999, 'M')}));
  put("cgroup", "0::/" + std::string(9'999, 'c') + "\n");
  const Description about = describe(root_, 7, std::string(9'999, 'n'));
  EXPECT_EQ(about.comm.size(), kMostWords);
  EXPECT_EQ(about.main, std::string(kMostWords, 'M'));
  EXPECT_EQ(about.cgroup.size(), kMostWords);
  put("cmdline", words({"java", "-cp", std::string(1'000'000, 'x'), "Main"}));
  EXPECT_EQ(describe(root_, 7, "java").main, "");
}

}  // namespace
}  // namespace jtrace::process
