// SPDX-License-Identifier: Apache-2.0
#include "session/retention.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "session/file_pattern.h"
#include "session/window_clock.h"

namespace jtrace::session {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::system_clock;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class RetentionTest : public testing::Test {
 protected:
  RetentionTest() {
    std::string name = testing::TempDir() + "retention-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~RetentionTest() override { fs::remove_all(folder_); }
  // `age` hours old.
  void file(const std::string& name, int age, std::size_t bytes = 10) {
    std::ofstream(folder_ / name) << std::string(bytes, 'x');
    const auto then = system_clock::to_time_t(now_ - hours(age));
    const timespec times[2]{{.tv_sec = then, .tv_nsec = 0}, {.tv_sec = then, .tv_nsec = 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / name).c_str(), times, 0), 0);
  }
  [[nodiscard]] std::string pattern(const std::string& name) const {
    return (folder_ / name).string();
  }
  [[nodiscard]] std::vector<std::string> left() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }

  fs::path folder_;
  system_clock::time_point now_ = system_clock::now();
};

TEST_F(RetentionTest, keepsSoMany) {
  for (int i = 0; i < 5; ++i) file("w-" + std::to_string(i) + ".html", 5 - i);
  file("w-x.html", 9);
  file("w-1.html.bak", 9);
  const Retention retention(pattern("w-%n.html"), {.files = 2});
  EXPECT_EQ(retention.enforce(now_), 3U);
  EXPECT_THAT(left(), ElementsAre("w-1.html.bak", "w-3.html", "w-4.html", "w-x.html"));
  EXPECT_EQ(retention.enforce(now_), 0U);
}

TEST_F(RetentionTest, keepsSoLong) {
  file("a-20260101-000000.txt", 30);
  file("a-20260101-010000-2.txt", 20);
  file("a-20260101-020000.txt", 2);
  const Retention retention(pattern("a-%t.txt"), {.age = hours(10)});
  EXPECT_EQ(retention.enforce(now_), 2U);
  EXPECT_THAT(left(), ElementsAre("a-20260101-020000.txt"));
}

TEST_F(RetentionTest, keepsSoMuchAndTheNewestAlways) {
  for (int i = 0; i < 4; ++i) file(std::to_string(i), 5 - i, 1000);
  EXPECT_EQ(Retention(pattern("%n"), {.bytes = 2500}).enforce(now_), 2U);
  EXPECT_THAT(left(), ElementsAre("2", "3"));
  EXPECT_EQ(Retention(pattern("%n"), {.bytes = 1, .age = std::chrono::seconds(1)}).enforce(now_),
            1U);
  EXPECT_THAT(left(), ElementsAre("3"));
}

TEST_F(RetentionTest, keepsByWhatItIsToldLast) {
  for (int i = 0; i < 4; ++i) file(std::to_string(i), 5 - i);
  Retention retention(pattern("%n"), {});
  EXPECT_EQ(retention.enforce(now_), 0U);
  retention.keep({.files = 3});
  EXPECT_EQ(retention.enforce(now_), 1U);
  // Longer than a clock in nanoseconds reaches back.
  retention.keep({.age = std::chrono::seconds::max()});
  EXPECT_EQ(retention.enforce(now_), 0U);
  EXPECT_THAT(left(), ElementsAre("1", "2", "3"));
}

// The clock was set back: those of before are of the future.
TEST_F(RetentionTest, keepsWhatWasJustWritten) {
  file("5", -3);
  file("6", -2);
  file("7", 1);
  EXPECT_EQ(Retention(pattern("%n"), {.files = 2}).enforce(now_, pattern("7")), 1U);
  EXPECT_THAT(left(), ElementsAre("5", "7"));
}

TEST_F(RetentionTest, findsAFolderWithAPercentSign) {
  fs::create_directory(folder_ / "50%");
  file("50%/w-3", 1);
  EXPECT_EQ(Retention(pattern("50%%/w-%n"), {}).next_number(), 4U);
}

