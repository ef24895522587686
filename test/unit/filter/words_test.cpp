// SPDX-License-Identifier: Apache-2.0
#include "filter/words.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <ranges>
#include <set>

#include "filter/constants.h"
#include "filter/word_tables.h"

namespace jtrace::filter {
namespace {

using event::Format;
using event::Tracepoint;

std::uint64_t bits(long number) { return static_cast<std::uint64_t>(number); }

// "int flags" of a system call, as tracefs describes it.
std::string said(const std::string& call, const std::string& declaration, std::uint64_t number) {
  const Format format = event::parse_format("name: sys_enter_" + call + "\n\tfield:" + declaration +
                                            ";\toffset:16;\tsize:8;\tsigned:0;\n");
  const Tracepoint tracepoint{1, "syscalls", "sys_enter_" + call};
  EXPECT_EQ(format.fields.size(), 1U);
  return text_of(vocabulary_of(tracepoint, &format, format.fields.at(0).name), number, false);
}

std::string result(const std::string& call, long number, const char* field = "ret") {
  const Format format = event::parse_format(
      "name: sys_exit_" + call + "\n\tfield:long ret;\toffset:16;\tsize:8;\tsigned:1;\n");
  return text_of(vocabulary_of({1, "syscalls", "sys_exit_" + call}, &format, field), bits(number),
                 true);
}

TEST(Words, flagsOfOpen) {
  EXPECT_EQ(said("openat", "int flags", O_RDONLY), "O_RDONLY");
  EXPECT_EQ(said("openat", "int flags", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC),
            "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC");
  EXPECT_EQ(said("open", "int flags", O_RDWR | O_SYNC), "O_RDWR|O_SYNC");
  EXPECT_EQ(said("open", "int flags", O_RDWR | O_DSYNC), "O_RDWR|O_DSYNC");
  EXPECT_EQ(said("openat", "int flags", O_RDWR | O_TMPFILE), "O_RDWR|O_TMPFILE");
  EXPECT_EQ(said("openat", "int flags", O_DIRECTORY), "O_RDONLY|O_DIRECTORY");
  // Both bits of the access mode are no mode, and this bit is nothing.
  EXPECT_EQ(said("openat", "int flags", 3 | O_CREAT | 0x40000000), "O_CREAT|0x40000003");
  // What an int's register holds besides.
  EXPECT_EQ(said("openat", "int flags", 0x7f00'0000'0001), "O_WRONLY");
}

TEST(Words, modesAreOctal) {
  EXPECT_EQ(said("openat", "umode_t mode", 0644), "0644");
  EXPECT_EQ(said("mkdir", "umode_t mode", 01777), "01777");
  EXPECT_EQ(said("openat", "umode_t mode", 0), "00");
}

TEST(Words, directoriesOfPaths) {
  EXPECT_EQ(said("openat", "int dfd", bits(AT_FDCWD)), "AT_FDCWD");
  EXPECT_EQ(said("openat", "int dfd", 0xffffff9c), "AT_FDCWD");
  EXPECT_EQ(said("openat", "int dfd", 7), "7");
  EXPECT_EQ(said("openat", "int dfd", 0xffffffff), "-1");
  EXPECT_EQ(said("renameat", "int newdfd", bits(AT_FDCWD)), "AT_FDCWD");
  EXPECT_EQ(said("read", "unsigned int fd", 0xffffff9c), "4294967196");
}

TEST(Words, atFlagsByCall) {
  EXPECT_EQ(said("unlinkat", "int flag", AT_REMOVEDIR), "AT_REMOVEDIR");
  EXPECT_EQ(said("faccessat2", "int flags", AT_EACCESS), "AT_EACCESS");
  EXPECT_EQ(said("newfstatat", "int flag", AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH),
            "AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH");
  EXPECT_EQ(said("newfstatat", "int flag", 0), "0");
  EXPECT_EQ(said("access", "int mode", 4 | 2), "R_OK|W_OK");
  EXPECT_EQ(said("access", "int mode", 0), "F_OK");
}

TEST(Words, memory) {
  EXPECT_EQ(said("mmap", "unsigned long prot", PROT_READ | PROT_EXEC), "PROT_READ|PROT_EXEC");
  EXPECT_EQ(said("mmap", "unsigned long prot", 0), "PROT_NONE");
  EXPECT_EQ(said("mmap", "unsigned long flags", MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE),
            "MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE");
  EXPECT_EQ(said("mmap", "unsigned long flags", MAP_SHARED_VALIDATE | MAP_SYNC),
            "MAP_SHARED_VALIDATE|MAP_SYNC");
  EXPECT_EQ(said("madvise", "int behavior", MADV_DONTNEED), "MADV_DONTNEED");
  EXPECT_EQ(said("madvise", "int behavior", 7777), "7777");
  EXPECT_EQ(said("mprotect", "unsigned long start", 0x7f0012345000), "0x7f0012345000");
  EXPECT_EQ(said("read", "char * buf", 0x7f0012345678), "0x7f0012345678");
  EXPECT_EQ(said("mmap", "unsigned long len", 4096), "4096");
}

TEST(Words, socketsAndProcesses) {
  EXPECT_EQ(said("socket", "int family", AF_INET6), "AF_INET6");
  EXPECT_EQ(said("socket", "int type", SOCK_STREAM | SOCK_CLOEXEC), "SOCK_STREAM|SOCK_CLOEXEC");
  EXPECT_EQ(said("sendto", "unsigned int flags", MSG_NOSIGNAL | MSG_DONTWAIT),
            "MSG_DONTWAIT|MSG_NOSIGNAL");
  EXPECT_EQ(said("clone", "unsigned long clone_flags", CLONE_VM | CLONE_VFORK | 17),
            "CLONE_VM|CLONE_VFORK|SIGCHLD");
  EXPECT_EQ(said("clone", "unsigned long clone_flags", CLONE_VM), "CLONE_VM");
  EXPECT_EQ(said("kill", "int sig", 9), "SIGKILL");
  EXPECT_EQ(said("kill", "int sig", 0), "0");
  EXPECT_EQ(said("kill", "int sig", 40), "40");
}

TEST(Words, futexAndOthers) {
  EXPECT_EQ(said("futex", "int op", FUTEX_WAIT_PRIVATE), "FUTEX_WAIT|FUTEX_PRIVATE_FLAG");
  EXPECT_EQ(said("futex", "int op", FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME),
            "FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME");
  EXPECT_EQ(said("futex", "int op", FUTEX_WAKE), "FUTEX_WAKE");
  EXPECT_EQ(said("fcntl", "unsigned int cmd", F_SETFL), "F_SETFL");
  EXPECT_EQ(said("lseek", "unsigned int whence", SEEK_END), "SEEK_END");
  EXPECT_EQ(said("fallocate", "int mode", 3), "FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE");
  EXPECT_EQ(said("clock_gettime", "const clockid_t which_clock", 1), "CLOCK_MONOTONIC");
  EXPECT_EQ(said("read", "size_t count", 8192), "8192");
}

TEST(Words, results) {
  EXPECT_EQ(result("openat", -ENOENT), "ENOENT");
  EXPECT_EQ(result("openat", 7), "7");
  EXPECT_EQ(result("read", 0), "0");
  EXPECT_EQ(result("read", -EAGAIN), "EAGAIN");
  EXPECT_EQ(result("futex", -512), "ERESTARTSYS");
  EXPECT_EQ(result("read", -4000), "-4000");
  EXPECT_EQ(result("lseek", -5000), "-5000");
  EXPECT_EQ(result("mmap", -ENOMEM), "ENOMEM");
  EXPECT_EQ(result("mmap", 0x7f0012345000), "0x7f0012345000");
  EXPECT_EQ(result("openat", ENOENT, "errno"), "ENOENT");
  EXPECT_EQ(result("openat", 0, "errno"), "0");
  EXPECT_EQ(result("openat", 4000, "errno"), "4000");
}

TEST(Words, ofTheTracepointItself) {
  const Format format = event::parse_format(
      "name: x\n"
      "\tfield:long prev_state;\toffset:8;\tsize:8;\tsigned:1;\n"
      "\tfield:u16 ioprio;\toffset:16;\tsize:2;\tsigned:0;\n"
      "\tfield:dev_t dev;\toffset:20;\tsize:4;\tsigned:0;\n"
      "\tfield:int reason;\toffset:24;\tsize:4;\tsigned:1;\n"
      "\tfield:u64 where;\toffset:32;\tsize:8;\tsigned:0;\n"
      "print fmt: \"%s %s %s %s %llx\", (REC->prev_state & (((0x40 + 1) << 1) - 1)) ? "
      "__print_flags(REC->prev_state & 0xff, \"|\", { 1, \"S\" }, { 2, \"D\" }) : \"R\", "
      "REC->prev_state & 0x100 ? \"+\" : \"\", "
      "__print_symbolic((REC->ioprio >> 13) & 7, { 1, \"rt\" }, { 2, \"be\" }), "
      "__print_symbolic(REC->reason, { 2, \"TWO\" }, { -1, \"NONE\" }), REC->where\n");
  const Tracepoint tracepoint{1, "sched", "x"};
  const auto say = [&](std::string_view field, std::uint64_t number) {
    return text_of(vocabulary_of(tracepoint, &format, field), number, false);
  };
  EXPECT_EQ(say("prev_state", 0), "R");
  EXPECT_EQ(say("prev_state", 0x100), "R+");
  EXPECT_EQ(say("prev_state", 1), "S");
  EXPECT_EQ(say("prev_state", 2 | 1), "S|D");
  EXPECT_EQ(say("prev_state", 0x400 | 2), "D|0x400");
  EXPECT_EQ(say("ioprio", (2U << 13U) | 4U), "be|0x4");
  EXPECT_EQ(say("dev", (8U << 20U) | 1U), "8:1");
  EXPECT_EQ(say("reason", 2), "TWO");
  EXPECT_EQ(say("reason", bits(-1)), "NONE");
  EXPECT_EQ(say("reason", 0xffffffff), "NONE");
  EXPECT_EQ(say("reason", bits(-7)), "-7");
  EXPECT_EQ(say("where", 4096), "0x1000");
  EXPECT_EQ(say("comm", 12), "12");
}

TEST(Words, signalsOfTheirTracepoints) {
  const Format format = event::parse_format(
      "name: signal_generate\n\tfield:int sig;\toffset:8;\tsize:4;\tsigned:1;\n"
      "\tfield:int errno;\toffset:12;\tsize:4;\tsigned:1;\n");
  const Tracepoint tracepoint{1, "signal", "signal_generate"};
  EXPECT_EQ(text_of(vocabulary_of(tracepoint, &format, "sig"), 11, true), "SIGSEGV");
  EXPECT_EQ(text_of(vocabulary_of(tracepoint, &format, "errno"), 2, true), "ENOENT");
}

TEST(Words, withoutAFormatNumbersStay) {
  EXPECT_EQ(text_of(vocabulary_of({5, "", ""}, nullptr, "tid"), 77, false), "77");
  EXPECT_EQ(text_of(vocabulary_of({5, "", ""}, nullptr, "x"), bits(-3), true), "-3");
}

// A name that constants.h does not have would be left out in silence.
TEST(Words, everyNameOfTheTablesIsAConstant) {
  for (const WordTable& table : all_word_tables()) {
    for (const WordGroup& group : table.groups) {
      std::set<std::string_view> names;
      for (auto part : group.names | std::views::split(' ')) {
        const std::string_view name(part.begin(), part.end());
        EXPECT_TRUE(constant(name)) << name;
        EXPECT_TRUE(names.insert(name).second) << name << " twice";
        EXPECT_EQ(static_cast<std::uint64_t>(*constant(name)) & ~group.mask, 0U) << name;
      }
    }
  }
}

}  // namespace
}  // namespace jtrace::filter
