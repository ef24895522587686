// SPDX-License-Identifier: Apache-2.0
// SIGHUP: what the configuration file says by then is taken over where it can be, and named where
// it cannot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "integration/support/refusals.h"
#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Reload : public testing::Test {
 protected:
  void SetUp() override { JT_NEEDS("bpf", no_bpf()); }

  // Only root may read it, as a configuration with addresses may be.
  void configure(const std::string& text) const {
    const fs::path fresh = folder_.path() / "new.toml";
    std::ofstream(fresh) << text;
    fs::permissions(fresh, fs::perms::owner_read | fs::perms::owner_write);
    fs::rename(fresh, file());
  }
  [[nodiscard]] std::string file() const { return folder_.path() / "service.toml"; }

  // A program that opens files as fast as it can, with so many threads, and jtrace with that file.
  void start(std::vector<std::string> words = {}, const std::string& threads = "1") {
    JT_ASSERT_OK(Child target, start_ready({built("truth_steady"), "100000", threads}));
    target_.emplace(std::move(target));
    words.insert(words.end(), {"--config", file(), "-t", "syscalls:sys_enter_openat", "-p",
                               std::to_string(target_->pid()), "--json", "-f",
                               (folder_.path() / "w-%n.json").string()});
    JT_ASSERT_OK(Child jtrace, start_jtrace(words));
    jtrace_.emplace(std::move(jtrace));
    ASSERT_TRUE(target_->send("\n"));
  }
  // Has it read the file again, which ends a window; what it says of that.
  std::string reload() {
    const std::size_t before = jtrace_->err().size();
    const std::string line = "window " + std::to_string(windows_) + ":";
    EXPECT_TRUE(jtrace_->signal(SIGHUP));
    wait_for(line);
    ++windows_;
    return jtrace_->err().substr(before);
  }
  void wait_for(const std::string& text) {
    const auto said = jtrace_->wait_until(
        text, [&](const Child& c) { return c.err().find(text) != std::string::npos; }, kPatience);
    EXPECT_TRUE(said) << said.error().message;
  }
  // A window of some length in which nothing changes.
  json next_window() {
    reload();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    reload();
    const auto text = read_text(folder_.path() / ("w-" + std::to_string(windows_ - 1) + ".json"));
    EXPECT_TRUE(text) << text.error().message;
    return json::parse(text.value_or("{}"), nullptr, false);
  }
  void end() {
    ASSERT_TRUE(jtrace_->signal(SIGTERM));
    JT_ASSERT_OK(const int status, jtrace_->wait_exit(kPatience));
    EXPECT_EQ(status, 0) << jtrace_->err();
  }
  [[nodiscard]] std::vector<std::string> profiles() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      if (entry.path().extension() == ".json") names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }

  const TemporaryDirectory folder_;
  std::optional<Child> target_, jtrace_;
  int windows_ = 0;  // that have ended
};

std::uint64_t in_ledger(const json& window, const std::string& name) {
  for (const json& line : window["ledger"]["lines"]) {
    if (line["name"] == name) return line["count"];
  }
  ADD_FAILURE() << name << " is not in " << window["ledger"].dump(2);
  return 0;
}

TEST_F(Reload, takesOverHowLongWindowsAreAndHowManyStay) {
  // So many events would be more than windows may take by themselves.
  const std::string kFast = "max-overhead = \"off\"\n";
  configure(kFast + "loop = \"1h\"\nkeep = \"100\"\n");
  start();
  EXPECT_THAT(reload(), HasSubstr(file() + " was read again: nothing has changed"));
  reload();
  EXPECT_THAT(profiles(), ElementsAre("w-0.json", "w-1.json"));
  configure(kFast + "loop = \"1h\"\nkeep = \"2\"\n");
  EXPECT_THAT(reload(), HasSubstr(file() + " was read again, now in force: keep = 2\n"));
  EXPECT_THAT(profiles(), ElementsAre("w-1.json", "w-2.json"));
  configure(kFast + "loop = \"200ms\"\n");
  EXPECT_THAT(reload(), HasSubstr("now in force: loop = \"200ms\", keep is not set\n"));
  wait_for("window 8:");  // nobody asks for them
  end();
  EXPECT_GE(profiles().size(), 7U);
}

