// SPDX-License-Identifier: Apache-2.0
// The continuous mode: windows that together are all there was, whoever ends them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/sanitized.h"
#include "base/unique_fd.h"
#include "integration/support/process_use.h"
#include "integration/support/refusals.h"
#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

struct WindowResult {
  std::uint64_t number = 0;
  std::uint64_t fired = 0;
  double seconds = 0;
  bool balanced = false;
  bool lossless = false;
  std::vector<Stack> stacks;
  json ledger;
};

struct Windowed {
  std::vector<WindowResult> windows;
  std::string target_output;
  std::string log;
  int status = -1;
};

std::uint64_t ledger_count(const json& ledger, const std::string& name) {
  std::uint64_t sum = 0;
  for (const json& line : ledger) {
    if (line["name"] == name && line["count"].is_number())
      sum += line["count"].get<std::uint64_t>();
  }
  return sum;
}

Result<std::vector<WindowResult>> read_windows(const std::string& lines) {
  std::vector<WindowResult> windows;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    const json summary = json::parse(line, nullptr, false);
    if (summary.is_discarded()) return fail(Errc::Internal, "not JSON: " + line);
    WindowResult window{.number = summary["window"],
                        .fired = ledger_count(summary["ledger"], "fired"),
                        .seconds = summary["duration_ns"].get<double>() / 1e9,
                        .balanced = summary["balanced"],
                        .lossless = summary["lossless"],
                        .stacks = {},
                        .ledger = summary["ledger"]};
    for (const json& file : summary["files"]) {
      if (file["format"] != "collapsed") continue;
      JT_TRY(const std::string text, read_text(file["path"].get<std::string>()));
      JT_TRY(window.stacks, parse_collapsed(text));
    }
    windows.push_back(std::move(window));
  }
  return windows;
}

// The target says "over" and waits for a byte, or ends by itself.
using Meanwhile = std::function<Status(Child& target, Child& jtrace)>;

Status until_over(Child& target, Child& jtrace) {
  // A pipe holds some 40 windows: a tracer whose reader waits for something else makes longer ones.
  const auto over = [&](const Child& c) {
    jtrace.gather();
    return c.out().find("over\n") != std::string::npos;
  };
  JT_CHECK_OK(target.wait_until("end of its work", over, kPatience));
  return target.send("\n");
}

// Looks at the window that goes on, as fast as it is answered.
class Watcher {
 public:
  explicit Watcher(const std::string& log) {
    constexpr std::string_view kBefore = "serving http://127.0.0.1:";
    const auto at = log.find(kBefore);
    if (at == std::string::npos) return;
    const auto port = static_cast<std::uint16_t>(std::stoul(log.substr(at + kBefore.size())));
    thread_ = std::jthread([this, port](const std::stop_token& stop) {
      while (!stop.stop_requested()) look(port);
    });
  }
  // How many states of it were seen, and whether each ledger added up.
  [[nodiscard]] std::size_t seen() {
    thread_ = {};
    return seen_.size();
  }
  [[nodiscard]] bool added_up() const { return added_up_; }

 private:
  void look(std::uint16_t port) {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) return;
    const std::string_view ask =
        "GET /window/live.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    (void)!::send(socket.get(), ask.data(), ask.size(), MSG_NOSIGNAL);
    std::string answer;
    std::array<char, 65536> part{};
    for (ssize_t n = 0; (n = ::recv(socket.get(), part.data(), part.size(), 0)) > 0;) {
      answer.append(part.data(), static_cast<std::size_t>(n));
    }
    const auto body = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.1 200") || body == std::string::npos) return;
    const json live = json::parse(answer.substr(body + 4), nullptr, false);
    if (live.is_discarded()) return;
    seen_.insert(live["header"]["time_nanos"].dump() + live["header"]["duration_nanos"].dump());
    added_up_ = added_up_ && live["ledger"]["balanced"];
  }

  std::set<std::string> seen_;
  bool added_up_ = true;
  std::jthread thread_;
};