TEST_F(RetentionTest, leavesWhatIsNoFileOfOurs) {
  file("7", 1);
  fs::create_directory(folder_ / "8");
  fs::create_symlink("/etc/passwd", folder_ / "9");
  const Retention retention(pattern("%n"), {.files = 1});
  EXPECT_EQ(retention.next_number(), 8U);
  EXPECT_EQ(retention.enforce(now_), 0U);
  EXPECT_THAT(left(), ElementsAre("7", "8", "9"));
  if (::geteuid() != 0) return;
  file("6", 5);
  ASSERT_EQ(::chown((folder_ / "6").c_str(), 12345, 12345), 0);
  EXPECT_EQ(retention.enforce(now_), 0U);
}

TEST_F(RetentionTest, goesOnWithNumbers) {
  EXPECT_EQ(Retention(pattern("w-%n"), {}).next_number(), 0U);
  file("w-4", 1);
  file("w-11", 2);
  EXPECT_EQ(Retention(pattern("w-%n"), {}).next_number(), 12U);
  EXPECT_EQ(Retention(pattern("w-%n{20}"), {}).next_number(), 5U) << "behind the newest";
  EXPECT_EQ(Retention("/no/such/folder/%n", {}).next_number(), 0U);
}

TEST_F(RetentionTest, namesWindows) {
  const auto path = [&](const std::string& name, std::uint64_t number) {
    return files_of_window(pattern(name), now_, number).value_or("");
  };
  EXPECT_EQ(path("w-%n.html", 7), pattern("w-7.html"));
  EXPECT_EQ(path("w-%n{5}.html", 7), pattern("w-2.html"));
  const std::string stamp = file_stamp(now_);
  EXPECT_EQ(path("%t.html", 7), pattern(stamp + ".html"));
  file(stamp + ".html", 0);
  EXPECT_EQ(path("%t.html", 7), pattern(stamp + "-2.html"));
  file(stamp + "-2.html", 0);
  EXPECT_EQ(path("%t.html", 8), pattern(stamp + "-3.html"));
  EXPECT_EQ(path("100%%-%n", 1), pattern("100%-1"));
}

// The files of a window belong together, whosever they are.
TEST_F(RetentionTest, keepsWindowsWholeWhereProcessesHaveFiles) {
  for (int window = 0; window < 4; ++window) {
    for (const char* process : {"7", "12", "rest"}) {
      file("w-" + std::to_string(window) + "-" + process + ".txt", 5 - window, 100);
    }
  }
  file("w-0-me.txt", 9);
  const std::string of = pattern("w-%n-%p.txt");
  EXPECT_EQ(Retention(of, {}).next_number(), 4U);
  EXPECT_EQ(Retention(of, {.files = 3}).enforce(now_), 3U);
  EXPECT_EQ(Retention(of, {.bytes = 750}).enforce(now_), 3U);
  EXPECT_THAT(left(), ElementsAre("w-0-me.txt", "w-2-12.txt", "w-2-7.txt", "w-2-rest.txt",
                                  "w-3-12.txt", "w-3-7.txt", "w-3-rest.txt"));
  // A clock that was set back: what was just written is the newest, with all that is of its window.
  file("w-1-12.txt", 8, 100);
  file("w-1-rest.txt", 8, 100);
  EXPECT_EQ(Retention(of, {.files = 2}).enforce(now_, pattern("w-1-rest.txt")), 3U);
  EXPECT_THAT(left(), ElementsAre("w-0-me.txt", "w-1-12.txt", "w-1-rest.txt", "w-3-12.txt",
                                  "w-3-7.txt", "w-3-rest.txt"));
  EXPECT_EQ(Retention(of, {.age = std::chrono::seconds(1)}).enforce(now_), 2U);
}

