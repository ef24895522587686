// SPDX-License-Identifier: Apache-2.0
#include "unwind/address_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "table_view.h"

namespace jtrace::unwind {
namespace {

const jt_range* range_with(const std::vector<jt_range>& ranges, std::uint64_t address) {
  const auto found = std::ranges::find_if(
      ranges, [&](const jt_range& range) { return address >= range.start && address < range.end; });
  return found == ranges.end() ? nullptr : &*found;
}

bool sorted_and_disjoint(const std::vector<jt_range>& ranges) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].start >= ranges[i].end) return false;
    if (i > 0 && ranges[i - 1].end > ranges[i].start) return false;
  }
  return true;
}

std::uint64_t address_of(auto* function) { return reinterpret_cast<std::uint64_t>(function); }

// One anonymous executable page.
class CodePage {
 public:
  CodePage()
      : at_(::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  CodePage(const CodePage&) = delete;
  CodePage& operator=(const CodePage&) = delete;
  ~CodePage() { ::munmap(at_, 4096); }
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(at_); }

 private:
  void* at_;
};

class AddressSpaceTest : public ::testing::Test {
 protected:
  TableStore store_{1U << 20};
  DirectReader reader_;
  BinaryTables binaries_{store_, nullptr, reader_};
  AddressSpace space_{::getpid(), binaries_};

  [[nodiscard]] jt_rule rule_for(const jt_range& range, std::uint64_t pc) const {
    const auto rows = store_.rows().subspan(range.first_row, range.rows);
    const auto after = std::ranges::upper_bound(rows, pc - range.bias, {}, &jt_row::pc);
    return after == rows.begin() ? jt_rule{} : store_.rules()[std::prev(after)->rule];
  }
};

TEST_F(AddressSpaceTest, codeOfThisProcessHasRules) {
  const auto ranges = space_.refresh({});
  ASSERT_TRUE(ranges) << ranges.error().message;
  EXPECT_TRUE(sorted_and_disjoint(*ranges));
  EXPECT_EQ(space_.left_out(), 0U);
  // Every function begins with nothing but the return address on the stack.
  for (const std::uint64_t entry :
       {address_of(&compile_vdso_table), address_of(&::atoi), address_of(&::getpid)}) {
    const jt_range* range = range_with(*ranges, entry);
    ASSERT_NE(range, nullptr);
    ASSERT_EQ(range->kind, JT_RANGE_NATIVE);
    const jt_rule rule = rule_for(*range, entry);
    EXPECT_EQ(rule.cfa_kind, JT_CFA_RSP);
    EXPECT_EQ(rule.cfa_off, 8);
    EXPECT_EQ(rule.rbp_off, JT_REG_SAME);
    const MappedImage* image = space_.image(range->mapping);
    ASSERT_NE(image, nullptr);
    EXPECT_EQ(image->bias, range->bias);
    ASSERT_NE(image->binary, nullptr);
    EXPECT_TRUE(image->binary->has_cfi);
  }
}

TEST_F(AddressSpaceTest, vdsoHasRules) {
  const auto ranges = space_.refresh({});
  ASSERT_TRUE(ranges);
  const auto& maps = space_.maps();
  const auto vdso = std::ranges::find(maps, "[vdso]", &process::MapEntry::path);
  ASSERT_NE(vdso, maps.end());
  const jt_range* range = range_with(*ranges, vdso->start);
  ASSERT_NE(range, nullptr);
  EXPECT_EQ(range->kind, JT_RANGE_NATIVE);
  EXPECT_EQ(range->bias, vdso->start);
}

TEST_F(AddressSpaceTest, idsStayWhileTheMappingStands) {
  const auto first = space_.refresh({});
  const CodePage page;
  const auto second = space_.refresh({});
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  const std::uint64_t here = address_of(&compile_vdso_table);
  EXPECT_EQ(range_with(*first, here)->mapping, range_with(*second, here)->mapping);
  EXPECT_EQ(range_with(*first, page.address()), nullptr);
  const jt_range* fresh = range_with(*second, page.address());
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(fresh->kind, JT_RANGE_NO_CFI);
  EXPECT_EQ(space_.image(fresh->mapping)->binary, nullptr);
}

TEST_F(AddressSpaceTest, idsAreNotForgottenAndNotSharedByProcesses) {
  std::uint32_t id = 0;
  {
    const CodePage page;
    id = range_with(*space_.refresh({}), page.address())->mapping;
  }
  ASSERT_TRUE(space_.refresh({}));
  ASSERT_NE(space_.image(id), nullptr);

  const std::size_t rows = store_.rows().size();
  AddressSpace other(::getpid(), binaries_);
  const auto ranges = other.refresh({});
  ASSERT_TRUE(ranges);
  for (const jt_range& range : *ranges) EXPECT_EQ(space_.image(range.mapping), nullptr);
  // The same binaries are not compiled again.
  EXPECT_EQ(store_.rows().size(), rows);
  EXPECT_EQ(space_.image(0), nullptr);
}