// jtrace to which the kernel refuses these commands of bpf(2): it has no memory.
Result<Child> start_refused(const std::vector<int>& commands,
                            const std::vector<std::string>& words) {
  if (commands.empty()) return start_jtrace(words);
  std::vector<std::string> argv;
  for (const int command : commands) {
    argv.insert(argv.end(), {built("truth_launcher"), "refuse", std::to_string(command), "--"});
  }
  argv.push_back(jtrace_binary());
  argv.insert(argv.end(), words.begin(), words.end());
  JT_TRY(Child child, Child::start(argv));
  const auto attached = [](const Child& c) {
    return c.err().find("jtrace: tracing") != std::string::npos;
  };
  JT_CHECK_OK(child.wait_until("line 'jtrace: tracing'", attached, kPatience));
  return child;
}

Result<Windowed> run(const std::vector<std::string>& target, std::vector<std::string> words,
                     const fs::path& folder, const Meanwhile& meanwhile,
                     const std::vector<int>& refused = {}) {
  JT_TRY(Child program, start_ready(target));
  words.insert(words.end(), {"--max-overhead", "off", "-p", std::to_string(program.pid()), "--json",
                             "-f", (folder / "w-%n.collapsed").string()});
  JT_TRY(Child jtrace, start_refused(refused, words));
  JT_CHECK_OK(program.send("\n"));
  JT_CHECK_OK(meanwhile(program, jtrace));
  Windowed made;
  JT_TRY(made.status, jtrace.wait_exit(kPatience));
  made.target_output = program.out();
  made.log = jtrace.err();
  JT_TRY(made.windows, read_windows(jtrace.out()));
  return made;
}

std::uint64_t printed(const Windowed& run, const std::string& name) {
  std::istringstream lines(run.target_output);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return std::stoull(line.substr(name.size() + 1));
  }
  ADD_FAILURE() << name << " is not in " << run.target_output;
  return 0;
}

std::uint64_t counted_through(const Windowed& run, const std::string& function) {
  std::uint64_t sum = 0;
  for (const auto& window : run.windows) {
    for (const Stack& stack : window.stacks) {
      const bool through = std::ranges::any_of(
          stack.frames, [&](const Frame& frame) { return frame.name == function; });
      if (through) sum += stack.count;
    }
  }
  return sum;
}

void expect_in_order(const Windowed& run) {
  for (std::size_t i = 0; i < run.windows.size(); ++i) {
    EXPECT_EQ(run.windows[i].number, i);
    EXPECT_TRUE(run.windows[i].balanced) << i << ": " << run.windows[i].ledger.dump(2);
  }
}

// As many as $JTRACE_TEST_WINDOWS, of 20 ms.
int windows_wanted() {
  const char* text = std::getenv("JTRACE_TEST_WINDOWS");
  constexpr int kFew = 100;
  return text != nullptr ? std::max(2, std::atoi(text)) : kFew;
}

// Two threads open as fast as they can: no event is counted twice, or not at all, or in a window
// whose ledger does not know it.
TEST(Windows, addUpToAllThereWas) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  constexpr int kWindow = 20;
  const int wanted = windows_wanted();
  // A window takes longer than it is long where two cores are busy.
  const std::vector<std::string> target{built("truth_steady"),
                                        std::to_string(wanted * kWindow * 5 / 4), "2"};
  JT_ASSERT_OK(const Windowed traced,
               run(target, {"-t", "syscalls:sys_enter_openat", "--loop", "20ms"}, folder.path(),
                   until_over));
  EXPECT_EQ(traced.status, 0) << traced.log;
  const std::uint64_t once = printed(traced, "open_once");
  const std::uint64_t twice = printed(traced, "open_twice");
  EXPECT_EQ(counted_through(traced, "open_once"), once);
  EXPECT_EQ(counted_through(traced, "open_twice"), twice);
  std::uint64_t fired = 0;
  for (const auto& window : traced.windows) fired += window.fired;
  EXPECT_EQ(fired, once + twice);
  EXPECT_GE(traced.windows.size(), static_cast<std::size_t>(wanted) / 2);
  expect_in_order(traced);
  RecordProperty("windows", static_cast<int>(traced.windows.size()));
  RecordProperty("events", std::to_string(fired));
  std::printf("%zu windows, %lu events\n", traced.windows.size(), fired);
}