TEST_F(Reload, takesOverWhatTracingMayTake) {
  configure("loop = \"1h\"\nmax-overhead = \"80%\"\nmax-rate = 100000\n");
  start();
  const auto seconds = [](const json& window) {
    return window["header"]["duration_nanos"].get<double>() / 1e9;
  };
  const auto per_second = [&](const json& window, const std::string& name) {
    return static_cast<double>(in_ledger(window, name)) / seconds(window);
  };
  const json first = next_window();
  EXPECT_GT(per_second(first, "kept"), 1000) << first["comments"].dump();
  EXPECT_THAT(first["comments"].dump(), HasSubstr("--max-overhead 80%, --max-rate 100000)"));

  configure("loop = \"1h\"\nmax-overhead = \"80%\"\nmax-rate = 200\n");
  EXPECT_THAT(reload(), HasSubstr("now in force: max-rate = 200\n"));
  const json capped = next_window();
  EXPECT_LT(per_second(capped, "kept"), 300);
  EXPECT_THAT(capped["comments"].dump(), HasSubstr("--max-overhead 80%, --max-rate 200)"));

  configure("loop = \"1h\"\nmax-overhead = \"10%\"\n");
  EXPECT_THAT(reload(), HasSubstr("now in force: max-overhead = \"10%\", max-rate = \"off\"\n"));
  const json bounded = next_window();
  EXPECT_EQ(in_ledger(bounded, "rate limited"), 0U);
  EXPECT_THAT(bounded["comments"].dump(), HasSubstr("--max-overhead 10%)"));
  EXPECT_LT(per_second(bounded, "microseconds in BPF programs"), 200'000);

  configure("loop = \"1h\"\nmax-overhead = \"off\"\n");
  reload();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // several of the governor's steps
  const json all = next_window();
  EXPECT_EQ(in_ledger(all, "1 event was kept in, at most"), 1U);
  EXPECT_GT(per_second(all, "kept"), 0.9 * per_second(all, "fired"));
  EXPECT_THAT(all["comments"].dump(), HasSubstr("every event was kept (--max-overhead off)"));
  for (const json* window : {&first, &capped, &bounded, &all}) {
    EXPECT_TRUE((*window)["ledger"]["balanced"].get<bool>()) << (*window)["ledger"].dump(2);
  }
  end();
}

// The limit that windows have by themselves goes no sooner than they do.
TEST_F(Reload, keepsTheLimitOfWindowsThatStay) {
  configure("loop = \"1h\"\n");
  start({}, "0");
  configure("quiet = false\n");
  EXPECT_THAT(reload(), HasSubstr("takes effect after a restart: --loop"));
  EXPECT_THAT(next_window()["comments"].dump(), HasSubstr("--max-overhead 1%)"));
  end();
}

TEST_F(Reload, takesOverHowMuchIsSaid) {
  configure("loop = \"1h\"\n");
  start({}, "0");
  configure("loop = \"1h\"\nquiet = true\n");
  EXPECT_TRUE(jtrace_->signal(SIGHUP));
  wait_for("now in force: quiet = true");  // the last that is said
  EXPECT_TRUE(jtrace_->signal(SIGHUP));
  configure("loop = \"100ms\"\nquiet = true\n");
  EXPECT_TRUE(jtrace_->signal(SIGHUP));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_THAT(jtrace_->err(), Not(HasSubstr("window 1:")));
  configure("loop = \"1h\"\nverbose = true\n");
  EXPECT_TRUE(jtrace_->signal(SIGHUP));
  wait_for("verbose = true, quiet = false");
  end();
  EXPECT_THAT(jtrace_->err(), HasSubstr("1 process, 0 JVMs of them, 1 at a time"));
}

TEST_F(Reload, namesWhatTakesARestart) {
  configure("loop = \"1h\"\nmax-memory = \"300M\"\nkeep = \"5\"\n");
  start({"--keep", "4", "--max-depth", "100"}, "0");
  configure(
      "loop = \"1h\"\nmax-memory = \"200M\"\nmax-rate = 10\nexclude = [\"x\"]\nkeep = \"1\"\n"
      "max-depth = 50\ntracepoint = [\"a:b\"]\nverbose = false\n");
  const std::string line = "jtrace: changed in " + file() +
                           ": takes effect after a restart: --max-rate, -X, --max-memory\n";
  // Until it is restarted; what the command line has stays, whatever the file says.
  for (int i = 0; i < 2; ++i) {
    const std::string said = reload();
    EXPECT_THAT(said, HasSubstr(line));
    EXPECT_THAT(said, Not(HasSubstr("in force")));
  }
  reload();
  reload();
  EXPECT_EQ(profiles().size(), 4U);
  end();
  EXPECT_THAT(jtrace_->err(), Not(HasSubstr("at a time")));
}

TEST_F(Reload, keepsWhatIsInForceWhereTheFileIsWrong) {
  configure("loop = \"300ms\"\n");
  start({}, "0");
  const auto refused = [&](const std::string& why) {
    EXPECT_TRUE(jtrace_->signal(SIGHUP));
    wait_for("jtrace: the configuration was not read again, what is in force stays: " + why + "\n");
  };
  configure("loop = \"never\"\n");
  refused(file() + ":1: loop 'never': not a duration; a duration is e.g. 30, 30s, 5m, 1h or 500ms");
  configure("lop = \"1h\"\nquiet = 3\n");
  refused(file() + ":1: unknown key 'lop'; did you mean loop?; " + file() +
          ":2: quiet is true or false; see jtrace --help");
  fs::remove(file());
  refused("--config: read " + file() + ": No such file or directory; see jtrace --help");
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  refused(file() + ": no regular file, which could be read again; start jtrace with a --config " +
          "FILE that is one");
  const std::string next = "window " + std::to_string(profiles().size() + 3) + ":";
  wait_for(next);  // of 300 ms still
  end();
}

}  // namespace
}  // namespace jtrace::test
