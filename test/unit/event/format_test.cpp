// SPDX-License-Identifier: Apache-2.0
#include "event/format.h"

#include <gmock/gmock.h>

#include <random>

#include "unit/event/tracefs_fixture.h"

namespace jtrace::event {
namespace {

using ::testing::ElementsAre;

// As Linux 6.18 has them, print fmt cut short.
constexpr std::string_view kOpenat = R"format(name: sys_enter_openat
ID: 782
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:int __syscall_nr;	offset:8;	size:4;	signed:1;
	field:int dfd;	offset:16;	size:8;	signed:0;
	field:const char * filename;	offset:24;	size:8;	signed:0;
	field:int flags;	offset:32;	size:8;	signed:0;
	field:umode_t mode;	offset:40;	size:8;	signed:0;

print fmt: "dfd: 0x%08lx, filename: 0x%08lx, flags: 0x%08lx, mode: 0x%"
)format";

constexpr std::string_view kSchedSwitch = R"format(name: sched_switch
ID: 372
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:char prev_comm[16];	offset:8;	size:16;	signed:0;
	field:pid_t prev_pid;	offset:24;	size:4;	signed:1;
	field:int prev_prio;	offset:28;	size:4;	signed:1;
	field:long prev_state;	offset:32;	size:8;	signed:1;
	field:char next_comm[16];	offset:40;	size:16;	signed:0;
	field:pid_t next_pid;	offset:56;	size:4;	signed:1;
	field:int next_prio;	offset:60;	size:4;	signed:1;

print fmt: "prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s%s ==> "
)format";

constexpr std::string_view kBlockIssue = R"format(name: block_rq_issue
ID: 2104
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:dev_t dev;	offset:8;	size:4;	signed:0;
	field:sector_t sector;	offset:16;	size:8;	signed:0;
	field:unsigned int nr_sector;	offset:24;	size:4;	signed:0;
	field:unsigned int bytes;	offset:28;	size:4;	signed:0;
	field:unsigned short ioprio;	offset:32;	size:2;	signed:0;
	field:char rwbs[10];	offset:34;	size:10;	signed:0;
	field:char comm[16];	offset:44;	size:16;	signed:0;
	field:__data_loc char[] cmd;	offset:60;	size:4;	signed:0;

print fmt: "%d,%d %s %u (%s) %llu + %u %s,%u,%u [%s]", ((unsigned int)"
)format";

std::vector<std::string> shown(const Format& format) {
  std::vector<std::string> lines;
  for (const Field& field : format.fields) {
    if (!field.common) lines.push_back(field.type + " " + field.name);
  }
  return lines;
}

TEST(Format, readsASystemCall) {
  const Format format = parse_format(kOpenat);
  EXPECT_EQ(format.name, "sys_enter_openat");
  EXPECT_EQ(format.id, 782U);
  EXPECT_EQ(format.skipped, 0U);
  EXPECT_THAT(shown(format), ElementsAre("int __syscall_nr", "int dfd", "const char * filename",
                                         "int flags", "umode_t mode"));
  const Field* filename = format.find("filename");
  ASSERT_NE(filename, nullptr);
  EXPECT_EQ(*filename, (Field{.type = "const char *",
                              .name = "filename",
                              .offset = 24,
                              .size = 8,
                              .is_signed = false,
                              .shape = Field::Shape::Pointer,
                              .elements = 1,
                              .common = false}));
  ASSERT_NE(format.find("common_pid"), nullptr);
  EXPECT_TRUE(format.find("common_pid")->common);
  EXPECT_TRUE(format.find("common_pid")->is_signed);
  EXPECT_EQ(format.find("nothing"), nullptr);
}

TEST(Format, readsArraysAndWhatComesBehindTheRecord) {
  const Format format = parse_format(kSchedSwitch);
  const Field* comm = format.find("next_comm");
  ASSERT_NE(comm, nullptr);
  EXPECT_EQ(comm->type, "char[16]");
  EXPECT_EQ(comm->shape, Field::Shape::Array);
  EXPECT_EQ(comm->elements, 16U);
  const Format block = parse_format(kBlockIssue);
  const Field* command = block.find("cmd");
  ASSERT_NE(command, nullptr);
  EXPECT_EQ(command->type, "char[]");
  EXPECT_EQ(command->shape, Field::Shape::DataLoc);
  EXPECT_EQ(command->elements, 0U);
  EXPECT_EQ(block.skipped, 0U);
}