// ... and that stays so while somebody looks at the window that goes on.
TEST(Windows, addUpWhileTheyAreLookedAt) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  const std::vector<std::string> target{built("truth_steady"), "8000", "2"};
  std::size_t seen = 0;
  bool added_up = false;
  const auto look = [&](Child& program, Child& jtrace) -> Status {
    const auto serves = [](const Child& c) { return c.err().find("serving http") != c.err().npos; };
    JT_CHECK_OK(jtrace.wait_until("its address", serves, kPatience));
    Watcher watcher(jtrace.err());
    JT_CHECK_OK(until_over(program, jtrace));
    seen = watcher.seen();
    added_up = watcher.added_up();
    // Its pages stay.
    const auto over = [](const Child& c) { return c.err().find("its pages stay") != c.err().npos; };
    JT_CHECK_OK(jtrace.wait_until("end of the trace", over, kPatience));
    return jtrace.signal(SIGTERM);
  };
  JT_ASSERT_OK(const Windowed traced,
               run(target, {"-t", "syscalls:sys_enter_openat", "--loop", "300ms", "--serve", "0"},
                   folder.path(), look));
  EXPECT_EQ(traced.status, 0) << traced.log;
  EXPECT_GE(seen, 3U) << traced.log;
  EXPECT_TRUE(added_up);
  EXPECT_EQ(counted_through(traced, "open_once"), printed(traced, "open_once"));
  EXPECT_EQ(counted_through(traced, "open_twice"), printed(traced, "open_twice"));
  expect_in_order(traced);
  std::printf("%zu windows, looked at %zu times\n", traced.windows.size(), seen);
}

// Where the kernel takes no batch, entries are taken one by one, and no window misses any.
TEST(Windows, addUpWhereTheKernelRefusesBatches) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  JT_ASSERT_OK(const Windowed traced,
               run({built("truth_steady"), "2000", "2"},
                   {"-t", "syscalls:sys_enter_openat", "--loop", "20ms"}, folder.path(), until_over,
                   {BPF_MAP_LOOKUP_AND_DELETE_BATCH}));
  EXPECT_EQ(traced.status, 0) << traced.log;
  EXPECT_EQ(counted_through(traced, "open_once"), printed(traced, "open_once"));
  EXPECT_EQ(counted_through(traced, "open_twice"), printed(traced, "open_twice"));
  EXPECT_GE(traced.windows.size(), 10U);
  for (const auto& window : traced.windows) EXPECT_TRUE(window.lossless) << window.ledger.dump(2);
  expect_in_order(traced);
}

// What is in the table and cannot be taken out of it is lost, and counted.
TEST(Windows, countWhatCouldNotBeRead) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  JT_ASSERT_OK(const Windowed traced,
               run({built("truth_steady"), "200", "1"},
                   {"-t", "syscalls:sys_enter_openat", "--loop", "20ms"}, folder.path(), until_over,
                   {BPF_MAP_LOOKUP_AND_DELETE_BATCH, BPF_MAP_DELETE_ELEM}));
  std::uint64_t fired = 0;
  std::uint64_t lost = 0;
  for (const auto& window : traced.windows) {
    fired += window.fired;
    const auto unread = ledger_count(window.ledger, "lost: table of stacks could not be read");
    lost += unread;
    EXPECT_EQ(window.lossless, unread == 0) << window.ledger.dump(2);
  }
  EXPECT_EQ(fired, printed(traced, "open_once") + printed(traced, "open_twice"));
  EXPECT_GT(lost, fired * 9 / 10);
  EXPECT_THAT(traced.log, HasSubstr("not all of the table of stacks could be read: "));
  expect_in_order(traced);
}

