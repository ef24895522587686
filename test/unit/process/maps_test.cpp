// SPDX-License-Identifier: Apache-2.0
#include "process/maps.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <random>

namespace jtrace::process {
namespace {

using ::testing::SizeIs;

TEST(ParseMaps, readsEachField) {
  const auto maps = parse_maps(
      "7f0000001000-7f0000003000 r-xp 00002000 fe:01 1234                       /usr/lib/my "
      "lib.so\n"
      "7f0000003000-7f0000004000 rw-p 00000000 00:00 0 \n"
      "7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0                          [vdso]\n");
  ASSERT_THAT(maps, SizeIs(3));
  const MapEntry expected{.start = 0x7f0000001000,
                          .end = 0x7f0000003000,
                          .offset = 0x2000,
                          .device = makedev(0xfe, 1),
                          .inode = 1234,
                          .readable = true,
                          .writable = false,
                          .executable = true,
                          .deleted = false,
                          .path = "/usr/lib/my lib.so"};
  EXPECT_EQ(maps[0], expected);
  EXPECT_TRUE(maps[1].writable);
  EXPECT_EQ(maps[1].path, "");
  EXPECT_EQ(maps[2].path, "[vdso]");
}

TEST(ParseMaps, aDeletedFileKeepsItsName) {
  const auto maps = parse_maps("1000-2000 r-xp 0 08:01 5 /tmp/a b (deleted)\n");
  ASSERT_THAT(maps, SizeIs(1));
  EXPECT_TRUE(maps[0].deleted);
  EXPECT_EQ(maps[0].path, "/tmp/a b");
}

TEST(ParseMaps, newlinesInPathsAreRestored) {
  const auto maps = parse_maps("1000-2000 r-xp 0 08:01 5 /tmp/a\\012b\n");
  ASSERT_THAT(maps, SizeIs(1));
  EXPECT_EQ(maps[0].path, "/tmp/a\nb");
}

TEST(ParseMaps, linesThatDoNotParseAreSkipped) {
  const auto maps = parse_maps(
      "\n"
      "nonsense\n"
      "1000-2000\n"
      "1000 2000 r-xp 0 08:01 5 /x\n"
      "2000-1000 r-xp 0 08:01 5 /reversed\n"
      "1000-1000 r-xp 0 08:01 5 /empty\n"
      "fffffffffffffffff-2 r-xp 0 08:01 5 /overflow\n"
      "5000-6000 r-xp 0 08:01 5 /good");
  ASSERT_THAT(maps, SizeIs(1));
  EXPECT_EQ(maps[0].path, "/good");
}

TEST(ParseMaps, resultIsSortedAndDisjoint) {
  const auto maps = parse_maps(
      "3000-5000 r-xp 0 08:01 5 /first\n"
      "4000-6000 r-xp 0 08:01 5 /overlaps\n"
      "1000-2000 r-xp 0 08:01 5 /descends\n"
      "5000-6000 r-xp 0 08:01 5 /next\n");
  ASSERT_THAT(maps, SizeIs(2));
  EXPECT_EQ(maps[0].path, "/first");
  EXPECT_EQ(maps[1].path, "/next");
}

TEST(ParseMaps, anyTextGivesASoundResult) {
  const std::string good = "7f0000001000-7f0000003000 r-xp 00002000 fe:01 1234   /usr/lib/my.so\n";
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text = good + good + good;
    for (int i = 0; i < 6; ++i) text[random() % text.size()] = static_cast<char>(random());
    std::uint64_t last = 0;
    for (const MapEntry& entry : parse_maps(text)) {
      EXPECT_GE(entry.start, last);
      EXPECT_LT(entry.start, entry.end);
      last = entry.end;
    }
  }
}

TEST(ReadMaps, findsThisFunction) {
  const auto maps = read_maps(::getpid());
  ASSERT_TRUE(maps) << maps.error().message;
  const auto here = reinterpret_cast<std::uint64_t>(&parse_maps);
  const auto entry = std::ranges::find_if(
      *maps, [&](const MapEntry& e) { return here >= e.start && here < e.end; });
  ASSERT_NE(entry, maps->end());
  EXPECT_TRUE(entry->executable);

  struct stat own{};
  ASSERT_EQ(::stat("/proc/self/exe", &own), 0);
  EXPECT_EQ(entry->inode, own.st_ino);
  const auto fd = open_mapped_file(::getpid(), *entry);
  ASSERT_TRUE(fd) << fd.error().message;
  struct stat opened{};
  ASSERT_EQ(::fstat(fd->get(), &opened), 0);
  EXPECT_EQ(opened.st_ino, own.st_ino);
}

TEST(ReadMaps, aProcessThatIsGoneIsTheTargetsFault) {
  const auto maps = read_maps(0x7fffffff);
  ASSERT_FALSE(maps);
  EXPECT_EQ(maps.error().code, Errc::Target);
}

TEST(ReadMaps, aZombieHasNoMapsRatherThanEmptyOnes) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const auto maps = read_maps(child);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_FALSE(maps);
  EXPECT_EQ(maps.error().code, Errc::Target);
}

TEST(OpenMappedFile, refusesWhatIsNoFile) {
  MapEntry entry;
  entry.path = "[vdso]";
  EXPECT_FALSE(open_mapped_file(::getpid(), entry));
  entry.inode = 1;
  EXPECT_FALSE(open_mapped_file(::getpid(), entry));
}

TEST(OpenMappedFile, refusesAnotherInodeAndDevices) {
  // No such mapping, so the path decides.
  MapEntry entry{.start = 0x1000, .end = 0x2000, .inode = 1, .path = "/etc/passwd"};
  ASSERT_EQ(::access(entry.path.c_str(), R_OK), 0);  // now the kernel has its name
  const auto replaced = open_mapped_file(::getpid(), entry);
  ASSERT_FALSE(replaced);
  EXPECT_THAT(replaced.error().message, ::testing::HasSubstr("replaced"));
  entry.path = "/dev/zero";
  EXPECT_FALSE(open_mapped_file(::getpid(), entry));
}

}  // namespace
}  // namespace jtrace::process