TEST(Format, readsOddDeclarations) {
  const Format format = parse_format(
      "\tfield:char comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:1;\n"
      "\tfield:__rel_loc u64[] vals;\toffset:24;\tsize:4;\tsigned:0;\n"
      "\tfield:__data_loc cpumask_t *[] cpus;\toffset:28;\tsize:4;\tsigned:0;\n"
      "\tfield:unsigned long caller[];\toffset:32;\tsize:0;\tsigned:0;\n"
      "\tfield:const char *const * argv;\toffset:40;\tsize:8;\tsigned:0;\n"
      "\tfield:u32 old;\toffset:48;\tsize:4;\n");
  EXPECT_THAT(shown(format),
              ElementsAre("char[] comm", "u64[] vals", "cpumask_t *[] cpus",
                          "unsigned long[] caller", "const char *const * argv", "u32 old"));
  EXPECT_EQ(format.find("vals")->shape, Field::Shape::RelLoc);
  EXPECT_EQ(format.find("argv")->shape, Field::Shape::Pointer);
  EXPECT_EQ(format.skipped, 0U);
}

TEST(Format, skipsWhatItDoesNotUnderstand) {
  const Format format = parse_format(
      "\tfield:;\toffset:0;\tsize:4;\tsigned:0;\n"
      "\tfield:int;\toffset:0;\tsize:4;\tsigned:0;\n"
      "\tfield:int a]; offset:0; size:4; signed:0;\n"
      "\tfield:int 3a; offset:0; size:4; signed:0;\n"
      "\tfield:int far; offset:70000; size:4; signed:0;\n"
      "\tfield:int huge; offset:0; size:4294967295; signed:0;\n"
      "\tfield:int minus; offset:-1; size:4; signed:0;\n"
      "\tfield:int open; offset:0; size:4\n"
      "\tfield:__data_loc char[] wide; offset:0; size:8; signed:0;\n"
      "\tfield:in\x1bt esc; offset:0; size:4; signed:0;\n"
      "\tfield:int twice; offset:0; size:4; signed:0;\n"
      "\tfield:long twice; offset:8; size:8; signed:0;\n");
  EXPECT_THAT(shown(format), ElementsAre("int twice"));
  EXPECT_EQ(format.skipped, 11U);
}

TEST(Format, printFmtIsTheEnd) {
  const Format format =
      parse_format("name: x\nprint fmt: \"a\n\tfield:int forged;\toffset:0;\tsize:4;\tsigned:0;\n");
  EXPECT_TRUE(format.fields.empty());
  EXPECT_EQ(format.skipped, 0U);
}

TEST(Format, neverTakesMoreFieldsThanARecordMayHave) {
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    text += "\tfield:int f" + std::to_string(i) + ";\toffset:0;\tsize:4;\tsigned:0;\n";
  }
  const Format format = parse_format(text);
  EXPECT_EQ(format.fields.size(), 256U);
  EXPECT_EQ(format.skipped, 4744U);
}

TEST(Format, survivesDamage) {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(kSchedSwitch);
    for (int i = 0; i < 4; ++i) text[random() % text.size()] = static_cast<char>(random());
    text.resize(random() % text.size());
    for (const Field& field : parse_format(text).fields) {
      ASSERT_FALSE(field.name.empty());
      ASSERT_LE(field.offset, 64U << 10);
    }
  }
}

class FormatFile : public TracefsFixture {};

TEST_F(FormatFile, isReadThroughTheDirectory) {
  add_usual();
  std::ofstream(events() / "syscalls/sys_enter_openat/format") << kOpenat;
  const auto tracefs = Tracefs::open(root_);
  ASSERT_TRUE(tracefs);
  const auto format = read_format(*tracefs, {782, "syscalls", "sys_enter_openat"});
  ASSERT_TRUE(format) << format.error().message;
  EXPECT_EQ(format->fields.size(), 9U);
  const auto none = read_format(*tracefs, {300, "sched", "sched_switch"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "tracefs is not readable: events/sched/sched_switch/format: No such file or directory");
}

}  // namespace
}  // namespace jtrace::event