// Values are sent, and known, in each window anew; sums are what the calls returned.
TEST(Windows, haveTheirValues) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  const std::vector<std::string> target{built("truth_steady"), "2000", "2"};
  JT_ASSERT_OK(const Windowed traced,
               run(target,
                   {"-t", "syscalls:sys_enter_openat", "--by", "filename,errno", "--loop", "50ms",
                    "--weight", "latency"},
                   folder.path(), until_over));
  std::uint64_t other = 0;
  std::uint64_t fired = 0;
  for (const auto& window : traced.windows) {
    fired += window.fired;
    for (const Stack& stack : window.stacks) {
      ASSERT_GE(stack.frames.size(), 2U);
      EXPECT_EQ(stack.frames.back().name, "errno=ENOENT");
      const std::string& name = stack.frames[stack.frames.size() - 2].name;
      if (name != "filename=/no/such/file" && name != "filename=/no/such/other/file") ++other;
    }
  }
  EXPECT_EQ(other, 0U);
  // A thread may be in a call when jtrace begins, and none is when it ends.
  EXPECT_EQ(fired, printed(traced, "open_once") + printed(traced, "open_twice"));
  expect_in_order(traced);
}

// What begins in one window and ends in another counts in that one, with the stack of its begin.
TEST(Windows, haveTheStacksOfWhatBeganBefore) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  constexpr std::uint64_t kNaps = 4000;
  const std::vector<std::string> target{built("truth_naps"), std::to_string(kNaps)};
  JT_ASSERT_OK(const Windowed traced, run(target,
                                          {"-t", "sched:sched_switch", "--weight", "latency",
                                           "--kernel", "no", "--loop", "10ms"},
                                          folder.path(), [](Child&, Child&) { return Status(); }));
  std::uint64_t naps = 0;
  std::uint64_t unknown = 0;
  for (const auto& window : traced.windows) {
    naps += window.fired;
    unknown += ledger_count(window.ledger, "kept") - ledger_count(window.ledger, "complete") -
               ledger_count(window.ledger, "no user stack");
  }
  EXPECT_GE(naps, kNaps * 95 / 100);  // a timer may be over before its sleeper sleeps
  EXPECT_EQ(unknown, 0U);
  EXPECT_GE(traced.windows.size(), 10U);
  expect_in_order(traced);
}

TEST(Windows, endWhenAskedTo) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  const std::vector<std::string> target{built("truth_steady"), "300", "1"};
  const auto hang_up = [](Child& program, Child& jtrace) -> Status {
    for (int i = 0; i < 3; ++i) {
      JT_CHECK_OK(jtrace.signal(SIGHUP));
      const std::string line = "window " + std::to_string(i) + ":";
      JT_CHECK_OK(jtrace.wait_until(
          line, [&](const Child& c) { return c.err().find(line) != std::string::npos; },
          kPatience));
    }
    const auto over = [](const Child& c) { return c.out().find("over\n") != std::string::npos; };
    JT_CHECK_OK(program.wait_until("end of its work", over, kPatience));
    return jtrace.signal(SIGTERM);
  };
  JT_ASSERT_OK(
      const Windowed traced,
      run(target, {"-t", "syscalls:sys_enter_openat", "--loop", "1h"}, folder.path(), hang_up));
  EXPECT_EQ(traced.status, 0) << traced.log;
  ASSERT_EQ(traced.windows.size(), 4U) << traced.log;
  EXPECT_EQ(counted_through(traced, "open_once"), printed(traced, "open_once"));
  expect_in_order(traced);
}

// Numbers go on where an earlier run ended, and the oldest files go.
TEST(Windows, leaveWhatIsToBeKept) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  const std::vector<std::string> target{built("truth_steady"), "400", "1"};
  const std::vector<std::string> words{
      "-t", "syscalls:sys_enter_openat", "--loop", "50ms", "--keep", "3"};
  const auto numbers = [&] {
    std::vector<int> all;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      all.push_back(std::atoi(entry.path().filename().c_str() + 2));
    }
    std::ranges::sort(all);
    return all;
  };
  for (int round = 0; round < 2; ++round) {
    const auto before = numbers();
    JT_ASSERT_OK(Child program, start_ready(target));
    auto all = words;
    all.insert(all.end(), {"-p", std::to_string(program.pid()), "-f",
                           (folder.path() / "w-%n.collapsed").string()});
    JT_ASSERT_OK(Child jtrace, start_jtrace(all));
    ASSERT_TRUE(program.send("\n"));
    ASSERT_TRUE(until_over(program, jtrace));
    JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
    EXPECT_EQ(status, 0) << jtrace.err();
    const auto after = numbers();
    ASSERT_EQ(after.size(), 3U);
    EXPECT_EQ(after.back() - after.front(), 2);
    if (!before.empty()) {
      EXPECT_GT(after.front(), before.back());
    }
  }
}

