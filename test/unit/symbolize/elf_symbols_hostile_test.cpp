// SPDX-License-Identifier: Apache-2.0
// Damaged files: whatever the bytes say, load() returns and the result is consistent. Run it with
// -fsanitize=address,undefined too.
#include <elf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "elf_fixture.h"

namespace jtrace::symbolize {
namespace {

std::string read_fixture(const char* name) {
  std::ifstream file(kFixtures / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

UniqueFd memory_file(const std::string& bytes) {
  UniqueFd fd(::memfd_create("elf", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return fd;
}

// Loads and asks; true where the bytes still were an ELF file.
bool survives(const std::string& bytes) {
  const UniqueFd fd = memory_file(bytes);
  const auto symbols = ElfSymbols::load(fd.get(), "damaged", "/nonexistent");
  if (!symbols) return false;
  EXPECT_FALSE(symbols->address_of("no such symbol"));
  for (std::uint64_t address = 0; address < 0x4000; address += 8) {
    if (const auto found = symbols->find(ElfAddr{address})) {
      EXPECT_LE(found->offset, address);
      EXPECT_LE(found->name.size(), 4096U);
      EXPECT_LE(demangle(found->name).size(), 16384U);
    }
  }
  EXPECT_FALSE(symbols->find(ElfAddr{0}));
  return true;
}

class Damaged : public testing::TestWithParam<const char*> {};

TEST_P(Damaged, EveryTruncationIsHandled) {
  const std::string whole = read_fixture(GetParam());
  ASSERT_GT(whole.size(), 1000U);
  ASSERT_TRUE(survives(whole));
  for (std::size_t size = 0; size < 128; ++size) survives(whole.substr(0, size));
  for (std::size_t size = 128; size < whole.size(); size += 97) survives(whole.substr(0, size));
  EXPECT_FALSE(survives(whole.substr(0, 63)));
}

TEST_P(Damaged, FlippedBytesAreHandled) {
  const std::string whole = read_fixture(GetParam());
  std::mt19937 random(20240607);  // NOLINT: the same bytes on every run
  int intact = 0;
  for (int round = 0; round < 400; ++round) {
    std::string bytes = whole;
    const std::size_t flips = 1 + random() % 40;
    for (std::size_t i = 0; i < flips; ++i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (survives(bytes)) ++intact;
  }
  EXPECT_GT(intact, 0);
}

// Section headers and symbols only: what random bytes rarely hit.
TEST_P(Damaged, LyingHeadersAreHandled) {
  const std::string whole = read_fixture(GetParam());
  Elf64_Ehdr header;
  std::memcpy(&header, whole.data(), sizeof header);
  std::mt19937_64 random(7);  // NOLINT: the same bytes on every run
  const std::uint64_t values[] = {0, 1, 0xff, whole.size(), UINT32_MAX, INT64_MAX, UINT64_MAX};
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 2; ++i) {
      const std::size_t table = std::min<std::size_t>(header.e_shoff, bytes.size() - 8);
      const std::size_t at = table + random() % (bytes.size() - table - 7) / 4 * 4;
      std::memcpy(&bytes[at], &values[random() % std::size(values)], 8);
    }
    survives(bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Damaged, testing::Values("full.so", "stripped.so", "mini.so"));

TEST(ElfSymbolsHostile, HugeClaimedSectionCountIsRefused) {
  std::string bytes = read_fixture("full.so");
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.e_shnum = 0;  // the count is sh_size of section 0
  std::memcpy(bytes.data(), &header, sizeof header);
  const std::uint64_t count = 1ULL << 32;
  std::memcpy(&bytes[header.e_shoff + offsetof(Elf64_Shdr, sh_size)], &count, sizeof count);
  const UniqueFd fd = memory_file(bytes);
  ASSERT_EQ(::ftruncate(fd.get(), 1LL << 40), 0);
  EXPECT_FALSE(ElfSymbols::load(fd.get(), "sparse", "/nonexistent"));
}

}  // namespace
}  // namespace jtrace::symbolize
