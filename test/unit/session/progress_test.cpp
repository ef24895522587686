// SPDX-License-Identifier: Apache-2.0
#include "session/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/unique_fd.h"

namespace jtrace::session {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ProgressTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> fds{};
    ASSERT_EQ(::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK), 0);
    read_.reset(fds[0]);
    write_.reset(fds[1]);
  }
  [[nodiscard]] Progress::Settings shown(std::chrono::milliseconds after) const {
    return {.shows = true, .fd = write_.get(), .after = after, .every = 1ms};
  }
  // Until `part` was written, or a minute is over.
  std::string read_until(const std::string& part) const {
    std::string text;
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (text.find(part) == std::string::npos && std::chrono::steady_clock::now() < end) {
      pollfd fd{.fd = read_.get(), .events = POLLIN, .revents = 0};
      ::poll(&fd, 1, 100);
      text += available();
    }
    return text;
  }
  [[nodiscard]] std::string available() const {
    std::array<char, 4096> bytes{};
    const ssize_t n = ::read(read_.get(), bytes.data(), bytes.size());
    return n > 0 ? std::string(bytes.data(), static_cast<std::size_t>(n)) : std::string();
  }

  UniqueFd read_, write_;
};

TEST_F(ProgressTest, saysWhatTakesLongAndTakesItBack) {
  Progress progress(shown(0ms));
  progress.begin("attaching 1 of 9 events");
  EXPECT_THAT(read_until("attaching 1 of 9 events, 0 s"), HasSubstr("\r\x1b[K"));
  progress.update("attaching 2 of 9 events");
  EXPECT_THAT(read_until("attaching 2 of 9 events, 0 s"), HasSubstr("2 of 9"));
  progress.end();
  EXPECT_TRUE(read_until("\r\x1b[K").ends_with("\r\x1b[K"));
}

TEST_F(ProgressTest, saysNothingOfWhatIsShort) {
  {
    Progress progress(shown(1h));
    progress.begin("reading");
    progress.hide();
    progress.begin("loading");
    progress.end();
  }
  EXPECT_EQ(available(), "");
}

TEST_F(ProgressTest, saysNothingWhereNobodyLooks) {
  {
    auto settings = shown(0ms);
    settings.shows = false;
    Progress progress(settings);
    progress.begin("reading");
    progress.update("reading more");
  }
  EXPECT_EQ(available(), "");
}

TEST_F(ProgressTest, wordsOfATargetSteerNoTerminal) {
  Progress progress(shown(0ms));
  progress.begin("writing a\x1b[2Jb\nc");
  EXPECT_THAT(read_until("writing"), HasSubstr("writing a?[2Jb?c"));
}

}  // namespace
}  // namespace jtrace::session
