// SPDX-License-Identifier: Apache-2.0
#include "symbolize/elf_symbols.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "elf_fixture.h"

namespace jtrace::symbolize {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBuildIdFile = "usr/lib/debug/.build-id/01/23456789abcdef01234567.debug";

Result<ElfSymbols> load(const fs::path& file, const fs::path& root = "/nonexistent",
                        const std::string& path = "/opt/app/libfixture.so") {
  const UniqueFd fd = open_file(file);
  EXPECT_TRUE(fd.valid()) << file;
  return ElfSymbols::load(fd.get(), path, root);
}

// "name+offset", "-" where nothing covers the address `offset` bytes after fixture_start.
std::string at(const ElfSymbols& symbols, std::uint64_t offset) {
  const auto start = symbols.address_of("fixture_start");
  if (!start) return "no fixture_start";
  const auto found = symbols.find(ElfAddr{start->value + offset});
  return found ? std::string(found->name) + "+" + std::to_string(found->offset) : "-";
}

void expect_full_table(const ElfSymbols& symbols) {
  EXPECT_EQ(at(symbols, 0), "fixture_start+0");
  EXPECT_EQ(at(symbols, 15), "fixture_start+15");
  EXPECT_EQ(at(symbols, 16), "-") << "a hole after a sized symbol belongs to nobody";
  EXPECT_EQ(at(symbols, 31), "-");
  EXPECT_EQ(at(symbols, 33), "open_it+1");
  EXPECT_EQ(at(symbols, 79), "outer_function+15");
  EXPECT_EQ(at(symbols, 80), "inner_function+0");
  EXPECT_EQ(at(symbols, 95), "inner_function+15");
  EXPECT_EQ(at(symbols, 100), "outer_function+36") << "a label inside a function is no symbol";
  EXPECT_EQ(at(symbols, 127), "outer_function+63");
  EXPECT_EQ(at(symbols, 130), "bare_label+2");
  EXPECT_EQ(at(symbols, 150), "unsized_function+6");
  EXPECT_EQ(at(symbols, 170), "last_in_text+10");
  EXPECT_EQ(at(symbols, 100000), "-") << "nothing reaches beyond its section";
  for (const char* name : {"__open_it", "open_it", "open_it64", "_open_it", "it"}) {
    ASSERT_TRUE(symbols.address_of(name)) << name;
    EXPECT_EQ(symbols.address_of(name), symbols.address_of("open_it")) << name;
  }
  EXPECT_TRUE(symbols.address_of("fixture_data"));
  EXPECT_TRUE(symbols.address_of("fixture_static_data"));
  EXPECT_FALSE(symbols.address_of("fixture_dat"));
  EXPECT_FALSE(symbols.address_of("ixture_data"));
  EXPECT_FALSE(symbols.address_of(""));
}

void expect_exported_only(const ElfSymbols& symbols) {
  EXPECT_EQ(at(symbols, 33), "open_it+1");
  EXPECT_EQ(at(symbols, 80), "-");
  EXPECT_TRUE(symbols.address_of("fixture_data"));
  EXPECT_FALSE(symbols.address_of("inner_function"));
}

TEST(ElfSymbols, ReadsSymtab) {
  const auto symbols = load(kFixtures / "full.so");
  ASSERT_TRUE(symbols) << symbols.error().message;
  expect_full_table(*symbols);
}

TEST(ElfSymbols, LyingSizeEndsWithItsSection) {
  const auto symbols = load(kFixtures / "full.so");
  ASSERT_TRUE(symbols);
  const auto start = symbols->address_of("_ZN2ns5Class3fooEi");
  ASSERT_TRUE(start);
  EXPECT_TRUE(symbols->find(ElfAddr{start->value + 7}));
  EXPECT_FALSE(symbols->find(ElfAddr{start->value + 0x1000000}));
  EXPECT_FALSE(symbols->find(ElfAddr{UINT64_MAX}));
  EXPECT_FALSE(symbols->find(ElfAddr{0}));
}

TEST(ElfSymbols, StrippedFileHasItsDynamicSymbols) {
  const auto symbols = load(kFixtures / "stripped.so");
  ASSERT_TRUE(symbols);
  expect_exported_only(*symbols);
}

TEST(ElfSymbols, ReadsMiniDebugInfo) {
  const auto symbols = load(kFixtures / "mini.so");
  ASSERT_TRUE(symbols);
  expect_full_table(*symbols);
}

TEST(ElfSymbols, FindsDebugFileByBuildId) {
  const TemporaryRoot root;
  fs::copy_file(kFixtures / "fixture.debug", root.at(kBuildIdFile));
  const auto symbols = load(kFixtures / "stripped.so", root.path());
  ASSERT_TRUE(symbols);
  expect_full_table(*symbols);
}

TEST(ElfSymbols, IgnoresDebugFileOfAnotherBuild) {
  const TemporaryRoot root;
  fs::copy_file(kFixtures / "fixture.debug", root.at(kBuildIdFile));
  // The note's description has the fixed id; one byte of it makes this another build.
  std::fstream file(root.at(kBuildIdFile), std::ios::in | std::ios::out | std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t id = text.find("\x01\x23\x45\x67\x89\xab\xcd\xef");
  ASSERT_NE(id, std::string::npos);
  file.seekp(static_cast<std::streamoff>(id));
  file.put('\x55');
  file.close();
  const auto symbols = load(kFixtures / "stripped.so", root.path());
  ASSERT_TRUE(symbols);
  expect_exported_only(*symbols);
}

class DebugLinkPlaces : public testing::TestWithParam<const char*> {};

TEST_P(DebugLinkPlaces, AreSearched) {
  const TemporaryRoot root;
  fs::copy_file(kFixtures / "fixture.debug", root.at(GetParam()));
  const auto symbols = load(kFixtures / "linked.so", root.path());
  ASSERT_TRUE(symbols);
  expect_full_table(*symbols);
}

INSTANTIATE_TEST_SUITE_P(All, DebugLinkPlaces,
                         testing::Values("opt/app/fixture.debug", "opt/app/.debug/fixture.debug",
                                         "usr/lib/debug/opt/app/fixture.debug"));

TEST(ElfSymbols, IgnoresDebugLinkWithWrongCrc) {
  const TemporaryRoot root;
  fs::copy_file(kFixtures / "fixture.debug", root.at("opt/app/fixture.debug"));
  std::ofstream(root.at("opt/app/fixture.debug"), std::ios::app) << 'x';
  const auto symbols = load(kFixtures / "linked.so", root.path());
  ASSERT_TRUE(symbols);
  expect_exported_only(*symbols);
}

TEST(ElfSymbols, RefusesWhatIsNoExecutable) {
  for (const char* path : {"/dev/null", "/proc/self/status", "/etc/passwd"}) {
    const auto symbols = load(path);
    ASSERT_FALSE(symbols) << path;
    EXPECT_EQ(symbols.error().code, Errc::Target);
    EXPECT_THAT(symbols.error().message, testing::HasSubstr("/opt/app/libfixture.so"));
  }
}

// Our own executable: what the dynamic loader says is the truth.
TEST(ElfSymbols, AgreesWithTheLoaderOnLibc) {
  Dl_info info = {};
  link_map* map = nullptr;
  void* symbol = ::dlsym(RTLD_DEFAULT, "openat64");
  ASSERT_NE(symbol, nullptr);
  ASSERT_NE(::dladdr1(symbol, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP), 0);
  const UniqueFd fd = open_file(info.dli_fname);
  const auto symbols = ElfSymbols::load(fd.get(), info.dli_fname, "/");
  ASSERT_TRUE(symbols) << symbols.error().message;
  const std::uint64_t address = reinterpret_cast<std::uintptr_t>(symbol) - map->l_addr;
  EXPECT_EQ(symbols->address_of("openat64"), ElfAddr{address});
  const auto found = symbols->find(ElfAddr{address + 4});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "openat");
  EXPECT_EQ(found->offset, 4U);
}

}  // namespace
}  // namespace jtrace::symbolize
