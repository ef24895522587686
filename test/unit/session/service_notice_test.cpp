// SPDX-License-Identifier: Apache-2.0
#include "session/service_notice.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace jtrace::session {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using namespace std::chrono_literals;

// The manager's end. `name`: as NOTIFY_SOCKET has it.
class Manager {
 public:
  explicit Manager(const std::string& name)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (name.starts_with('@')) address.sun_path[0] = 0;
    const auto size = offsetof(sockaddr_un, sun_path) + name.size();
    bound_ = ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                    static_cast<socklen_t>(size)) == 0;
  }
  [[nodiscard]] bool bound() const { return bound_; }
  // What came since the last look.
  [[nodiscard]] std::vector<std::string> heard() const {
    std::vector<std::string> messages;
    std::array<char, 4096> text{};
    for (ssize_t n = 0; (n = ::recv(socket_.get(), text.data(), text.size(), 0)) > 0;) {
      messages.emplace_back(text.data(), static_cast<std::size_t>(n));
    }
    return messages;
  }

 private:
  UniqueFd socket_;
  bool bound_ = false;
};

class ServiceNoticeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "jtrace-notice-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    fs::remove_all(directory_);
  }
  [[nodiscard]] std::string path() const { return directory_ / "notify"; }
  static ServiceNotice opened(const std::string& address) {
    ::setenv("NOTIFY_SOCKET", address.c_str(), 1);
    ServiceNotice notice;
    notice.read_environment();
    const auto status = notice.open();
    EXPECT_TRUE(status) << status.error().message;
    return notice;
  }

  fs::path directory_;
};

TEST_F(ServiceNoticeTest, saysTheStatesOfARun) {
  for (const std::string& address : {path(), fmt::format("@jtrace-test-{}", ::getpid())}) {
    const Manager manager(address);
    ASSERT_TRUE(manager.bound()) << address;
    ServiceNotice notice = opened(address);
    EXPECT_THAT(manager.heard(), IsEmpty());
    notice.ready("tracing a:b");
    notice.status("window 2");
    notice.reloading();
    notice.ready("window 3");
    notice.stopping("writing");
    const auto heard = manager.heard();
    ASSERT_EQ(heard.size(), 5U);
    EXPECT_EQ(heard[0], "READY=1\nSTATUS=tracing a:b");
    EXPECT_EQ(heard[1], "STATUS=window 2");
    EXPECT_THAT(heard[2], StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    EXPECT_EQ(heard[3], "READY=1\nSTATUS=window 3");
    EXPECT_EQ(heard[4], "STOPPING=1\nSTATUS=writing");
    notice.turn(ServiceNotice::Clock::now());
    EXPECT_THAT(manager.heard(), IsEmpty()) << "no watchdog was asked for";
  }
}

TEST_F(ServiceNoticeTest, aStatusIsOneLine) {
  const Manager manager(path());
  ServiceNotice notice = opened(path());
  notice.ready("tracing of a\nSTOPPING=1\x1b[2J");
  EXPECT_THAT(manager.heard(), ElementsAre("READY=1\nSTATUS=tracing of a?STOPPING=1?[2J"));
  notice.status(std::string(100'000, 'a'));
  const auto heard = manager.heard();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_LT(heard.front().size(), 1'000U);
}

TEST_F(ServiceNoticeTest, theWatchdogHearsOfItTwiceInItsTime) {
  const Manager manager(path());
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  ServiceNotice notice = opened(path());
  const auto begin = ServiceNotice::Clock::now();
  for (auto turn = 0ms; turn < 10s; turn += 5ms) notice.turn(begin + turn);
  EXPECT_EQ(manager.heard(), std::vector<std::string>(10, "WATCHDOG=1"));
}

TEST_F(ServiceNoticeTest, theWatchdogOfAnotherProcessIsNotOurs) {
  const Manager manager(path());
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  ServiceNotice notice = opened(path());
  notice.turn(ServiceNotice::Clock::now());
  EXPECT_THAT(manager.heard(), IsEmpty());
}

TEST_F(ServiceNoticeTest, badNumbersAskForNothing) {
  const Manager manager(path());
  for (const char* text : {"", "0", "-5", "5x", "99999999999999999999"}) {
    ::setenv("WATCHDOG_USEC", text, 1);
    ServiceNotice notice = opened(path());
    notice.turn(ServiceNotice::Clock::now());
    EXPECT_THAT(manager.heard(), IsEmpty()) << text;
  }
}

// Its queue is short. What it had no room for comes later, READY=1 in any case.
TEST_F(ServiceNoticeTest, aManagerThatDoesNotListenLosesNothingThatCounts) {
  const Manager manager(path());
  ServiceNotice notice = opened(path());
  constexpr int kMore = 1000;
  for (int i = 0; i < kMore; ++i) notice.status("flood");
  notice.ready("now");
  notice.stopping("done");
  std::vector<std::string> all;
  for (auto some = manager.heard(); !some.empty(); some = manager.heard()) {
    all.insert(all.end(), some.begin(), some.end());
    notice.turn(ServiceNotice::Clock::now());
  }
  ASSERT_GE(all.size(), 2U);
  EXPECT_LT(all.size(), static_cast<std::size_t>(kMore));
  EXPECT_EQ(all[all.size() - 2], "READY=1\nSTATUS=now");
  EXPECT_EQ(all.back(), "STOPPING=1\nSTATUS=done");
}

TEST_F(ServiceNoticeTest, readyIsTheLastToBeForgotten) {
  const Manager manager(path());
  ServiceNotice notice = opened(path());
  ServiceNotice other = opened(path());
  for (int i = 0; i < 1000; ++i) other.status("somebody else fills the queue");
  notice.ready("now");
  for (int i = 0; i < 1000; ++i) notice.status("more");
  (void)manager.heard();
  notice.turn(ServiceNotice::Clock::now());
  EXPECT_THAT(manager.heard(), testing::Contains("READY=1\nSTATUS=now"));
}

TEST_F(ServiceNoticeTest, aManagerThatIsGoneIsNoError) {
  ServiceNotice notice;
  {
    const Manager manager(path());
    notice = opened(path());
  }
  notice.ready("tracing");
  notice.turn(ServiceNotice::Clock::now());
  notice.stopping("done");
}

TEST_F(ServiceNoticeTest, badAddressesAreSaidAndDoNothing) {
  for (const std::string& address :
       {std::string("/"), std::string("@"), std::string("relative"), std::string("vsock:2:3"),
        "/nowhere/" + path(), "/" + std::string(500, 'a'), "@" + std::string(107, 'a')}) {
    ::setenv("NOTIFY_SOCKET", address.c_str(), 1);
    ServiceNotice notice;
    notice.read_environment();
    const auto status = notice.open();
    ASSERT_FALSE(status) << address;
    EXPECT_EQ(status.error().code, Errc::Internal);
    EXPECT_THAT(status.error().message, HasSubstr("nobody is told of the trace"));
    notice.ready("tracing");
    notice.turn(ServiceNotice::Clock::now());
  }
}

TEST_F(ServiceNoticeTest, programsThatAreStartedDoNotSeeIt) {
  const Manager manager(path());
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  const ServiceNotice notice = opened(path());
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  }
}

TEST_F(ServiceNoticeTest, withoutAManagerNothingHappens) {
  ServiceNotice notice;
  notice.read_environment();
  EXPECT_TRUE(notice.open());
  notice.ready("tracing");
  notice.turn(ServiceNotice::Clock::now());
  notice.stopping("done");
}

}  // namespace
}  // namespace jtrace::session