TEST_F(AddressSpaceTest, codeCacheWinsOverMappings) {
  const CodePage page;
  // From the middle of the page to far past it, mapped or not.
  const CodeCacheRange cache{page.address() + 0x800, page.address() + 0x900, 3};
  const auto ranges = space_.refresh(std::span(&cache, 1));
  ASSERT_TRUE(ranges);
  EXPECT_TRUE(sorted_and_disjoint(*ranges));
  const jt_range* hotspot = range_with(*ranges, cache.low);
  ASSERT_NE(hotspot, nullptr);
  EXPECT_EQ(hotspot->kind, JT_RANGE_HOTSPOT);
  EXPECT_EQ(hotspot->jvm, 3);
  EXPECT_EQ(hotspot->start, cache.low);
  EXPECT_EQ(hotspot->end, cache.high);
  const jt_range* before = range_with(*ranges, page.address());
  const jt_range* after = range_with(*ranges, cache.high);
  ASSERT_NE(before, nullptr);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(before->end, cache.low);
  EXPECT_EQ(before->mapping, after->mapping);
}

process::MapEntry code_at(std::uint64_t start, std::uint64_t size) {
  process::MapEntry entry;
  entry.start = start;
  entry.end = start + size;
  entry.executable = true;
  return entry;
}

TEST_F(AddressSpaceTest, codeCachesThatOverlapOrAreEmptyAreMadeDisjoint) {
  const std::vector<CodeCacheRange> caches{{0x5000, 0x9000, 1},
                                           {0x1000, 0x6000, 0},
                                           {0x2000, 0x3000, 2},
                                           {0xa000, 0xa000, 4},
                                           {0xc000, 0xb000, 5}};
  const auto ranges = space_.build({code_at(0, 0x10000)}, caches);
  EXPECT_TRUE(sorted_and_disjoint(ranges));
  ASSERT_EQ(ranges.size(), 4U);
  EXPECT_EQ(ranges[1].jvm, 0);
  EXPECT_EQ(ranges[2].start, 0x6000U);
  EXPECT_EQ(ranges[2].jvm, 1);
  EXPECT_EQ(ranges[3].start, 0x9000U);
}

TEST_F(AddressSpaceTest, aCacheNotMappedYetIsARange) {
  const CodeCacheRange cache{0x7000'0000, 0x8000'0000, 0};
  const auto ranges = space_.build({}, std::span(&cache, 1));
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges[0].kind, JT_RANGE_HOTSPOT);
  EXPECT_EQ(ranges[0].mapping, 0U);
}

TEST_F(AddressSpaceTest, tooManyRangesAreCutWithoutCfiFirst) {
  std::vector<process::MapEntry> maps;
  for (std::uint64_t i = 1; i <= JT_MAX_RANGES + 10; ++i) maps.push_back(code_at(i << 16, 4096));
  const CodeCacheRange cache{~std::uint64_t{0} - 4096, ~std::uint64_t{0}, 0};
  const auto ranges = space_.build(maps, std::span(&cache, 1));
  EXPECT_EQ(ranges.size(), std::size_t{JT_MAX_RANGES});
  EXPECT_EQ(space_.left_out(), 11U);
  EXPECT_EQ(ranges.back().kind, JT_RANGE_HOTSPOT);
  EXPECT_TRUE(sorted_and_disjoint(ranges));
}

TEST_F(AddressSpaceTest, aFileThatCannotBeReadSaysWhy) {
  process::MapEntry gone = code_at(0x10000, 0x1000);
  gone.inode = 5;
  gone.path = "/nonexistent/lib.so";
  const auto ranges = space_.build({gone}, {});
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges[0].kind, JT_RANGE_NO_CFI);
  const MappedImage* image = space_.image(ranges[0].mapping);
  ASSERT_NE(image, nullptr);
  ASSERT_NE(image->binary, nullptr);
  EXPECT_FALSE(image->binary->has_cfi);
  EXPECT_THAT(image->binary->no_cfi_reason, ::testing::HasSubstr("/nonexistent/lib.so"));
}

// Weeks of programs that are built, run and deleted: each holds a descriptor and its blocks.
TEST_F(AddressSpaceTest, filesThatNobodyHasAreClosedTwoWindowsLater) {
  {
    AddressSpace other(::getpid(), binaries_);
    ASSERT_TRUE(other.refresh({}));
    const std::size_t open = binaries_.open_files();
    ASSERT_GT(open, 1U);
    for (int i = 0; i < 3; ++i) binaries_.note_window();
    EXPECT_EQ(binaries_.open_files(), open) << "a process has them";
  }
  const std::size_t open = binaries_.open_files();
  binaries_.note_window();
  EXPECT_EQ(binaries_.open_files(), open) << "its last events may still come";
  binaries_.note_window();
  EXPECT_EQ(binaries_.open_files(), 0U);
  const std::size_t rows = store_.rows().size();
  ASSERT_TRUE(space_.refresh({}));
  EXPECT_EQ(binaries_.open_files(), open) << "who comes back is held again";
  EXPECT_EQ(store_.rows().size(), rows) << "and is the same";
}

