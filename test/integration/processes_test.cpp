// SPDX-License-Identifier: Apache-2.0
// Every process of the host in windows: those that live for 50 ms have all their events, whole
// stacks, and labels that say who they were.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "integration/support/jdks.h"
#include "integration/support/refusals.h"
#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

using nlohmann::json;

struct Process {
  std::uint64_t printed = 0;  // by itself
  std::uint64_t counted = 0;  // through the function that it names
  std::uint64_t events = 0;
  std::uint64_t partial = 0;
  std::set<int> windows;
  std::set<std::string> comms, mains, starts;
};

using ByPid = std::map<std::int64_t, Process>;

// "opens N" of each, and who it was.
ByPid told(const std::string& output) {
  ByPid all;
  std::istringstream in(output);
  std::uint64_t opens = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("opens ")) opens = std::stoull(line.substr(6));
    if (line.starts_with("process ")) all[std::stoll(line.substr(8))].printed = opens;
  }
  return all;
}

void add_stack(const json& profile, const json& stack, const std::string& function, int window,
               Process& process) {
  bool through = false;
  bool whole = true;
  for (const json& index : stack["frames"]) {
    const json& frame = profile["frames"][index.get<std::size_t>()];
    const std::string kind = frame["kind"];
    through = through || frame["name"].get<std::string>().starts_with(function);
    // Debian's java is stripped: its own frames have addresses.
    whole = whole && kind != "marker";
  }
  const auto count = stack["values"][0].get<std::uint64_t>();
  process.events += count;
  if (through) process.counted += count;
  if (!whole) process.partial += count;
  process.windows.insert(window);
  const json labels = stack.value("labels", json::object());
  process.comms.insert(labels.value("comm", ""));
  process.mains.insert(labels.value("main", ""));
  process.starts.insert(labels.value("start", ""));
}

// Each file is a window.
void add_windows(const std::filesystem::path& folder, const std::string& function, ByPid& all) {
  int window = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto text = read_text(entry.path());
    ASSERT_TRUE(text);
    const json profile = json::parse(*text, nullptr, false);
    ASSERT_TRUE(profile.is_object()) << entry.path();
    for (const json& stack : profile["stacks"]) {
      const auto process =
          all.find(stack.value("labels", json::object()).value("pid", std::int64_t{0}));
      if (process != all.end()) add_stack(profile, stack, function, window, process->second);
    }
    ++window;
  }
}

struct Life {
  std::vector<std::string> command;
  int times;
  std::string window;
  std::string function;
};

// `target` is what they are, one after the other.
ByPid run(const Life& life) {
  const TemporaryDirectory folder;
  std::vector<std::string> parent{built("truth_parent"), std::to_string(life.times)};
  parent.insert(parent.end(), life.command.begin(), life.command.end());
  ByPid all;
  auto target = start_ready(parent);
  auto jtrace = start_jtrace({"-t", "syscalls:sys_enter_openat", "-a", "--max-overhead", "off",
                              "--continuous", "--loop", life.window, "-f",
                              (folder.path() / "w-%n.json").string()});
  EXPECT_TRUE(target && jtrace);
  if (!target || !jtrace) return all;
  EXPECT_TRUE(target->send("\n"));
  const auto over = [](const Child& c) { return c.out().find("over\n") != std::string::npos; };
  EXPECT_TRUE(target->wait_until("end of its work", over, kPatience)) << target->err();
  EXPECT_TRUE(jtrace->signal(SIGTERM));
  const auto status = jtrace->wait_exit(kPatience);
  EXPECT_EQ(status.value_or(-1), 0) << jtrace->err();
  all = told(target->out());
  EXPECT_EQ(all.size(), static_cast<std::size_t>(life.times)) << target->out();
  add_windows(folder.path(), life.function, all);
  return all;
}

void print_sums(const ByPid& all) {
  Process sum;
  std::size_t straddling = 0;
  for (const auto& [pid, process] : all) {
    sum.printed += process.printed;
    sum.counted += process.counted;
    sum.events += process.events;
    sum.partial += process.partial;
    straddling += process.windows.size() > 1 ? 1 : 0;
  }
  std::printf(
      "%zu processes, %lu opens told, %lu counted; %lu events, %lu partial; %zu in two windows\n",
      all.size(), sum.printed, sum.counted, sum.events, sum.partial, straddling);
}

