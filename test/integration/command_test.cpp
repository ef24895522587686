// SPDX-License-Identifier: Apache-2.0
// What scripts rely on, end to end: how a run begins, how it ends, what it leaves behind. The
// target of most of these is the test itself.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

constexpr int kOpens = 500;

[[gnu::noinline]] void self_path() {
  for (int i = 0; i < kOpens; ++i) {
    close(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC));
  }
}

std::vector<std::string> on_self(std::vector<std::string> more) {
  std::vector<std::string> arguments{"-t", "syscalls:sys_enter_openat", "-p",
                                     std::to_string(getpid())};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

class Command : public ::testing::Test {
 protected:
  [[nodiscard]] std::string file(const char* name) const { return directory_.path() / name; }

  // Opens of self_path() in the collapsed file.
  [[nodiscard]] std::uint64_t counted(const char* name) const {
    const auto text = read_text(file(name));
    if (!text) return 0;
    const auto stacks = parse_collapsed(*text);
    if (!stacks) return 0;
    std::uint64_t count = 0;
    for (const Stack& stack : *stacks) {
      for (const Frame& frame : stack.frames) {
        if (frame.name.find("self_path") != std::string::npos) count += stack.count;
      }
    }
    return count;
  }

  TemporaryDirectory directory_;
};

TEST_F(Command, InterruptWritesTheProfile) {
  JT_NEEDS("bpf", no_bpf());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    JT_ASSERT_OK(Child jtrace,
                 start_jtrace(on_self({"-f", file("x.collapsed"), "-f", file("x.txt")})));
    self_path();
    ASSERT_TRUE(jtrace.signal(signal).has_value());
    // As timeout(1) does: to its child, and to its child's group.
    (void)jtrace.signal(signal);
    JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
    EXPECT_EQ(status, 0) << jtrace.err();
    EXPECT_EQ(jtrace.out(), "");
    EXPECT_EQ(jtrace.err().find('\x1b'), std::string::npos) << "escape codes off a terminal";
    EXPECT_EQ(counted("x.collapsed"), kOpens);
    JT_ASSERT_OK(const std::string text, read_text(file("x.txt")));
    JT_ASSERT_OK(const Ledger ledger, parse_ledger(text));
    EXPECT_EQ(ledger.count("fired"), kOpens);
    EXPECT_EQ(ledger_faults(ledger), "");
  }
}

// The process that writes for jtrace is blocked in openat, the FIFO's.
bool is_opening(pid_t pid) {
  // The one that reads files is a child, too.
  const auto children = read_text(fmt::format("/proc/{0}/task/{0}/children", pid));
  std::istringstream words(children.value_or(""));
  for (pid_t child = 0; words >> child;) {
    const auto call = read_text(fmt::format("/proc/{}/syscall", child));
    if (call && call->starts_with(std::to_string(SYS_openat) + " ")) return true;
  }
  return false;
}

TEST_F(Command, SecondInterruptAbandonsItWhereverItIs) {
  JT_NEEDS("bpf", no_bpf());
  // Nobody reads it: writing hangs.
  ASSERT_EQ(mkfifo(file("x.txt").c_str(), 0600), 0);
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-f", file("x.txt")})));
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  const auto writes = [](const Child& c) { return is_opening(c.pid()); };
  ASSERT_TRUE(jtrace.wait_until("writing", writes, kPatience).has_value());
  // One that comes at once after the first belongs to it.
  const auto ended = [](const Child& c) {
    (void)c.signal(SIGINT);
    const auto state = read_text(fmt::format("/proc/{}/stat", c.pid()));
    return !state || state->find(") Z ") != std::string::npos;
  };
  (void)jtrace.wait_until("end", ended, kPatience);
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 130) << jtrace.err();
}

