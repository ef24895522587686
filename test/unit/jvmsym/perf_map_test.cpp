// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/perf_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace jtrace::jvmsym {
namespace {

namespace fs = std::filesystem;

std::string name(const PerfMap& map, std::uint64_t pc) {
  return std::string(map.find(pc).value_or("-"));
}

TEST(PerfMap, ReadsHexWithAndWithoutPrefix) {
  const PerfMap map = PerfMap::parse(
      "7f0000001000 20 Ljava/lang/String;::hashCode\n"
      "0x7f0000002000 0x20 void A.f(int, java.lang.Object)\n"
      "0X7F0000003000 0X20 upper\n");
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map.skipped_lines(), 0U);
  EXPECT_EQ(name(map, 0x7f0000001000), "Ljava/lang/String;::hashCode");
  EXPECT_EQ(name(map, 0x7f000000101f), "Ljava/lang/String;::hashCode");
  EXPECT_EQ(name(map, 0x7f0000001020), "-");
  EXPECT_EQ(name(map, 0x7f0000000fff), "-");
  EXPECT_EQ(name(map, 0x7f0000002010), "void A.f(int, java.lang.Object)");
  EXPECT_EQ(name(map, 0x7f0000003000), "upper");
}

TEST(PerfMap, SkipsAndCountsWhatDoesNotParse) {
  const PerfMap map = PerfMap::parse(
      "\n"
      "garbage\n"
      "1000\n"
      "1000 10\n"
      "1000 10 \n"
      "1000 0 empty\n"
      "1000 -10 negative\n"
      "-1000 10 negative\n"
      "+1000 10 plus\n"
      "0x 10 no digits\n"
      "1000 10x20 glued\n"
      "ffffffffffffffff 2 wraps\n"
      "10000000000000000 10 too wide\n"
      " 1000 10 indented\n"
      "1000 10 tab\there\n"
      "1000 10 escape\x1b[2J\n"
      "1000 10 carriage return\r\n"
      "1000 10 delete\x7f\n"
      "2000 10 good\n"
      "3000 10 parti");
  EXPECT_EQ(map.size(), 1U);
  EXPECT_EQ(map.skipped_lines(), 19U);
  EXPECT_EQ(name(map, 0x2000), "good");
  EXPECT_EQ(name(map, 0x1000), "-");
  EXPECT_EQ(name(map, 0x3000), "-");
}

TEST(PerfMap, SkipsNulBytes) {
  const std::string text("1000 10 a\0b\n2000 10 c\n", 22);
  const PerfMap map = PerfMap::parse(text);
  EXPECT_EQ(name(map, 0x1000), "-");
  EXPECT_EQ(name(map, 0x2000), "c");
}

TEST(PerfMap, EmptyTextIsAnEmptyMap) {
  EXPECT_EQ(PerfMap::parse("").size(), 0U);
  EXPECT_FALSE(PerfMap::parse("").find(0));
}

TEST(PerfMap, CapsNamesBetweenCharacters) {
  const std::string plain(10000, 'x');
  std::string wide = "x";  // 1 + 1365 * 3 = 4096
  for (int i = 0; i < 3000; ++i) wide += "\u20ac";
  const PerfMap map = PerfMap::parse("1000 10 " + plain + "\n2000 10 " + wide + "\n");
  EXPECT_TRUE(name(map, 0x1000) == plain.substr(0, 4096));
  EXPECT_TRUE(name(map, 0x2000) == wide.substr(0, 4096)) << "ends with a character";
  const PerfMap shifted = PerfMap::parse("2000 10 x" + wide + "\n");
  EXPECT_TRUE(name(shifted, 0x2000) == "x" + wide.substr(0, 4093)) << "would cut a character";
}

TEST(PerfMap, LastLineWins) {
  const auto parse = [](const std::string& lines) { return PerfMap::parse(lines); };
  // Same range, inside, around, left edge, right edge.
  EXPECT_EQ(name(parse("10 10 old\n10 10 new\n"), 0x18), "new");
  const PerfMap inside = parse("10 30 old\n20 10 new\n");
  EXPECT_EQ(name(inside, 0x1f), "old");
  EXPECT_EQ(name(inside, 0x20), "new");
  EXPECT_EQ(name(inside, 0x2f), "new");
  EXPECT_EQ(name(inside, 0x30), "old");
  EXPECT_EQ(inside.size(), 3U);
  const PerfMap around = parse("20 10 old\n10 30 new\n");
  EXPECT_EQ(name(around, 0x28), "new");
  EXPECT_EQ(around.size(), 1U);
  const PerfMap edges = parse("20 10 old\n18 10 left\n2c 10 right\n");
  EXPECT_EQ(name(edges, 0x20), "left");
  EXPECT_EQ(name(edges, 0x28), "old");
  EXPECT_EQ(name(edges, 0x2c), "right");
  EXPECT_EQ(name(edges, 0x3b), "right");
  EXPECT_EQ(name(edges, 0x3c), "-");
  EXPECT_EQ(name(parse("fffffffffffffff0 f end\n"), 0xfffffffffffffffe), "end");
}