TEST(Processes, thatLiveFor50MillisecondsAreWhole) {
  JT_NEEDS("bpf", no_bpf());
  const ByPid all = run({.command = {built("truth_brief"), "50"},
                         .times = 100,
                         .window = "1s",
                         .function = "brief_open"});
  std::size_t straddling = 0;
  for (const auto& [pid, process] : all) {
    EXPECT_EQ(process.counted, process.printed) << pid;
    EXPECT_GT(process.events, process.counted) << pid << ": what its loader opened, too";
    EXPECT_EQ(process.partial, 0U) << pid;
    EXPECT_THAT(process.comms, testing::ElementsAre("truth_brief")) << pid;
    EXPECT_THAT(process.mains, testing::ElementsAre("")) << pid;
    EXPECT_EQ(process.starts.size(), process.windows.empty() ? 0U : 1U) << pid;
    straddling += process.windows.size() > 1 ? 1 : 0;
  }
  EXPECT_GE(straddling, 1U);
  print_sums(all);
}

TEST(Processes, javaThatLivesForMomentsIsWhole) {
  JT_NEEDS("bpf", no_bpf());
  JT_NEEDS("java", no_jdk());
  const ByPid all = run({.command = {jdk() / "bin/java", "-Xmx64m", "-XX:+UseSerialGC", "-cp",
                                     built("classes"), "truth.ShortLived", "100", "now", "100"},
                         .times = 15,
                         .window = "200ms",
                         .function = "truth/ShortLived.depth"});
  std::size_t straddling = 0;
  // They stay for 100 ms behind the last open, as in java_targets_test.
  for (const auto& [pid, process] : all) {
    EXPECT_GT(process.printed, 20U) << pid;
    EXPECT_EQ(process.counted, process.printed) << pid;
    EXPECT_LE(process.partial * 1000, process.events) << pid;
    EXPECT_THAT(process.comms, testing::ElementsAre("java")) << pid;
    EXPECT_THAT(process.mains, testing::ElementsAre("truth.ShortLived")) << pid;
    straddling += process.windows.size() > 1 ? 1 : 0;
  }
  EXPECT_GE(straddling, 1U);
  print_sums(all);
}

// The data of the page: what each of several processes did is told apart in its rows.
std::map<std::string, std::uint64_t> page_sums(const std::string& page) {
  constexpr std::string_view kOpen = R"(<script type="application/json" id="profile">)";
  std::map<std::string, std::uint64_t> sums;
  const std::size_t begin = page.find(kOpen);
  EXPECT_NE(begin, std::string::npos);
  const std::string text = page.substr(begin + kOpen.size());
  const json data = json::parse(text.substr(0, text.find("</script>")), nullptr, false);
  EXPECT_TRUE(data.is_object());
  for (std::size_t at = 0; data.is_object() && at < data["facets"].size(); ++at) {
    if (data["facets"][at]["name"] != "pid") continue;
    const json& column = data["rows"]["facets"][at];
    for (std::size_t row = 0; row < column.size(); ++row) {
      const auto index = column[row].get<std::int32_t>();
      const json& values = data["facets"][at]["values"];
      sums[index < 0 ? "" : values[static_cast<std::size_t>(index)].get<std::string>()] +=
          data["rows"]["values"][0][row].get<std::uint64_t>();
    }
  }
  return sums;
}

// Three that open as fast as they can, each told of by its own number; `words` say where to.
struct Steady {
  std::map<std::string, std::uint64_t> told;  // opens, by pid
  std::string log;
};

Result<Steady> trace_steady(std::vector<std::string> words) {
  std::vector<Child> targets;
  words.insert(words.begin(), {"-t", "syscalls:sys_enter_openat", "--max-overhead", "off"});
  for (int i = 0; i < 3; ++i) {
    JT_TRY(Child target, start_ready({built("truth_steady"), "600", "1"}));
    words.insert(words.end(), {"-p", std::to_string(target.pid())});
    targets.push_back(std::move(target));
  }
  JT_TRY(Child jtrace, start_jtrace(words));
  Steady steady;
  for (Child& target : targets) JT_CHECK_OK(target.send("\n"));
  for (Child& target : targets) {
    const auto over = [](const Child& c) { return c.out().find("over\n") != std::string::npos; };
    JT_CHECK_OK(target.wait_until("end of its work", over, kPatience));
    JT_CHECK_OK(target.send("\n"));
    std::istringstream in(target.out());
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("open_")) continue;
      steady.told[std::to_string(target.pid())] += std::stoull(line.substr(line.find(' ')));
    }
  }
  JT_TRY(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  steady.log = jtrace.err();
  return steady;
}