TEST_F(Command, TerminalIsToldWhatTakesLong) {
  JT_NEEDS("bpf", no_bpf());
  JT_NEEDS("bpf", no_program("script"));
  ASSERT_EQ(mkfifo(file("x.txt").c_str(), 0600), 0);
  std::string line = jtrace_binary();
  for (const auto& word : on_self({"-d", "100ms", "-f", file("x.txt")})) line += " " + word;
  JT_ASSERT_OK(Child terminal, Child::start({"script", "-qec", line, "/dev/null"}, {"TERM=xterm"}));
  const auto told = [&](const Child& c) {
    return c.out().find("writing " + file("x.txt") + ", 1 s") != std::string::npos;
  };
  ASSERT_TRUE(terminal.wait_until("progress", told, kPatience).has_value()) << terminal.out();
  const UniqueFd reader(open(file("x.txt").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  JT_ASSERT_OK(const int status, terminal.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << terminal.out();
  // The first: on a busy machine, what comes after may take long, too.
  const auto told_at = terminal.out().find(" s\r\x1b[K");
  ASSERT_NE(told_at, std::string::npos) << "the line stayed:\n" << terminal.out();
  EXPECT_NE(terminal.out().find("jtrace: wrote", told_at), std::string::npos);
}

// Maps a file that only pretends to be a library, for as long as it lives.
class HostileLibrary {
 public:
  HostileLibrary(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    at_ = mmap(nullptr, kBytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd.get(), 0);
  }
  HostileLibrary(const HostileLibrary&) = delete;
  HostileLibrary& operator=(const HostileLibrary&) = delete;
  ~HostileLibrary() { munmap(at_, kBytes); }
  [[nodiscard]] bool mapped() const { return at_ != MAP_FAILED; }

 private:
  static constexpr std::size_t kBytes = 4096;
  void* at_ = MAP_FAILED;
};

TEST_F(Command, LibrariesThatLieCostNobodyElsesStacks) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const std::string honest, read_text(built("libtruth_late.so")));
  const auto filled = [&](std::size_t from, std::size_t count) {
    std::string bytes = honest;
    bytes.replace(from, count, std::string(count, '\xff'));
    return bytes;
  };
  // Where an ELF header has the places and numbers of its tables.
  constexpr std::size_t kPhoff = 32, kShoff = 40, kPhnum = 56, kShnum = 60, kHeader = 64;
  std::vector<std::string> files{honest.substr(0, 10),
                                 honest.substr(0, kHeader),
                                 honest.substr(0, 200),
                                 honest.substr(0, honest.size() / 2),
                                 filled(kPhoff, 8),
                                 filled(kShoff, 8),
                                 filled(kPhnum, 2),
                                 filled(kShnum, 2),
                                 filled(kHeader, honest.size() - kHeader)};
  // Each segment's sizes, offset and address in turn.
  for (std::size_t field = 8; field < 48; field += 8) {
    std::string bytes = honest;
    constexpr std::size_t kSegment = 56;
    for (std::size_t at = kHeader + field; at < kHeader + 6 * kSegment; at += kSegment) {
      bytes.replace(at, 8, "\xff\xff\xff\xff\xff\xff\xff\x7f");
    }
    files.push_back(std::move(bytes));
  }
  std::vector<std::unique_ptr<HostileLibrary>> mapped;
  for (std::size_t i = 0; i < files.size(); ++i) {
    mapped.push_back(std::make_unique<HostileLibrary>(file("lib") + std::to_string(i), files[i]));
    ASSERT_TRUE(mapped.back()->mapped()) << i;
  }
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-f", file("x.collapsed")})));
  self_path();
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  EXPECT_EQ(counted("x.collapsed"), kOpens);
}

TEST_F(Command, AJvmOfAnotherKindIsSaidToBeOne) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const std::string library, read_text(built("libtruth_late.so")));
  const HostileLibrary j9(file("libj9vm29.so"), library);
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-f", file("x.collapsed")})));
  self_path();
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0);
  EXPECT_NE(jtrace.err().find("OpenJ9 is not supported; native stacks only"), std::string::npos)
      << jtrace.err();
  EXPECT_EQ(counted("x.collapsed"), kOpens);
}

TEST_F(Command, ProcessOfAnotherUser) {
  JT_NEEDS("bpf", no_bpf());
  // Who may read neither tracefs nor anything of ours.
  JT_ASSERT_OK(const Traced traced,
               trace({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                      built("truth_native"), "200", built("libtruth_late.so")}));
  JT_ASSERT_OK(const auto truth, parse_truth(traced.target_output));
  ThreadEntries entries;
  ASSERT_TRUE(entries.add_own_libc().has_value());
  EXPECT_EQ(judge(truth, traced.stacks, Chain::Native, entries).miscounts(), "");
  EXPECT_EQ(ledger_faults(traced.ledger), "");
}

TEST_F(Command, DurationEndsIt) {
  JT_NEEDS("bpf", no_bpf());
  const auto start = std::chrono::steady_clock::now();
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-d", "1s", "-f", file("x.collapsed")})));
  self_path();
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_EQ(status, 0) << jtrace.err();
  EXPECT_EQ(counted("x.collapsed"), kOpens);
}

TEST_F(Command, PageStandsAlone) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-f", file("x.html")})));
  self_path();
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const std::string page, read_text(file("x.html")));
  EXPECT_NE(page.find("self_path"), std::string::npos);
  EXPECT_NE(page.find("</html>"), std::string::npos);
  for (const char* outside : {"src=\"http", "href=\"http", "src='http", "@import"}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
}

