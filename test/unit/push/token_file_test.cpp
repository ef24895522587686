// SPDX-License-Identifier: Apache-2.0
#include "push/token_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace jtrace::push {
namespace {

class ATokenFile : public testing::Test {
 protected:
  ATokenFile() : folder_(testing::TempDir() + "token_file_" + std::to_string(::getpid())) {
    std::filesystem::create_directory(folder_);
  }
  ~ATokenFile() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const char* name = "token") const { return folder_ + "/" + name; }
  void write(const std::string& text, const char* name = "token") const {
    std::ofstream(path(name)) << text;
  }
  void replace(const std::string& text) const {
    write(text, "new");
    std::filesystem::rename(path("new"), path());
  }

 private:
  std::string folder_;
};

TEST_F(ATokenFile, IsReadWhereItWasReplaced) {
  write("first");
  TokenFile file(path());
  EXPECT_FALSE(file.look().authorization);
  replace("other");  // as long as the first
  EXPECT_EQ(file.look().authorization, "Bearer other");
  EXPECT_FALSE(file.look().authorization);
  write("Basic third");
  EXPECT_EQ(file.look().authorization, "Basic third");
}

// Kubernetes: the file is a link through a link that is exchanged.
TEST_F(ATokenFile, IsReadWhereALinkLeadsElsewhere) {
  write("first", "a");
  write("other", "b");
  std::filesystem::create_symlink("a", path("data"));
  std::filesystem::create_symlink("data", path());
  TokenFile file(path());
  std::filesystem::create_symlink("b", path("data_new"));
  std::filesystem::rename(path("data_new"), path("data"));
  EXPECT_EQ(file.look().authorization, "Bearer other");
}

TEST_F(ATokenFile, OneThatIsMissingOrHalfIsSaidOnceAndReadLater) {
  write("first");
  TokenFile file(path());
  std::filesystem::remove(path());
  EXPECT_NE(file.look().trouble.find("No such file"), std::string::npos);
  EXPECT_EQ(file.look().trouble, "");
  write("");
  const auto empty = file.look();
  EXPECT_FALSE(empty.authorization);
  EXPECT_EQ(empty.trouble, "");
  write("later");
  EXPECT_EQ(file.look().authorization, "Bearer later");
  write("");
  EXPECT_EQ(file.look().trouble, "--push-token-file " + path() + ": there is no token in it");
}

TEST_F(ATokenFile, WhatWasOfNoUseIsReadAgain) {
  write("first");
  TokenFile file(path());
  replace("other");
  EXPECT_TRUE(file.look().authorization);
  file.forget();
  EXPECT_EQ(file.look().authorization, "Bearer other");
}

TEST_F(ATokenFile, NoneAndAPipeAreNotLookedAt) {
  TokenFile none{std::string()};
  EXPECT_FALSE(none.look().authorization);
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  TokenFile pipe(path());
  const auto look = pipe.look();
  EXPECT_FALSE(look.authorization);
  EXPECT_EQ(look.trouble, "");
}

}  // namespace
}  // namespace jtrace::push
