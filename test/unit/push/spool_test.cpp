// SPDX-License-Identifier: Apache-2.0
#include "push/spool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace jtrace::push {
namespace {

namespace fs = std::filesystem;

class SpoolFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "jtrace-spool-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] Spool open(std::uint64_t limit = 100) const {
    return {UniqueFd(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), limit};
  }
  void leave(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  fs::path folder_;
};

TEST_F(SpoolFolder, IsLookedAtWithoutAChange) {
  const std::string there = folder_ / "spool";
  const auto found = look_at_spool(there, "otlp");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->folder, there + "/otlp");
  EXPECT_FALSE(found->held);
  EXPECT_EQ(files(), 0U);
  {
    const auto opened = open_spool(there, "otlp");
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_TRUE(look_at_spool(there, "otlp").value().held);
  }
  EXPECT_FALSE(look_at_spool(there, "otlp").value().held);
  fs::permissions(there + "/otlp", fs::perms::others_read, fs::perm_options::add);
  EXPECT_NE(look_at_spool(there, "otlp").error().message.find("others may look into it"),
            std::string::npos);
}

TEST_F(SpoolFolder, OneThatCannotBeMadeIsRefused) {
  leave("file", "");
  for (const std::string& path : {(folder_ / "file").string(), (folder_ / "file/spool").string()}) {
    const auto found = look_at_spool(path, "otlp");
    ASSERT_FALSE(found) << path;
    EXPECT_NE(found.error().message.find("spool " + path), std::string::npos);
  }
}

TEST_F(SpoolFolder, OldestFirst) {
  Spool spool = open();
  EXPECT_FALSE(spool.front().has_value());
  EXPECT_TRUE(spool.add("one"));
  EXPECT_TRUE(spool.add("two!"));
  EXPECT_EQ(spool.bytes(), 7U);
  EXPECT_EQ(spool.front(), "one");
  EXPECT_EQ(spool.front(), "one");
  spool.pop();
  EXPECT_EQ(spool.front(), "two!");
  spool.pop();
  EXPECT_EQ(spool.windows() + spool.bytes() + spool.dropped() + files(), 0U);
}

TEST_F(SpoolFolder, TheOldestGiveWayButForTheOneThatIsBeingSent) {
  Spool spool = open(10);
  for (const char* body : {"1111", "2222", "3333"}) EXPECT_TRUE(spool.add(body));
  EXPECT_EQ(spool.dropped(), 1U);
  EXPECT_EQ(spool.front(), "2222");
  EXPECT_TRUE(spool.add("4444"));
  EXPECT_EQ(spool.front(), "2222");
  EXPECT_FALSE(spool.add("7777777"));  // beside it there is no room
  EXPECT_EQ(spool.front(), "2222");
  spool.release();
  EXPECT_TRUE(spool.add("88888888"));
  EXPECT_EQ(spool.front(), "88888888");
  EXPECT_LE(spool.bytes(), 10U);
  EXPECT_EQ(files(), spool.windows());
}

TEST_F(SpoolFolder, TakesOverWhatWasLeftAndNothingElse) {
  leave("00000000000000000007.window", "seven");
  leave("00000000000000000012.window", "twelve");
  leave("unfinished", "half");
  leave("7.window", "other");
  leave("00000000000000000013.windows", "other");
  fs::create_directory(folder_ / "00000000000000000014.window");
  fs::create_symlink("/etc/passwd", folder_ / "00000000000000000001.window");
  Spool spool = open();
  EXPECT_EQ(spool.windows(), 2U);
  EXPECT_EQ(spool.bytes(), 11U);
  EXPECT_TRUE(spool.add("new"));
  EXPECT_TRUE(fs::exists(folder_ / "00000000000000000013.window"));
  EXPECT_FALSE(fs::exists(folder_ / "unfinished"));
  for (const char* body : {"seven", "twelve", "new"}) {
    EXPECT_EQ(spool.front(), body);
    spool.pop();
  }
}

TEST_F(SpoolFolder, TheBoundHoldsForWhatWasLeft) {
  leave("00000000000000000001.window", std::string(60, 'a'));
  leave("00000000000000000002.window", std::string(60, 'b'));
  Spool spool = open();
  EXPECT_EQ(spool.windows(), 1U);
  EXPECT_EQ(spool.dropped(), 1U);
  EXPECT_EQ(spool.front(), std::string(60, 'b'));
}

TEST_F(SpoolFolder, WhatChangedMeanwhileIsDropped) {
  Spool spool = open();
  for (const char* body : {"one", "two", "three"}) EXPECT_TRUE(spool.add(body));
  fs::remove(folder_ / "00000000000000000001.window");
  leave("00000000000000000002.window", "longer than before");
  EXPECT_EQ(spool.front(), "three");
  EXPECT_EQ(spool.dropped(), 2U);
}

TEST_F(SpoolFolder, WithoutRoomOnTheDiskItSaysSo) {
  Spool spool = open();
  fs::create_directory(folder_ / "unfinished");  // cannot be opened for writing
  EXPECT_FALSE(spool.add("one"));
  EXPECT_EQ(spool.dropped(), 1U);
  EXPECT_EQ(spool.windows(), 0U);
}

}  // namespace
}  // namespace jtrace::push
