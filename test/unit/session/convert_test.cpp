// SPDX-License-Identifier: Apache-2.0
#include "session/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace jtrace::session {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Convert : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "jtrace-convert-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string file(const std::string& name, std::string_view text) const {
    std::ofstream(directory_ / name, std::ios::binary) << text;
    return directory_ / name;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] cli::Options options(std::vector<std::string> inputs,
                                     const std::string& output) const {
    cli::Options options;
    options.inputs = std::move(inputs);
    options.files = {path(output)};
    return options;
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    return read_file(path(name), 1 << 24).value_or("");
  }

  fs::path directory_;
};

TEST_F(Convert, DiffWritesAPageThatNamesBothFiles) {
  const std::string base = file("a.collapsed", "main;x 1\nmain;y 2\n");
  const std::string next = file("b.collapsed", "main;x 4\nmain;z 2\n");
  ASSERT_TRUE(run_diff(options({base, next}, "d.html")).has_value());
  EXPECT_THAT(text("d.html"), HasSubstr(R"("base":"a.collapsed")"));
  EXPECT_THAT(text("d.html"), HasSubstr(R"("new":"b.collapsed")"));
  EXPECT_THAT(text("d.html"), HasSubstr(R"("normalise":false)"));
  cli::Options scaled = options({base, next}, "n.collapsed");
  scaled.normalise = true;
  ASSERT_TRUE(run_diff(scaled).has_value());
  EXPECT_EQ(text("n.collapsed"), "main;x 2 4\nmain;y 4 0\nmain;z 0 2\n");
}

TEST_F(Convert, FilesOfOneNameAreToldApartByTheirFolders) {
  fs::create_directory(directory_ / "old");
  const std::string base = file("old/x.collapsed", "main 1\n");
  const std::string next = file("x.collapsed", "main 1\n");
  ASSERT_TRUE(run_diff(options({base, next}, "d.html")).has_value());
  EXPECT_THAT(text("d.html"), HasSubstr("old/x.collapsed\""));
}

TEST_F(Convert, TwoColumnsStayADifferenceInEveryFormat) {
  const std::string two = "main;x 1 4\nmain;y 2 0\nmain;z 0 2\n";
  std::string from = file("d.collapsed", two);
  for (const char* to : {"d.json", "d.pb.gz", "d.html", "back.collapsed"}) {
    ASSERT_TRUE(run_convert(options({from}, to)).has_value()) << to;
    from = path(to);
  }
  EXPECT_EQ(text("back.collapsed"), two);
}

TEST_F(Convert, WhatCannotShowADifferenceIsRefused) {
  const std::string two = file("d.collapsed", "main;x 1 4\n");
  const auto converted = run_convert(options({two}, "d.speedscope.json"));
  ASSERT_FALSE(converted.has_value());
  EXPECT_EQ(converted.error().code, Errc::Usage);
  EXPECT_THAT(converted.error().message, HasSubstr("speedscope cannot show the difference"));
  EXPECT_FALSE(run_diff(options({two, two}, "d.speedscope.json")).has_value());
  EXPECT_FALSE(fs::exists(path("d.speedscope.json")));
}

TEST_F(Convert, AMalformedLineIsNamed) {
  const std::string bad = file("bad.collapsed", "main;x 1 4\nmain;y 1 2\nmain;z 2\n");
  const auto converted = run_convert(options({bad}, "out.html"));
  ASSERT_FALSE(converted.has_value());
  EXPECT_EQ(converted.error().code, Errc::Usage);
  EXPECT_THAT(converted.error().message,
              HasSubstr("bad.collapsed: line 3: one count, where most lines have two"));
  EXPECT_FALSE(fs::exists(path("out.html")));
}

}  // namespace
}  // namespace jtrace::session
