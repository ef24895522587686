// SPDX-License-Identifier: Apache-2.0
#include "session/output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "profile/symbol_table.h"

namespace jtrace::session {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class OutputTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "jtrace-output-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] Result<std::vector<Output>> plan(std::vector<std::string> files,
                                                 std::optional<std::string> format = {}) const {
    cli::Options options;
    options.files = std::move(files);
    options.format = std::move(format);
    process::ProcessInfo info;
    info.comm = "ja/va;\n";
    info.key.tgid = 42;
    return plan_outputs(options, info, {});
  }
  static std::string text_of(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path directory_;
};

profile::Profile tiny() {
  profile::SymbolTable symbols;
  return profile::Profile{.header = {},
                          .sample_types = {{"events", "count"}},
                          .strings = symbols.strings(),
                          .functions = symbols.functions(),
                          .mappings = symbols.mappings(),
                          .locations = symbols.locations(),
                          .samples = {},
                          .events = {},
                          .comments = {},
                          .ledger = {}};
}

TEST_F(OutputTest, patternsOfNamesAreExpandedBeforeTheSuffixCounts) {
  ASSERT_EQ(::setenv("JTRACE_TEST_NAME", "a/b.collapsed", 1), 0);
  const auto outputs = plan({path("%p-%{JTRACE_TEST_NAME}"), path("%n.txt"), "-"});
  ::unsetenv("JTRACE_TEST_NAME");
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->at(0).path, path("42-a_b.collapsed"));
  EXPECT_EQ(outputs->at(0).exporter->name, "collapsed");
  EXPECT_EQ(outputs->at(1).path, path("0.txt"));
  EXPECT_EQ(outputs->at(2).path, "-");
  EXPECT_EQ(plan({path("%q.txt")}).error().code, Errc::Usage);
}

// Of several processes each gets a file, by its own number.
TEST_F(OutputTest, ProcessesStayInThePattern) {
  cli::Options options;
  const auto planned = [&](const std::string& file) {
    options.files = {path(file), path("all.txt")};
    return plan_outputs(options, {}, {}, true);
  };
  auto outputs = planned("%p-%n.html");
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->at(0).path, path("%p-0.html"));
  EXPECT_TRUE(outputs->at(0).by_process);
  EXPECT_FALSE(outputs->at(0).of_windows);
  EXPECT_FALSE(outputs->at(1).by_process);
  EXPECT_EQ(planned("%%p.html")->at(0).path, path("%p.html"));
  EXPECT_FALSE(planned("%%p.html")->at(0).by_process);
  EXPECT_THAT(planned("%p/x.html").error().message, HasSubstr("a folder for each process"));
  EXPECT_THAT(planned("%p.ndjson").error().message, HasSubstr("not told apart by process"));
  EXPECT_THAT(planned("no/%p.html").error().message, HasSubstr("No such file"));
  options.window = std::chrono::seconds(60);
  outputs = planned("%t-%p.html");
  ASSERT_FALSE(outputs) << "all.txt is replaced by each window";
  options.files = {path("%t-%p.html")};
  outputs = plan_outputs(options, {}, {}, true);
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(outputs->at(0).path, path("%t-%p.html"));
  EXPECT_TRUE(outputs->at(0).of_windows && outputs->at(0).by_process);
  options.files = {path("%n{5}-%p.html")};
  EXPECT_THAT(plan_outputs(options, {}, {}, true).error().message,
              HasSubstr("files of processes that have ended would stay"));
  options.files = {path("%p.html")};
  EXPECT_THAT(plan_outputs(options, {}, {}, true).error().message,
              HasSubstr("each window would replace the last one"));
}

TEST_F(OutputTest, DefaultNameIsHarmlessWhateverTheTargetCallsItself) {
  const auto outputs = plan({});
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_THAT(outputs->front().path, testing::MatchesRegex("jtrace-ja_va__-42-[0-9]+-[0-9]+.html"));
}

TEST_F(OutputTest, SuffixOrFormatChooses) {
  const auto outputs = plan({path("a.collapsed"), path("b.html"), "-"});
  ASSERT_TRUE(outputs);
  EXPECT_EQ(outputs->at(0).exporter->name, "collapsed");
  EXPECT_EQ(outputs->at(1).exporter->name, "html");
  EXPECT_EQ(outputs->at(2).exporter->name, "text");
  EXPECT_EQ(plan({path("x")}, "collapsed")->front().exporter->name, "collapsed");
  EXPECT_EQ(plan({path("x.nope")}).error().code, Errc::Usage);
  EXPECT_EQ(plan({path("x")}, "nope").error().code, Errc::Usage);
}

TEST_F(OutputTest, WhatCannotBeWrittenIsSaidBeforeTracing) {
  EXPECT_THAT(plan({path("no/such/x.html")}).error().message, HasSubstr("No such file"));
  ASSERT_EQ(::mkdir(path("d.html").c_str(), 0700), 0);
  EXPECT_FALSE(plan({path("d.html")}));
}

TEST_F(OutputTest, FileIsReplacedWhole) {
  const auto outputs = plan({path("a.collapsed")});
  std::ofstream(path("a.collapsed")) << "old";
  ASSERT_TRUE(write_output(outputs->front(), tiny()));
  EXPECT_EQ(text_of(path("a.collapsed")), "");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), {}), 1) << "left beside";
}

TEST_F(OutputTest, FifoIsWrittenInPlace) {
  ASSERT_EQ(::mkfifo(path("f.txt").c_str(), 0600), 0);
  const int reader = ::open(path("f.txt").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const auto outputs = plan({path("f.txt")});
  ASSERT_TRUE(outputs);
  ASSERT_TRUE(write_output(outputs->front(), tiny()));
  struct stat info{};
  ::stat(path("f.txt").c_str(), &info);
  EXPECT_TRUE(S_ISFIFO(info.st_mode));
  ::close(reader);
}

}  // namespace
}  // namespace jtrace::session