// Java's stacks are whole, and named, in each of them.
TEST(Windows, nameJavaEachTime) {
  JT_NEEDS("bpf", no_bpf());
  JT_NEEDS("java", no_jdk());
  const TemporaryDirectory folder;
  const std::vector<std::string> target{jdk() / "bin/java",
                                        "-Xmx64m",
                                        "-XX:+UseSerialGC",
                                        "-cp",
                                        built("classes"),
                                        "truth.TruthOpens",
                                        "30000",
                                        "0"};
  JT_ASSERT_OK(const Windowed traced,
               run(target, {"-t", "syscalls:sys_enter_openat", "--loop", "100ms"}, folder.path(),
                   [](Child&, Child&) { return Status(); }));
  EXPECT_EQ(traced.status, 0) << traced.log;
  EXPECT_GE(traced.windows.size(), 3U);
  for (const auto& window : traced.windows) {
    EXPECT_EQ(ledger_count(window.ledger, "kept"), ledger_count(window.ledger, "complete"))
        << window.ledger.dump(2);
  }
  expect_in_order(traced);
}

// Of /proc/PID/FILE: the sum over all lines that begin so.
// Left running where nothing happens it sleeps until the window ends.
TEST(Windows, restWhereNothingHappens) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  JT_ASSERT_OK(Child target, start_ready({built("truth_steady"), "10", "1"}));
  JT_ASSERT_OK(Child jtrace, start_jtrace({"-t", "syscalls:sys_enter_openat", "--loop", "1h", "-p",
                                           std::to_string(target.pid()), "-f",
                                           folder.path() / "w-%n.collapsed"}));
  // What the start left to be done.
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const std::uint64_t before = turns_of(jtrace.pid());
  const std::uint64_t used = nanoseconds_of(jtrace.pid());
  ASSERT_GT(before, 0U);
  ASSERT_GT(used, 0U);
  std::this_thread::sleep_for(std::chrono::seconds(4));
  EXPECT_LE(turns_of(jtrace.pid()) - before, 2U);
  EXPECT_LE(nanoseconds_of(jtrace.pid()) - used, 20'000'000U);
  ASSERT_TRUE(jtrace.signal(SIGTERM));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  ASSERT_TRUE(target.send("\n\n"));
}

// Every event brings a new stack: what has no room is lost, and counted, and the limit holds.
TEST(Windows, stayWithinTheirMemory) {
  JT_NEEDS("bpf", no_bpf());
  if (kSanitized) GTEST_SKIP() << "a sanitizer takes memory of its own";
  const TemporaryDirectory folder;
  constexpr std::uint64_t kEvents = 200'000;
  constexpr std::uint64_t kMiB = 1U << 20;
  constexpr std::uint64_t kLimit = 128 * kMiB;
  const std::vector<std::string> target{built("truth_strangers"), "60", std::to_string(kEvents)};
  std::uint64_t most = 0;
  const auto look = [&](Child& program, Child& jtrace) -> Status {
    const fs::path proc = "/proc/" + std::to_string(jtrace.pid());
    const auto over = [](const Child& c) { return c.out().find("over\n") != std::string::npos; };
    JT_CHECK_OK(program.wait_until("end of its work", over, kPatience));
    std::uint64_t maps = 0;
    for (const auto& entry : fs::directory_iterator(proc / "fdinfo")) {
      maps += sum_in(entry.path(), "memlock:");
    }
    // Files, and what is the kernel's, too: the ring and the unwind rows.
    most = maps + (sum_in(proc / "status", "VmHWM:") - sum_in(proc / "status", "RssFile:")) * 1024;
    return program.send("\n");
  };
  JT_ASSERT_OK(
      const Windowed traced,
      run(target, {"-t", "syscalls:sys_enter_openat", "--loop", "500ms", "--max-memory", "128M"},
          folder.path(), look));
  std::cout << most / kMiB << " MiB of " << kLimit / kMiB << "\n";
  EXPECT_LE(most, kLimit);
  std::uint64_t fired = 0;
  std::uint64_t kept = 0;
  std::uint64_t lost = 0;
  for (const auto& window : traced.windows) {
    fired += window.fired;
    kept += ledger_count(window.ledger, "kept");
    lost += ledger_count(window.ledger, "lost: table of stacks full") +
            ledger_count(window.ledger, "lost: ring buffer full");
  }
  EXPECT_EQ(fired, kEvents);
  EXPECT_EQ(kept + lost, kEvents);
  EXPECT_GT(kept, 0U);
  EXPECT_GT(lost, 0U);
  EXPECT_THAT(traced.log, HasSubstr("--max-memory 128M is reached"));
  expect_in_order(traced);
}

