// SPDX-License-Identifier: Apache-2.0
// Copies of a real library, damaged: whatever comes out must be an error or a sound table.
#include <elf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "table_view.h"

namespace jtrace::unwind {
namespace {

class MemoryFile {
 public:
  explicit MemoryFile(const std::string& bytes) : fd_(::memfd_create("elf", MFD_CLOEXEC)) {
    put(0, bytes);
  }
  void put(std::size_t at, std::string_view bytes) const {
    ASSERT_EQ(::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
              static_cast<ssize_t>(bytes.size()));
  }
  void truncate(std::size_t size) const {
    ASSERT_EQ(::ftruncate(fd_.get(), static_cast<off_t>(size)), 0);
  }
  [[nodiscard]] int get() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

std::string loader_bytes() {
  std::ifstream file(kLoader, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Extent {
  std::size_t offset = 0;
  std::size_t size = 0;
};

Extent find_section(const std::string& elf, std::string_view name) {
  Elf64_Ehdr header;
  std::memcpy(&header, elf.data(), sizeof header);
  const auto section = [&](std::size_t i) {
    Elf64_Shdr found;
    std::memcpy(&found, elf.data() + header.e_shoff + i * sizeof found, sizeof found);
    return found;
  };
  const Elf64_Shdr names = section(header.e_shstrndx);
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    if (name == elf.data() + names.sh_offset + section(i).sh_name) {
      return {section(i).sh_offset, section(i).sh_size};
    }
  }
  return {};
}

void expect_no_harm(int fd) {
  if (const auto table = compile_unwind_table(fd)) {
    EXPECT_TRUE(is_sound(*table));
  }
  EXPECT_LE(read_build_id(fd).size(), 128U);
  (void)load_delta(fd, 0x1000);
}

TEST(DamagedElf, cutAnywhere) {
  const std::string good = loader_bytes();
  const MemoryFile file(good);
  const std::size_t step = good.size() / 250;
  for (std::size_t size = good.size(); size > step; size -= step) {
    file.truncate(size);
    expect_no_harm(file.get());
  }
  for (std::size_t size = 128; size > 0; --size) {
    file.truncate(size);
    expect_no_harm(file.get());
  }
}

// Flips bytes in a stretch of the file, a new set each round.
void flip(Extent where, int rounds, int flips) {
  const std::string good = loader_bytes();
  ASSERT_GT(where.size, 0U);
  const MemoryFile file(good);
  std::mt19937 random(42);
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::size_t> changed;
    for (int i = 0; i < flips; ++i) {
      const std::size_t at = where.offset + random() % where.size;
      const char byte = static_cast<char>(random());
      file.put(at, {&byte, 1});
      changed.push_back(at);
    }
    expect_no_harm(file.get());
    for (const std::size_t at : changed) file.put(at, {&good[at], 1});
  }
}

TEST(DamagedElf, bytesFlippedInHeaders) { flip({0, 0x400}, 1500, 3); }

TEST(DamagedElf, bytesFlippedInFrames) {
  flip(find_section(loader_bytes(), ".eh_frame"), 1500, 12);
}

TEST(DamagedElf, bytesFlippedInSectionHeaders) {
  const std::string good = loader_bytes();
  Elf64_Ehdr header;
  std::memcpy(&header, good.data(), sizeof header);
  flip({header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr)}, 1500, 3);
}

TEST(DamagedElf, framesWithoutSectionHeadersAreFoundThroughTheSegment) {
  std::string elf = loader_bytes();
  const auto whole = compile_unwind_table(MemoryFile(elf).get());
  Elf64_Ehdr header;
  std::memcpy(&header, elf.data(), sizeof header);
  header.e_shoff = 0;
  header.e_shnum = 0;
  header.e_shstrndx = 0;
  std::memcpy(elf.data(), &header, sizeof header);
  const auto stripped = compile_unwind_table(MemoryFile(elf).get());
  ASSERT_TRUE(whole);
  ASSERT_TRUE(stripped) << stripped.error().message;
  EXPECT_EQ(stripped->rows.size(), whole->rows.size());
}

TEST(DamagedElf, countsThatOnlyAHostileFileHasAreRefused) {
  const std::string good = loader_bytes();
  Elf64_Ehdr header;
  std::memcpy(&header, good.data(), sizeof header);
  const auto refused = [&](const Elf64_Ehdr& changed) {
    const MemoryFile file(good);
    file.put(0, {reinterpret_cast<const char*>(&changed), sizeof changed});
    return !compile_unwind_table(file.get());
  };
  Elf64_Ehdr changed = header;
  changed.e_shnum = 0;
  EXPECT_TRUE(refused(changed));
  changed = header;
  changed.e_phnum = PN_XNUM;
  EXPECT_TRUE(refused(changed));
  changed = header;
  changed.e_machine = EM_AARCH64;
  EXPECT_TRUE(refused(changed));
  changed = header;
  changed.e_type = ET_REL;
  EXPECT_TRUE(refused(changed));
}

TEST(DamagedElf, rememberedStatesAreBounded) {
  std::string elf = loader_bytes();
  const Extent frames = find_section(elf, ".eh_frame");
  // One CIE (kept) and one FDE over the rest of the section, all of it remember_state.
  std::uint32_t cie_length = 0;
  std::memcpy(&cie_length, elf.data() + frames.offset, sizeof cie_length);
  const std::size_t fde = frames.offset + 4 + cie_length;
  const auto fde_length = static_cast<std::uint32_t>(frames.offset + frames.size - fde - 8);
  std::memset(elf.data() + fde + 17, 0x0a, fde_length - 13);
  std::memcpy(elf.data() + fde, &fde_length, sizeof fde_length);
  const auto table = compile_unwind_table(MemoryFile(elf).get());
  EXPECT_FALSE(table);
}

}  // namespace
}  // namespace jtrace::unwind
