// SPDX-License-Identifier: Apache-2.0
// Programs that are made, run and deleted for as long as jtrace runs: their unwind rows, all
// together, are more than there is room for.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::uint64_t in_ledger(const json& window, const std::string& name) {
  std::uint64_t sum = 0;
  for (const json& line : window["ledger"]) {
    if (line["name"] == name && line["count"].is_number())
      sum += line["count"].get<std::uint64_t>();
  }
  return sum;
}

// Of what the guests did through their libraries, whose frames need their rows.
struct Seen {
  std::uint64_t kept = 0, complete = 0, through = 0, to_main = 0;
};

Result<Seen> seen_in(const std::string& lines) {
  Seen seen;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    const json window = json::parse(line, nullptr, false);
    if (window.is_discarded()) return fail(Errc::Internal, "not JSON: " + line);
    seen.kept += in_ledger(window, "kept");
    seen.complete += in_ledger(window, "complete");
    JT_TRY(const std::string text, read_text(window["files"][0]["path"].get<std::string>()));
    JT_TRY(const std::vector<Stack> stacks, parse_collapsed(text));
    for (const Stack& stack : stacks) {
      const auto has = [&](std::string_view name) {
        return std::ranges::find(stack.frames, name, &Frame::name) != stack.frames.end();
      };
      if (!has("guest_open")) continue;
      seen.through += stack.count;
      if (has("wide_back") && has("main")) seen.to_main += stack.count;
    }
  }
  return seen;
}

std::vector<std::string> words(const TemporaryDirectory& folder) {
  // Room for 2 097 152 rows; a library has 300 000.
  return {"-t",
          "syscalls:sys_enter_openat",
          "--comm",
          "truth_guest",
          "--loop",
          "200ms",
          "--max-memory",
          "128M",
          "--max-overhead",
          "off",
          "--json",
          "-f",
          (folder.path() / "w-%n.collapsed").string()};
}

constexpr int kOpens = 50;
constexpr std::chrono::milliseconds kWhile{500};

// With a library of its own, which is there only as long as it runs.
class Guest {
 public:
  Guest(const TemporaryDirectory& folder, int number)
      : library_(folder.path() / ("libwide-" + std::to_string(number) + ".so")) {
    fs::copy_file(built("libtruth_wide_rows.so"), library_);
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() { fs::remove(library_); }

  // Until it has done what it does; it is there until end().
  [[nodiscard]] Status work() {
    JT_TRY(Child child, start_ready({built("truth_guest"), library_, std::to_string(kOpens)}));
    child_.emplace(std::move(child));
    return work_on("\n", "over\n");
  }
  [[nodiscard]] Status work_again() { return work_on("a", "over\nover\n"); }
  [[nodiscard]] Result<int> end() {
    JT_CHECK_OK(child_->send("\n"));
    return child_->wait_exit(kPatience);
  }

 private:
  [[nodiscard]] Status work_on(std::string_view word, const std::string& answer) {
    JT_CHECK_OK(child_->send(word));
    const auto over = [&](const Child& c) { return c.out().find(answer) != std::string::npos; };
    JT_CHECK_OK(child_->wait_until("end of its work", over, kPatience));
    // Its last stacks are walked.
    std::this_thread::sleep_for(kWhile);
    return {};
  }

  fs::path library_;
  std::optional<Child> child_;
};

TEST(Rows, areReusedWhereProgramsComeAndGo) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  constexpr int kGuests = 16;
  JT_ASSERT_OK(Child jtrace, start_jtrace(words(folder)));
  for (int i = 0; i < kGuests; ++i) {
    Guest guest(folder, i);
    ASSERT_TRUE(guest.work());
    JT_ASSERT_OK(const int status, guest.end());
    EXPECT_EQ(status, 0);
    std::this_thread::sleep_for(kWhile);  // a window or two
    jtrace.gather();                      // a pipe holds the lines of some 60 windows
  }
  ASSERT_TRUE(jtrace.signal(SIGTERM));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const Seen seen, seen_in(jtrace.out()));
  std::printf("kept %lu, complete %lu; %lu through libraries of %d guests, %lu to main\n",
              seen.kept, seen.complete, seen.through, kGuests, seen.to_main);
  EXPECT_EQ(seen.through, std::uint64_t{kGuests} * kOpens);
  EXPECT_EQ(seen.to_main, seen.through) << jtrace.err();
  EXPECT_EQ(seen.complete, seen.kept) << jtrace.out();
}

// More than there is room for at the same time: stacks through the last ones are partial, and say
// so, and whole again when the first ones are gone, also of one that was there all the time.
TEST(Rows, areThereAgainWhenThereIsRoom) {
  JT_NEEDS("bpf", no_bpf());
  const TemporaryDirectory folder;
  constexpr int kGuests = 7;
  JT_ASSERT_OK(Child jtrace, start_jtrace(words(folder)));
  Guest stays(folder, kGuests + 1);
  {
    std::vector<std::unique_ptr<Guest>> guests;
    for (int i = 0; i < kGuests; ++i) {
      guests.push_back(std::make_unique<Guest>(folder, i));
      ASSERT_TRUE(guests.back()->work());
    }
    ASSERT_TRUE(stays.work());
    for (const auto& guest : guests) EXPECT_EQ(guest->end(), 0);
  }
  // A process is remembered for a second, a file for two windows.
  std::this_thread::sleep_for(std::chrono::seconds(2));
  Guest last(folder, kGuests);
  ASSERT_TRUE(last.work());
  EXPECT_EQ(last.end(), 0);
  ASSERT_TRUE(stays.work_again());
  EXPECT_EQ(stays.end(), 0);
  ASSERT_TRUE(jtrace.signal(SIGTERM));
  JT_ASSERT_OK(const int status, jtrace.wait_exit(kPatience));
  EXPECT_EQ(status, 0) << jtrace.err();
  JT_ASSERT_OK(const Seen seen, seen_in(jtrace.out()));
  // Six have room, the seventh may, the last one, and the one that stays at its second time.
  constexpr std::uint64_t kWhole = 8;
  EXPECT_GE(seen.to_main, kWhole * kOpens) << jtrace.err();
  EXPECT_LE(seen.to_main, (kWhole + 1) * kOpens);
  EXPECT_LT(seen.complete, seen.kept);
  EXPECT_GE(seen.kept, std::uint64_t{kGuests + 3} * kOpens);
}

}  // namespace
}  // namespace jtrace::test