TEST_F(RetentionTest, namesTheFilesOfProcesses) {
  const auto files = [&](const std::string& name) {
    return files_of_window(pattern(name), now_, 7).value_or("");
  };
  EXPECT_EQ(files("w-%n-%p-50%%.html"), pattern("w-7-%p-50%%.html"));
  EXPECT_EQ(file_of_process(pattern("w-7-%p-50%%.html"), 42), pattern("w-7-42-50%.html"));
  EXPECT_EQ(file_of_process(pattern("w-7-%p.html"), 0), pattern("w-7-rest.html"));
  // Those of one window have one name, and none of them is there yet.
  const std::string stamp = file_stamp(now_);
  EXPECT_EQ(files("%p-%t.html"), pattern("%p-" + stamp + ".html"));
  file("42-" + stamp + ".html", 0);
  EXPECT_EQ(files("%p-%t.html"), pattern("%p-" + stamp + "-2.html"));
  file("rest-" + stamp + "-2.html", 0);
  EXPECT_EQ(files("%p-%t.html"), pattern("%p-" + stamp + "-3.html"));
}

TEST(FilePattern, ofProcessesKeepsTheirPercentSign) {
  const PatternFacts facts{
      .pid = 12, .time = {}, .host = "a%p", .number = 3, .environment = {}, .of_process = true};
  EXPECT_EQ(expand_file_pattern("%h-%p-%n-%%p", facts).value_or(""), "a%%p-%p-3-%%p");
  EXPECT_TRUE(tells_processes("%%-%p"));
  EXPECT_FALSE(tells_processes("%%p-%t"));
  const PatternNames names = names_of("d/%p-%n-%p-%n{5}");
  EXPECT_EQ(names.expression, "([0-9]+|rest)\\-([0-9]+)\\-(?:[0-9]+|rest)\\-(?:[0-9]+)");
  EXPECT_EQ(names.process, 1);
  EXPECT_EQ(names.number, 2);
}

TEST(FilePattern, ofWindowsIsExpandedInTwoSteps) {
  const PatternFacts facts{.pid = 12,
                           .time = {},
                           .host = "a%b",
                           .number = 0,
                           .environment = [](const char*) { return "50%t"; },
                           .of_window = true};
  EXPECT_EQ(expand_file_pattern("%p-%h-%t-%n-%n{5}-%%-%{X}.html", facts).value_or(""),
            "12-a%%b-%t-%n-%n{5}-%%-50%%t.html");
  EXPECT_EQ(varies("a-%%t-%%n"), Varies::No);
  EXPECT_EQ(varies("a-%t"), Varies::ByTime);
  EXPECT_EQ(varies("a-%t-%n"), Varies::ByNumber);
  EXPECT_EQ(varies("a-%n{3}"), Varies::InTurns);
}

TEST(WindowClock, doesNotDrift) {
  using Steady = std::chrono::steady_clock;
  const Steady::time_point begin{};
  const system_clock::time_point wall{};
  WindowClock clock(minutes(1), begin, wall);
  EXPECT_FALSE(clock.is_due(begin + std::chrono::seconds(59)));
  EXPECT_TRUE(clock.is_due(begin + minutes(1)));
  EXPECT_EQ(clock.cut(begin + std::chrono::seconds(62), wall + std::chrono::seconds(62)).length,
            std::chrono::seconds(62));
  EXPECT_EQ(clock.due(), begin + minutes(2));
  // Asked for: the grid stays.
  EXPECT_EQ(clock.cut(begin + std::chrono::seconds(70), wall).length, std::chrono::seconds(8));
  EXPECT_EQ(clock.due(), begin + minutes(2));
  (void)clock.cut(begin + minutes(5), wall);
  EXPECT_EQ(clock.due(), begin + minutes(6));
  // Another length counts from the begin of the window that goes on.
  clock.set_length(std::chrono::seconds(10));
  EXPECT_EQ(clock.due(), begin + minutes(5) + std::chrono::seconds(10));
  (void)clock.cut(clock.due(), wall);
  EXPECT_EQ(clock.due(), begin + minutes(5) + std::chrono::seconds(20));
  EXPECT_FALSE(WindowClock(std::chrono::nanoseconds(0), begin, wall).is_due(begin + hours(1000)));
}

}  // namespace
}  // namespace jtrace::session