TEST(Processes, areApartOnThePage) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  const std::string file = (folder.path() / "page.html").string();
  JT_ASSERT_OK(const Steady steady, trace_steady({"-f", file}));
  JT_ASSERT_OK(const std::string page, read_text(file));
  EXPECT_EQ(page_sums(page), steady.told);
}

struct ProcessFile {
  std::string process;  // what %p became
  std::string window;
  std::uint64_t events = 0;
};

// Of names like "WINDOW-PROCESS.json".
std::vector<ProcessFile> process_files(const std::filesystem::path& folder) {
  std::vector<ProcessFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().stem().string();
    const auto text = read_text(entry.path());
    const json profile = json::parse(text.value_or(""), nullptr, false);
    EXPECT_TRUE(profile.is_object()) << entry.path();
    if (!profile.is_object()) continue;
    ProcessFile& file = files.emplace_back();
    file.process = name.substr(name.rfind('-') + 1);
    file.window = name.substr(0, name.rfind('-'));
    for (const json& stack : profile["stacks"]) file.events += stack["values"][0].get<int>();
  }
  return files;
}

TEST(Processes, haveTheirFiles) {
  JT_NEEDS("bpf", no_bpf());
  for (const bool windows : {false, true}) {
    const TemporaryDirectory folder;
    std::vector<std::string> words{"-f", (folder.path() / "w%n-%p.json").string()};
    if (windows) words.insert(words.end(), {"--continuous", "--loop", "50ms", "--keep", "1000"});
    JT_ASSERT_OK(const Steady steady, trace_steady(words));
    std::map<std::string, std::uint64_t> counted;
    std::set<std::string> seen;
    for (const ProcessFile& file : process_files(folder.path())) {
      seen.insert(file.window);
      // Where none of them did anything.
      if (file.process == "rest") {
        EXPECT_EQ(file.events, 0U) << file.window;
      } else {
        counted[file.process] += file.events;
      }
    }
    EXPECT_EQ(counted, steady.told);
    EXPECT_GE(seen.size(), windows ? 3U : 1U);
    EXPECT_THAT(steady.log, testing::ContainsRegex("wrote .*/w0-[0-9]+\\.json"));
  }
}

// --keep counts windows, however many processes there are in each.
TEST(Processes, filesStayByWindows) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  JT_ASSERT_OK(const Steady steady,
               trace_steady({"-f", (folder.path() / "w%n-%p.json").string(), "--continuous",
                             "--loop", "20ms", "--keep", "2"}));
  std::set<std::string> windows;
  for (const ProcessFile& file : process_files(folder.path())) windows.insert(file.window);
  EXPECT_EQ(windows.size(), 2U);
}

TEST(Processes, beyond64HaveOneFileTogether) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  JT_ASSERT_OK(Child target, start_ready({built("truth_parent"), "80", built("truth_brief"), "3"}));
  JT_ASSERT_OK(Child jtrace, start_jtrace({"-t", "syscalls:sys_enter_openat", "--max-overhead",
                                           "off", "--follow", "-p", std::to_string(target.pid()),
                                           "-f", (folder.path() / "w-%p.json").string()}));
  ASSERT_TRUE(target.send("\n"));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const int ended, target.wait_exit(kPatience));
  EXPECT_EQ(ended, 0);
  ByPid all = told(target.out());
  ASSERT_EQ(all.size(), 80U);
  std::set<std::string> names;
  for (const ProcessFile& file : process_files(folder.path())) names.insert(file.process);
  EXPECT_EQ(names.size(), 65U);
  EXPECT_TRUE(names.contains("rest"));
  for (const auto& name : names) {
    JT_ASSERT_OK(const std::string text, read_text(folder.path() / ("w-" + name + ".json")));
    const json profile = json::parse(text, nullptr, false);
    for (const json& stack : profile["stacks"]) {
      // A file of one process has no need of labels.
      const std::int64_t pid =
          name == "rest" ? stack.value("labels", json::object()).value("pid", std::int64_t{0})
                         : std::stoll(name);
      if (const auto process = all.find(pid); process != all.end()) {
        add_stack(profile, stack, "brief_open", 0, process->second);
      }
    }
  }
  for (const auto& [pid, process] : all) EXPECT_EQ(process.counted, process.printed) << pid;
  EXPECT_THAT(jtrace.err(), testing::HasSubstr("apart: the 64 processes that have most"));
}

}  // namespace
}  // namespace jtrace::test
