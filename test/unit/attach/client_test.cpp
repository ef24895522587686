// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/attach/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "unit/attach/fake_jvm.h"

namespace jtrace::jvmsym::attach {
namespace {

using test::FakeJvm;
using testing::HasSubstr;
using namespace std::string_literals;
using std::chrono::milliseconds;

constexpr Limits kShort{.patience = milliseconds(200)};
const Operation kOperation{"jcmd", {"Compiler.perfmap"}};

bool asks_version(const std::string& request) {
  return request == *encode(version_question(), Protocol::One);
}

// What came is sent back, so that the test sees it.
void old_jvm(int connection, const std::string& request) {
  test::write_all(connection, asks_version(request) ? "-1\nOperation getversion not recognized!"
                                                    : "0\n" + request);
}

void new_jvm(int connection, const std::string& request) {
  test::write_all(connection, asks_version(request) ? "0\n2\n" : "0\n" + request);
}

// Answers the first question as a JVM does, the second with `bytes`.
test::Reply says(const std::string& bytes) {
  return [bytes](int connection, const std::string& request) {
    test::write_all(connection, asks_version(request) ? "0\n1" : bytes);
  };
}

std::string error_of(const FakeJvm& jvm, const Limits& limits = kShort) {
  const auto answer = ask(jvm.process(), kOperation, limits);
  EXPECT_FALSE(jvm.litter());
  return answer ? "answered: " + answer->text : answer.error().message;
}

TEST(Attach, WakesAJvmAndAsksByVersionOne) {
  const FakeJvm jvm({}, old_jvm);
  const auto answer = ask(jvm.process(), kOperation, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text, "1\0jcmd\0Compiler.perfmap\0\0\0"s);
  EXPECT_FALSE(jvm.litter());
}

TEST(Attach, AsksByVersionTwoWhereItIsKnown) {
  const FakeJvm jvm({}, new_jvm);
  const auto answer = ask(jvm.process(), kOperation, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text,
            "2\0"
            "22\0jcmd\0Compiler.perfmap\0"s);
}

TEST(Attach, SignalsNobodyWhoListensAlready) {
  const FakeJvm jvm({.listens_at_once = true, .catches_quit = false, .ends_at_signal = true},
                    old_jvm);
  EXPECT_TRUE(ask(jvm.process(), kOperation, {}));
  EXPECT_TRUE(ask(jvm.process(), kOperation, {}));
  EXPECT_TRUE(jvm.lives());
}

// Its working directory takes no file: /tmp does.
TEST(Attach, TriggersInTmpToo) {
  const FakeJvm jvm({}, old_jvm);
  std::filesystem::remove(jvm.path("work"));
  EXPECT_TRUE(ask(jvm.process(), kOperation, {}));
}

TEST(Attach, ALinkForTmpStaysBelowTheRoot) {
  const FakeJvm jvm({.tmp = "root/other"}, old_jvm);
  std::filesystem::remove(jvm.path("work"));
  std::filesystem::create_symlink("/other", jvm.path("root/tmp"));
  EXPECT_TRUE(ask(jvm.process(), kOperation, {}));
  EXPECT_FALSE(jvm.litter());
  std::filesystem::remove(jvm.path("root/tmp"));
  std::filesystem::create_symlink("/../../../../../../tmp", jvm.path("root/tmp"));
  EXPECT_THAT(error_of(jvm), HasSubstr("its /tmp"));
}

TEST(Attach, SignalsNoProcessThatItWouldEnd) {
  const FakeJvm jvm({.catches_quit = false, .ends_at_signal = true}, old_jvm);
  EXPECT_THAT(error_of(jvm), HasSubstr("SIGQUIT would end it"));
  EXPECT_TRUE(jvm.lives());
}

TEST(Attach, SignalsNoProcessThatIsNoJvm) {
  for (const char* maps : {"", "1-2 r-xp 0 8:1 42 /lib/libc.so.6\n"}) {
    const FakeJvm jvm({.ends_at_signal = true, .maps = maps}, old_jvm);
    EXPECT_THAT(error_of(jvm), HasSubstr("it is no JVM"));
    EXPECT_TRUE(jvm.lives());
  }
}

TEST(Attach, SignalsNoJvmThatHasItSwitchedOff) {
  const FakeJvm jvm(
      {.ends_at_signal = true, .command_line = "java\0-XX:+DisableAttachMechanism\0"s}, old_jvm);
  EXPECT_THAT(error_of(jvm), HasSubstr("switched off"));
  EXPECT_TRUE(jvm.lives());
}

TEST(Attach, MissingTmpIsSaid) {
  const FakeJvm jvm({.ends_at_signal = true}, old_jvm);
  std::filesystem::remove_all(jvm.path("root/tmp"));
  EXPECT_THAT(error_of(jvm), HasSubstr("its /tmp: No such file or directory"));
  EXPECT_TRUE(jvm.lives());
}

TEST(Attach, AJvmThatEndsIsGone) {
  const FakeJvm jvm({.ends_at_signal = true}, old_jvm);
  EXPECT_THAT(error_of(jvm, {}), HasSubstr("it has ended"));
}

TEST(Attach, AJvmThatDoesNotListenIsLate) {
  const FakeJvm jvm({.obeys_signal = false}, old_jvm);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(error_of(jvm), HasSubstr("no answer within 0.2 s"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(2000));
}

// Another tool asks at the same time: its file serves us, and stays for it.
TEST(Attach, ATriggerOfAnotherToolStays) {
  const FakeJvm jvm({}, old_jvm);
  std::ofstream(jvm.path("work/.attach_pid7")) << "";
  EXPECT_TRUE(ask(jvm.process(), kOperation, {}));
  EXPECT_TRUE(std::filesystem::exists(jvm.path("work/.attach_pid7")));
}

TEST(Attach, SilenceIsLate) {
  const FakeJvm jvm({}, [](int, const std::string&) { ::pause(); });
  EXPECT_THAT(error_of(jvm), HasSubstr("no answer within 0.2 s"));
}

TEST(Attach, HalfAnAnswerAndSilenceIsLate) {
  const FakeJvm jvm({}, [](int connection, const std::string&) {
    test::write_all(connection, "0\nhal");
    ::pause();
  });
  EXPECT_THAT(error_of(jvm), HasSubstr("no answer within 0.2 s"));
}

TEST(Attach, GarbageIsNoAnswer) {
  for (const char* bytes : {"0", "\x1b[31m\n", "HTTP/1.1 400 Bad Request\n"}) {
    const FakeJvm jvm({}, says(bytes));
    EXPECT_THAT(error_of(jvm, {}), HasSubstr("the answer is none of a JVM")) << bytes;
  }
}

TEST(Attach, NoAnswerIsSaid) {
  const FakeJvm jvm({}, says(""));
  EXPECT_THAT(error_of(jvm, {}), HasSubstr("closed the connection without an answer"));
}

TEST(Attach, AnEndlessAnswerIsCutOff) {
  const FakeJvm jvm({}, [](int connection, const std::string&) {
    const std::string piece(4096, 'x');
    while (::send(connection, piece.data(), piece.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  EXPECT_THAT(error_of(jvm, {}), HasSubstr("longer than 64 KiB"));
}

// A byte now and then: each comes in time, all of them do not.
TEST(Attach, ASlowAnswerIsLate) {
  const FakeJvm jvm({}, [](int connection, const std::string&) {
    while (::send(connection, "0", 1, MSG_NOSIGNAL) > 0) ::usleep(20'000);
  });
  EXPECT_THAT(error_of(jvm), HasSubstr("no answer within 0.2 s"));
}

TEST(Attach, ARefusalHasTheJvmsWords) {
  const FakeJvm jvm({},
                    says("1\njava.lang.IllegalArgumentException: Unknown\x1b[0m command\nat x"));
  EXPECT_THAT(error_of(jvm, {}),
              HasSubstr("refuses: java.lang.IllegalArgumentException: Unknown?[0m command"));
}

// A JVM would wait at it for ever.
TEST(Attach, AFifoIsNotWritten) {
  const FakeJvm jvm({.ends_at_signal = true}, old_jvm);
  ASSERT_EQ(::mkfifo(jvm.path("root/tmp/out").c_str(), 0600), 0);
  const auto answer =
      ask(jvm.process(), {.name = "jcmd", .arguments = {"x"}, .writes = "out"}, kShort);
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("/tmp/out is no regular file"));
  EXPECT_TRUE(jvm.lives());
}

// A socket that is there, with this test listening: not the process that is asked.
TEST(Attach, AnotherProcessIsNotAsked) {
  const FakeJvm jvm({.obeys_signal = false}, old_jvm);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  jvm.socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 5), 0);
  EXPECT_THAT(error_of(jvm), HasSubstr("no answer within 0.2 s"));
}

// Left over from a JVM that was killed.
TEST(Attach, AStaleSocketIsNoAnswer) {
  const FakeJvm jvm({}, old_jvm);
  {
    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    jvm.socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
  }
  EXPECT_TRUE(ask(jvm.process(), kOperation, {}));
}

}  // namespace
}  // namespace jtrace::jvmsym::attach
