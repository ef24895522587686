// SPDX-License-Identifier: Apache-2.0
#include "session/list.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "unit/event/tracefs_fixture.h"

namespace jtrace::session {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class List : public event::TracefsFixture {
 protected:
  void SetUp() override {
    TracefsFixture::SetUp();
    add_usual();
    for (const auto& category : std::filesystem::directory_iterator(events())) {
      if (!category.is_directory()) continue;
      for (const auto& one : std::filesystem::directory_iterator(category)) {
        if (!one.is_directory()) continue;
        std::ofstream(one.path() / "format")
            << "name: x\nID: 1\nformat:\n"
               "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
               "\tfield:const char * filename;\toffset:24;\tsize:8;\tsigned:0;\n"
               "\tfield:long ret;\toffset:16;\tsize:8;\tsigned:1;\n\nprint fmt: \"\"\n";
      }
    }
  }
  [[nodiscard]] Result<std::string> list(const std::string& glob) const {
    cli::Options options = options_;
    options.glob = glob;
    JT_TRY(const auto tracefs, event::Tracefs::open(root_));
    return list_text(tracefs, options);
  }
  [[nodiscard]] std::string text(const std::string& glob) const {
    const auto found = list(glob);
    return found ? *found : "error: " + found.error().message;
  }
  cli::Options options_;
};

TEST_F(List, alignsNamesAndIds) {
  EXPECT_EQ(text("*:s*d_*"),
            "sched:sched_switch    300\n"
            "sched:sched_wakeup    301\n");
}

TEST_F(List, aWordAloneIsANameOrACategory) {
  EXPECT_EQ(text("sched"), text("sched:*"));
  EXPECT_EQ(text("sys_enter_open"), "syscalls:sys_enter_open    700\n");
  // Once each, though name and category match.
  const std::string found = text("s*");
  EXPECT_EQ(std::ranges::count(found, '\n'), 8);
}

TEST_F(List, showsFields) {
  options_.verbosity = 1;
  EXPECT_EQ(text("sched:sched_switch"),
            "sched:sched_switch    300\n"
            "    const char * filename  offset   24  size   8  unsigned\n"
            "    long ret               offset   16  size   8  signed\n");
}

TEST_F(List, explainsPresets) {
  EXPECT_EQ(text("preset:file-open"),
            "preset:file-open\n"
            "  files that are opened, by name; weight: count\n"
            "    syscalls:sys_enter_open              by filename\n"
            "    syscalls:sys_enter_openat            by filename\n"
            "    syscalls:sys_enter_openat2           by filename\n");
  options_.verbosity = 1;
  EXPECT_THAT(text("preset:file-o*"),
              HasSubstr("    not on this kernel: syscalls:sys_enter_creat\n"));
  options_.verbosity = 0;
  // Those that this kernel has nothing of, too.
  EXPECT_THAT(text("preset:"), HasSubstr("preset:lock-wait\n  time that threads wait in futex"));
  EXPECT_EQ(text("preset:"), text("preset:*"));
  EXPECT_EQ(text("preset:"), text("preset"));
  const auto none = list("preset:file-opn");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "no such preset 'file-opn'");
}

TEST_F(List, filtersOfPresets) {
  add("syscalls", "sys_enter_futex", "730\n");
  std::ofstream(events() / "syscalls/sys_enter_futex/format")
      << "name: x\nID: 1\nformat:\n"
         "\tfield:int op;\toffset:24;\tsize:8;\tsigned:0;\n\nprint fmt: \"\"\n";
  EXPECT_THAT(text("preset:lock-wait"), Not(HasSubstr("only with")));
  options_.verbosity = 1;
  EXPECT_THAT(text("preset:lock-wait"),
              HasSubstr("by op\n      only with: (op & 127) == FUTEX_WAIT || "));
  options_.json = true;
  const auto json = nlohmann::json::parse(text("preset:lock-wait"));
  EXPECT_THAT(json[0]["events"][0]["filter"].get<std::string>(),
              HasSubstr("(op & 127) == FUTEX_LOCK_PI2"));
}

TEST_F(List, presetsAreJson) {
  options_.json = true;
  const auto json = nlohmann::json::parse(text("preset:file-open"));
  ASSERT_EQ(json.size(), 1U);
  EXPECT_EQ(json[0]["preset"], "file-open");
  EXPECT_EQ(json[0]["weight"], "count");
  ASSERT_EQ(json[0]["events"].size(), 3U);
  EXPECT_EQ(json[0]["events"][1]["event"], "syscalls:sys_enter_openat");
  EXPECT_EQ(json[0]["events"][1]["by"][0], "filename");
  EXPECT_EQ(json[0]["absent"][0], "syscalls:sys_enter_creat");
}

TEST_F(List, isJson) {
  options_.json = true;
  auto json = nlohmann::json::parse(text("*"));
  ASSERT_EQ(json.size(), 8U);
  EXPECT_EQ(json[0]["event"], "raw_syscalls:sys_enter");
  EXPECT_EQ(json[0]["id"], 20);
  EXPECT_FALSE(json[0].contains("fields"));
  options_.verbosity = 1;
  json = nlohmann::json::parse(text("sched:sched_switch"));
  ASSERT_EQ(json[0]["fields"].size(), 3U);
  EXPECT_EQ(json[0]["fields"][0]["common"], true);
  EXPECT_EQ(json[0]["fields"][2]["signed"], true);
}

TEST_F(List, noMatchSuggestsNearNames) {
  const auto near = list("syscalls:sys_enter_opn*");
  ASSERT_FALSE(near);
  EXPECT_EQ(near.error().code, Errc::Usage);
  EXPECT_THAT(near.error().hint, HasSubstr("syscalls:sys_enter_open"));
  EXPECT_THAT(list("openat").error().hint, HasSubstr("syscalls:sys_enter_openat"));
  EXPECT_EQ(list("shced:*").error().message, "no such category 'shced'");
}

TEST_F(List, aFormatThatCannotBeReadIsNamed) {
  std::filesystem::remove(events() / "sched/sched_switch/format");
  options_.verbosity = 1;
  EXPECT_THAT(list("sched:*").error().message, HasSubstr("sched/sched_switch/format"));
}

}  // namespace
}  // namespace jtrace::session