TEST_F(Command, StandardOutputIsTextWhereAskedFor) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(Child jtrace, start_jtrace(on_self({"-f", "-"})));
  self_path();
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const Ledger ledger, parse_ledger(jtrace.out()));
  EXPECT_EQ(ledger.count("kept"), kOpens);
}

// Whoever stopped listening, the profile is written.
TEST_F(Command, StreamsThatFailCostNoProfile) {
  JT_NEEDS("bpf", no_bpf());
  // A pipe's reader that ends at once; the status is jtrace's, not the reader's.
  for (const char* script :
       {R"("$0" "$@" 2>/dev/full)", R"("$0" "$@" <&- >&- 2>&-)",
        R"sh({ "$0" "$@"; echo $? >"$STATUS"; } 2>&1 | true; exit "$(cat "$STATUS")")sh",
        R"sh({ "$0" -f - "$@"; echo $? >"$STATUS"; } | true; exit "$(cat "$STATUS")")sh"}) {
    std::vector<std::string> argv{"/bin/sh", "-c", script, jtrace_binary()};
    for (auto& argument : on_self({"-d", "200ms", "-f", file("x.txt")})) argv.push_back(argument);
    JT_ASSERT_OK(Child shell, Child::start(argv, {"STATUS=" + file("status")}));
    JT_ASSERT_OK(const int status, shell.wait_exit(kPatience));
    EXPECT_EQ(status, 0) << script << "\n" << shell.err();
    EXPECT_TRUE(std::filesystem::remove(file("x.txt"))) << script;
  }
}

TEST_F(Command, AnOutputThatFailsCostsNoOther) {
  JT_NEEDS("bpf", no_bpf());
  const std::string lost = file("gone");
  ASSERT_TRUE(std::filesystem::create_directory(lost));
  JT_ASSERT_OK(Child jtrace,
               start_jtrace(on_self({"--json", "-f", lost + "/x.txt", "-f", file("y.txt")})));
  self_path();
  ASSERT_TRUE(std::filesystem::remove(lost));
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 1);
  EXPECT_NE(jtrace.err().find("ledger"), std::string::npos) << "no summary";
  EXPECT_NE(jtrace.err().find("gone/x.txt"), std::string::npos) << "no reason";
  EXPECT_EQ(jtrace.out().find("gone/x.txt"), std::string::npos) << "said to be written";
  EXPECT_NE(jtrace.out().find("y.txt"), std::string::npos) << jtrace.out();
  JT_ASSERT_OK(const Ledger ledger, parse_ledger(read_text(file("y.txt")).value_or("")));
  EXPECT_EQ(ledger.count("kept"), kOpens);
}

TEST_F(Command, TargetExitEndsItAndTwoEventsAreToldApart) {
  JT_NEEDS("bpf", no_bpf());
  TraceOptions options;
  options.events = {"syscalls:sys_enter_openat,syscalls:sys_enter_read"};
  JT_ASSERT_OK(const Traced traced,
               trace({built("truth_native"), "200", built("libtruth_late.so")}, options));
  JT_ASSERT_OK(const auto truth, parse_truth(traced.target_output));
  ThreadEntries entries;
  ASSERT_TRUE(entries.add_own_libc().has_value());
  const auto opens = only_event(traced.stacks, "syscalls:sys_enter_openat");
  EXPECT_EQ(judge(truth, opens, Chain::Native, entries).miscounts(), "");
  // ld.so reads the header of the library that it loads, once.
  const std::vector<TruthPath> loading{{"dlopen_path", 1, {"*", "dlopen_path"}}};
  const auto reads = only_event(traced.stacks, "syscalls:sys_enter_read");
  EXPECT_EQ(judge(loading, reads, Chain::Native, entries).miscounts(), "");
}

TEST_F(Command, ByTracepointId) {
  JT_NEEDS("bpf", no_bpf());
  JT_ASSERT_OK(const std::uint64_t id, tracepoint_id("syscalls", "sys_enter_openat"));
  JT_ASSERT_OK(Child jtrace, start_jtrace({"-t", fmt::format("trace:{}", id), "-p",
                                           std::to_string(getpid()), "-f", file("x.collapsed")}));
  self_path();
  ASSERT_TRUE(jtrace.signal(SIGINT).has_value());
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  EXPECT_EQ(counted("x.collapsed"), kOpens);
}

}  // namespace
}  // namespace jtrace::test