TEST(AddressSpaceLimits, aFullStoreCostsTheRulesOnly) {
  TableStore store(10);
  DirectReader reader;
  BinaryTables binaries(store, nullptr, reader);
  AddressSpace space(::getpid(), binaries);
  const auto ranges = space.refresh({});
  ASSERT_TRUE(ranges);
  const jt_range* here = range_with(*ranges, address_of(&compile_vdso_table));
  ASSERT_NE(here, nullptr);
  EXPECT_EQ(here->kind, JT_RANGE_NO_CFI);
  EXPECT_THAT(space.image(here->mapping)->binary->no_cfi_reason, ::testing::HasSubstr("full"));
}

// A build server: programs come, run and go, and are others each time.
TEST(AddressSpaceLimits, rowsOfWhatNobodyHasGoToTheNext) {
  DirectReader reader;
  std::uint32_t needed = 0;
  {
    TableStore all(4U << 20);
    BinaryTables binaries(all, nullptr, reader);
    AddressSpace space(::getpid(), binaries);
    ASSERT_TRUE(space.refresh({}));
    needed = all.used();
  }
  // Half as much again, so that two do not fit.
  TableStore store(needed * 3 / 2);
  BinaryTables binaries(store, nullptr, reader);
  const auto kind_here = [](AddressSpace& space) {
    const auto ranges = space.refresh({});
    const jt_range* here = range_with(*ranges, address_of(&compile_vdso_table));
    return here == nullptr ? 0U : here->kind;
  };
  const auto forget_all = [&] {
    return binaries.note_window(1U << 20, [](const Binary& /*binary*/) { return 1U; });
  };
  std::vector<const Binary*> had;
  {
    AddressSpace space(::getpid(), binaries);
    EXPECT_EQ(kind_here(space), JT_RANGE_NATIVE);
    EXPECT_EQ(store.used(), needed);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(forget_all().empty()) << "in use";
  }
  EXPECT_TRUE(binaries.note_window().empty()) << "its last events may still come";
  had = binaries.note_window();
  EXPECT_FALSE(had.empty());
  EXPECT_LE(store.used(), store.capacity() / 2) << "and no more than is wanted";
  EXPECT_FALSE(forget_all().empty());
  EXPECT_LT(store.used(), needed / 10) << "all but the vDSO";
  AddressSpace again(::getpid(), binaries);
  EXPECT_EQ(kind_here(again), JT_RANGE_NATIVE);
  EXPECT_EQ(store.used(), needed);
  EXPECT_LE(store.rows().size(), store.capacity());
}

// What had no room has it when there is some, of a process that lives on.
TEST(AddressSpaceLimits, whatHadNoRoomIsTriedAgain) {
  DirectReader reader;
  TableStore store(4U << 20);
  const std::vector<jt_row> rows(store.capacity());
  const auto full = store.add({{jt_rule{}}, rows});
  ASSERT_TRUE(full);
  BinaryTables binaries(store, nullptr, reader);
  AddressSpace space(::getpid(), binaries);
  std::vector<jt_range> ranges;
  const auto kind_here = [&] {
    ranges = *space.refresh({});
    const jt_range* here = range_with(ranges, address_of(&compile_vdso_table));
    return here == nullptr ? 0U : here->kind;
  };
  EXPECT_EQ(kind_here(), JT_RANGE_NO_CFI);
  EXPECT_FALSE(space.has_room_now());
  store.remove(*full);
  EXPECT_TRUE(space.has_room_now());
  EXPECT_EQ(kind_here(), JT_RANGE_NATIVE);
  EXPECT_FALSE(space.has_room_now());
  const auto vdso = std::ranges::find(space.maps(), "[vdso]", &process::MapEntry::path);
  ASSERT_NE(vdso, space.maps().end());
  EXPECT_EQ(range_with(ranges, vdso->start)->kind, JT_RANGE_NATIVE);
}

TEST(AddressSpaceLimits, aProcessThatIsGoneIsTheTargetsFault) {
  TableStore store(10);
  DirectReader reader;
  BinaryTables binaries(store, nullptr, reader);
  AddressSpace space(0x7fffffff, binaries);
  const auto ranges = space.refresh({});
  ASSERT_FALSE(ranges);
  EXPECT_EQ(ranges.error().code, Errc::Target);
}

}  // namespace
}  // namespace jtrace::unwind
