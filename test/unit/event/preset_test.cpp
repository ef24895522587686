// SPDX-License-Identifier: Apache-2.0
#include "event/preset.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "unit/event/tracefs_fixture.h"

namespace jtrace::event {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Presets : public TracefsFixture {
 protected:
  // A system call with these arguments.
  void call(const std::string& name, const std::vector<std::string>& arguments) {
    add("syscalls", "sys_enter_" + name, std::to_string(next_++) + "\n");
    std::ofstream file(events() / "syscalls" / ("sys_enter_" + name) / "format");
    file << "name: sys_enter_" << name << "\nID: 1\nformat:\n";
    int offset = 16;
    for (const std::string& argument : arguments) {
      file << "\tfield:" << argument << ";\toffset:" << offset << ";\tsize:8;\tsigned:0;\n";
      offset += 8;
    }
    file << "\nprint fmt: \"\"\n";
  }
  [[nodiscard]] Result<Expansion> expanded(const char* name) const {
    JT_TRY(const auto tracefs, Tracefs::open(root_));
    return expand(*find_preset(name), tracefs);
  }

  int next_ = 700;
};

TEST_F(Presets, takeWhatThisKernelHas) {
  call("openat", {"int dfd", "const char * filename", "int flags"});
  call("creat", {"const char * pathname"});
  const auto found = expanded("file-open");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_THAT(found->events, SizeIs(2));
  EXPECT_EQ(found->events[0].tracepoint.display(), "syscalls:sys_enter_openat");
  EXPECT_EQ(found->events[0].tracepoint.id, 700U);
  EXPECT_THAT(found->events[0].by, ElementsAre("filename"));
  EXPECT_THAT(found->events[1].by, ElementsAre("pathname"));
  EXPECT_EQ(found->events[1].weight, "count");
  EXPECT_THAT(found->absent, ElementsAre(TracepointName{"syscalls", "sys_enter_open"},
                                         TracepointName{"syscalls", "sys_enter_openat2"}));
}

TEST_F(Presets, weightsAreTheirRows) {
  call("mmap", {"unsigned long addr", "unsigned long len", "unsigned long prot"});
  call("madvise", {"unsigned long start", "size_t len", "int behavior"});
  call("brk", {"unsigned long brk"});
  call("read", {"unsigned int fd"});
  call("futex", {"u32 * uaddr", "int op"});
  const auto map = expanded("map");
  ASSERT_TRUE(map) << map.error().message;
  std::vector<std::string> said;
  for (const auto& one : map->events) said.push_back(one.tracepoint.name + " " + one.weight);
  EXPECT_THAT(said,
              ElementsAre("sys_enter_mmap len", "sys_enter_madvise len", "sys_enter_brk count"));
  EXPECT_EQ(expanded("file-io")->events.at(0).weight, "ret");
  EXPECT_EQ(expanded("lock-wait")->events.at(0).weight, "latency");
  EXPECT_THAT(expanded("lock-wait")->events.at(0).by, ElementsAre("op"));
  EXPECT_THAT(expanded("lock-wait")->events.at(0).filter, HasSubstr("(op & 127) == FUTEX_WAIT ||"));
  EXPECT_THAT(expanded("file-io")->events.at(0).filter, IsEmpty());
}

TEST_F(Presets, noneOfThemIsAnError) {
  add_usual();
  const auto found = expanded("file-sync");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::Usage);
  EXPECT_EQ(found.error().message, "this kernel has none of the tracepoints of preset:file-sync");
}

TEST_F(Presets, areResolvedAsEventsAre) {
  call("open", {"const char * filename"});
  call("openat", {"int dfd", "const char * filename"});
  const auto tracefs = Tracefs::open(root_);
  ASSERT_TRUE(tracefs);
  const auto found = resolve_events(
      {TracepointName{"syscalls", "sys_enter_openat"}, PresetName{"file-open"}}, &*tracefs, {});
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_THAT(*found, SizeIs(2));
  EXPECT_EQ(found->at(0).name, "sys_enter_openat");
  EXPECT_EQ(found->at(1).name, "sys_enter_open");
  const Error none{Errc::Environment, "no tracefs here", ""};
  const auto without = resolve_events({PresetName{"file-open"}}, nullptr, none);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().message, "no tracefs here");
}

TEST(PresetTable, namesEachTracepointOnce) {
  std::set<std::string_view> names;
  for (const Preset& one : presets()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_EQ(find_preset(one.name), &one);
    EXPECT_FALSE(one.explanation.empty());
    std::multiset<std::string> words;
    for (const PresetRow& row : one.rows) {
      std::string text(row.tracepoints);
      for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        words.insert(text.substr(at, end - at));
        at = end + 1;
      }
    }
    for (const std::string& word : words) EXPECT_EQ(words.count(word), 1U) << word;
  }
  EXPECT_EQ(find_preset("nothing"), nullptr);
}

TEST(PresetTable, suggestsNearNames) {
  EXPECT_THAT(no_such_preset("file-opn").error().hint, HasSubstr("preset:file-open"));
  EXPECT_EQ(no_such_preset("a\x1b[2J").error().message, "no such preset 'a?[2J'");
}

}  // namespace
}  // namespace jtrace::event