// Symbols of a large program would take all that there is: it goes without names, and no stack
// goes.
TEST(Windows, countWhatHasNoRoomForItsNames) {
  JT_NEEDS("bpf", no_bpf());
  if (kSanitized) GTEST_SKIP() << "a sanitizer takes memory of its own";
  const TemporaryDirectory folder;
  JT_ASSERT_OK(const Windowed traced,
               run({built("truth_large"), "1500", "1"},
                   {"-t", "syscalls:sys_enter_openat", "--loop", "500ms", "--max-memory", "72M"},
                   folder.path(), until_over));
  EXPECT_THAT(traced.log, HasSubstr("truth_large: its symbols find no room in 9 MiB; its "
                                    "functions are unnamed\n"));
  EXPECT_THAT(traced.log, Not(HasSubstr("is reached")));
  std::uint64_t fired = 0;
  for (const auto& window : traced.windows) {
    EXPECT_EQ(ledger_count(window.ledger, "kept"), window.fired);
    fired += window.fired;
  }
  EXPECT_EQ(fired, printed(traced, "open_once") + printed(traced, "open_twice"));
  EXPECT_EQ(counted_through(traced, "open_once"), 0U);
  EXPECT_GT(counted_through(traced, "start_thread"), 0U) << "of libc, which has room";
}

TEST(Windows, areRefusedInOneLine) {
  const auto refused = [](const std::vector<std::string>& words) {
    std::vector<std::string> argv{jtrace_binary(), "-t", "syscalls:sys_enter_openat", "-p",
                                  std::to_string(::getpid())};
    argv.insert(argv.end(), words.begin(), words.end());
    auto child = Child::start(argv);
    EXPECT_TRUE(child);
    const auto status = child->wait_exit(kPatience);
    EXPECT_EQ(status.value_or(-1), 2) << child->err();
    std::string text = child->err();
    const std::string note = "not a JVM; native stacks go on\n";  // of this test
    if (const auto at = text.find(note); at != std::string::npos) text.erase(0, at + note.size());
    EXPECT_EQ(std::ranges::count(text, '\n'), 1) << child->err();
    return child->err();
  };
  EXPECT_THAT(refused({"--loop", "1ms"}), HasSubstr("a window is 10ms at least"));
  EXPECT_THAT(refused({"--loop", "never"}), HasSubstr("not a duration"));
  EXPECT_THAT(refused({"--keep", "3"}), HasSubstr("add --continuous"));
  EXPECT_THAT(refused({"--continuous", "--keep", "many"}), HasSubstr("neither files"));
  EXPECT_THAT(refused({"--max-memory", "much"}), HasSubstr("not a size"));
  if (no_bpf()) return;
  EXPECT_THAT(refused({"--continuous", "-f", "out.html"}), HasSubstr("replace the last one"));
  EXPECT_THAT(refused({"--continuous", "-f", "%n/out.html"}), HasSubstr("last part"));
  EXPECT_THAT(refused({"--continuous", "--max-memory", "20M"}), HasSubstr("are needed for"));
}

}  // namespace
}  // namespace jtrace::test
