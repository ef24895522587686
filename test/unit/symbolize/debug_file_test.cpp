// SPDX-License-Identifier: Apache-2.0
#include "symbolize/debug_file.h"

#include <gtest/gtest.h>
#include <lzma.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "elf_fixture.h"

namespace jtrace::symbolize {
namespace {

namespace fs = std::filesystem;

using Bytes = std::vector<std::uint8_t>;

Bytes xz(const Bytes& input) {
  Bytes output(input.size() + 4096);
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, nullptr, input.data(), input.size(),
                                    output.data(), &size, output.size()),
            LZMA_OK);
  output.resize(size);
  return output;
}

TEST(Xz, InflatesUpToTheLimit) {
  const Bytes input(1000000, 'a');
  const auto output = decompress_xz(xz(input), input.size());
  ASSERT_TRUE(output);
  EXPECT_EQ(output->size(), input.size());
  EXPECT_EQ(output->back(), 'a');
  EXPECT_FALSE(decompress_xz(xz(input), input.size() - 1)) << "a bomb";
}

TEST(Xz, RefusesDamage) {
  const Bytes whole = xz(Bytes(1000, 'a'));
  EXPECT_FALSE(decompress_xz({}, 1000));
  EXPECT_FALSE(decompress_xz(Bytes(100, 'x'), 1000));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(decompress_xz(std::span(whole).first(size), 1000)) << size;
  }
  Bytes flipped = whole;
  flipped[flipped.size() / 2] ^= 1;
  EXPECT_FALSE(decompress_xz(flipped, 1000));
}

Bytes link_section(const std::string& name, std::size_t padding) {
  Bytes section(name.begin(), name.end());
  section.resize(section.size() + padding, 0);
  section.insert(section.end(), {1, 2, 3, 4});
  return section;
}

TEST(DebugLink, ParsesNameAndCrc) {
  const auto link = parse_debug_link(link_section("abc.debug", 3));
  ASSERT_TRUE(link);
  EXPECT_EQ(link->name, "abc.debug");
  EXPECT_EQ(link->crc, 0x04030201U);
  EXPECT_TRUE(parse_debug_link(link_section("abcd", 4)));
}

TEST(DebugLink, RefusesWhatIsNoPlainName) {
  EXPECT_FALSE(parse_debug_link({}));
  EXPECT_FALSE(parse_debug_link(Bytes(8, 0)));
  EXPECT_FALSE(parse_debug_link(Bytes(64, 'a')));
  EXPECT_FALSE(parse_debug_link(link_section("abc.debug", 2)));
  EXPECT_FALSE(parse_debug_link(link_section("../../x", 1)));
  EXPECT_FALSE(parse_debug_link(link_section("..", 2)));
  EXPECT_FALSE(parse_debug_link(link_section(std::string(256, 'a'), 4)));
}

TEST(DebugPaths, AreThoseOfGdb) {
  EXPECT_EQ(debug_paths({.build_id = {0xab, 0xcd}, .link = DebugLink{"x.debug", 1}}, "/opt/x"),
            (std::vector<std::string>{"usr/lib/debug/.build-id/ab/cd.debug", "/opt/x.debug",
                                      "/opt/.debug/x.debug", "usr/lib/debug//opt/x.debug"}));
  EXPECT_TRUE(debug_paths({}, "/opt/x").empty());
  EXPECT_TRUE(debug_paths({.build_id = {0xab}, .link = {}}, "/opt/x").empty());
  EXPECT_TRUE(debug_paths({.build_id = BuildId(10000, 1), .link = {}}, "/opt/x").empty());
}

class DebugRootTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_FALSE(root_.path().empty()); }
  [[nodiscard]] bool opens() const { return DebugRoot(root_.path().string()).open(kFile).valid(); }

  static constexpr const char* kFile = "usr/lib/debug/.build-id/ab/cd.debug";
  TemporaryRoot root_;
};

TEST_F(DebugRootTest, OpensARegularFile) {
  EXPECT_FALSE(opens());
  std::ofstream(root_.at(kFile)) << "x";
  EXPECT_TRUE(opens());
  EXPECT_FALSE(DebugRoot("/nonexistent").open(kFile).valid());
}

// Debian's build-id entries are links to files elsewhere.
TEST_F(DebugRootTest, FollowsLinksInsideTheRoot) {
  std::ofstream(root_.at("real/file")) << "x";
  fs::create_symlink("/real/file", root_.at(kFile));
  EXPECT_TRUE(opens());
}

TEST_F(DebugRootTest, NoLinkLeadsOut) {
  const TemporaryRoot outside;
  std::ofstream(outside.at("file")) << "x";
  fs::create_symlink(outside.path() / "file", root_.at(kFile));
  EXPECT_FALSE(opens());
  fs::remove(root_.at(kFile));
  fs::create_symlink("../../../../../../../../../../../../" + outside.path().string() + "/file",
                     root_.at(kFile));
  EXPECT_FALSE(opens());
}

TEST_F(DebugRootTest, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(::mkfifo(root_.at(kFile).c_str(), 0600), 0);
  EXPECT_FALSE(opens());
  fs::remove(root_.at(kFile));
  fs::create_directory(root_.at(kFile));
  EXPECT_FALSE(opens());
}

}  // namespace
}  // namespace jtrace::symbolize