// Against a model that has one cell per address.
TEST(PerfMap, AgreesWithTheNaiveModel) {
  std::mt19937 random(42);  // NOLINT: the same maps on every run
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    std::vector<std::string> model(160, "-");
    const unsigned lines = 1 + below(24);
    const unsigned longest = 1 + below(60);
    for (unsigned i = 0; i < lines; ++i) {
      const unsigned start = below(100);
      const unsigned size = 1 + below(longest);
      const std::string method = "m" + std::to_string(i);
      char line[64];
      std::snprintf(line, sizeof line, "%x %x %s\n", start, size, method.c_str());
      text += line;
      std::fill_n(model.begin() + start, size, method);
    }
    const PerfMap map = PerfMap::parse(text);
    ASSERT_LE(map.size(), 2U * lines);
    for (std::size_t pc = 0; pc < model.size(); ++pc) {
      ASSERT_EQ(name(map, pc), model[pc]) << pc << " in\n" << text;
    }
  }
}

// Nested a hundred thousand deep, and as many copies of one range: quadratic code would hang.
TEST(PerfMap, ManyOverlapsTakeNoQuadraticTime) {
  std::string text;
  char line[64];
  constexpr unsigned kLines = 100000;
  for (unsigned i = 0; i < kLines; ++i) {
    std::snprintf(line, sizeof line, "%x %x nested%u\n", i, 2 * (kLines - i), i);
    text += line;
    text += "1000000 1000 same\n";
  }
  const auto begin = std::chrono::steady_clock::now();
  const PerfMap map = PerfMap::parse(text);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(map.skipped_lines(), 0U);
  EXPECT_EQ(name(map, 0), "nested0");
  EXPECT_EQ(name(map, 2 * kLines - 1), "nested0");
  EXPECT_EQ(name(map, kLines), "nested99999");
}

// Files in the place where a JVM writes them, for a pid that no process can have.
class PerfMapFile : public testing::Test {
 protected:
  static constexpr pid_t kInner = 0x7ffffff0;
  void SetUp() override { fs::remove_all(path_); }
  void TearDown() override { fs::remove_all(path_); }
  void write(const std::string& text) const { std::ofstream(path_) << text; }
  [[nodiscard]] static Result<PerfMap> load() { return PerfMap::load(::getpid(), kInner); }
  static void expect_refused(const std::string& why) {
    const auto map = load();
    ASSERT_FALSE(map);
    EXPECT_EQ(map.error().code, Errc::Target);
    EXPECT_THAT(map.error().message, testing::HasSubstr(why));
    EXPECT_THAT(map.error().message, testing::HasSubstr("/tmp/perf-2147483632.map"));
  }

  const fs::path path_ = "/tmp/perf-2147483632.map";
};

TEST_F(PerfMapFile, IsRead) {
  write("1000 10 a.b.C::d\n2000 10 e");
  const auto map = load();
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(name(*map, 0x1008), "a.b.C::d");
  EXPECT_EQ(map->skipped_lines(), 1U);
}

TEST_F(PerfMapFile, MissingFileOrProcessIsATargetError) {
  expect_refused("No such file");
  const auto map = PerfMap::load(kInner, 1);
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().code, Errc::Target);
}

TEST_F(PerfMapFile, SymbolicLinkIsRefused) {
  fs::create_symlink("/etc/passwd", path_);
  expect_refused("no regular file");
}

TEST_F(PerfMapFile, FifoIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  expect_refused("no regular file");
}

TEST_F(PerfMapFile, DirectoryIsRefused) {
  fs::create_directory(path_);
  expect_refused("no regular file");
}

TEST_F(PerfMapFile, FileOfAnotherUserIsRefused) {
  write("1000 10 a\n");
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  expect_refused("owned by uid 65534");
}

TEST_F(PerfMapFile, HugeFileIsRefused) {
  write("");
  ASSERT_EQ(::truncate(path_.c_str(), (256LL << 20) + 1), 0);
  expect_refused("larger than 256 MiB");
}

TEST(PerfMapMethod, HotSpotMethodsBecomeJavaNames) {
  EXPECT_EQ(perf_map_method("void java.io.FileInputStream.open0(java.lang.String)"),
            "java/io/FileInputStream.open0");
  EXPECT_EQ(perf_map_method("int Loop.deep(int)"), "Loop.deep");
  EXPECT_EQ(perf_map_method("java.lang.Object a.B$C.<init>()"), "a/B$C.<init>");
}

TEST(PerfMapMethod, WhatIsNoMethodIsLeftAlone) {
  for (const char* entry : {"Interpreter", "StubRoutines (1)", "LazyCompile:~f /x/y.js:1", "", "()",
                            " ()", "a b", "void f()", "void a.()", "void .f()"}) {
    EXPECT_EQ(perf_map_method(entry), std::nullopt) << entry;
  }
}

}  // namespace
}  // namespace jtrace::jvmsym
